-- Deployments of provisioned capacity, as Azure Monitor tells them apart: those whose utilisation it measures. Their capacity is
-- paid for by the hour, so a token more or less of theirs costs nothing.
select distinct resource_id, deployment_name
from {{ ref('stg_azure_monitor__metric') }}
where deployment_name is not null and lower(metric_name) in ('{{ provisioned_metrics() | join("', '") }}')
