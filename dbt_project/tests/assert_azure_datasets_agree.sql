{# An asset check of the model named here: Dagster shows a test of several models nowhere otherwise. #}
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'stg_azure_cost__dataset'}}}) }}

-- Charges that no commitment touches cost the same in the actual and the amortised dataset, once the month is closed. If
-- not, one of the two is a part or an older state; the amortised one is counted.
select
    datasets.delivery_id,
    datasets.billing_month_start,
    datasets.actual_plain_cost,
    datasets.amortized_plain_cost
from {{ ref('stg_azure_cost__dataset') }} as datasets
cross join {{ ref('stg_config__setting') }} as settings
where
    datasets.has_actual
    and datasets.has_amortized
    and datasets.actual_plain_cost <> datasets.amortized_plain_cost
    and settings.as_of_date >= {{ add_days(add_months('datasets.billing_month_start', 1), closing_days()) }}
