{# An asset check of the model named here: Dagster shows a test of several models nowhere otherwise. #}
{{ config(meta={'dagster': {'ref': {'name': 'fct_usage_cost_hourly'}}}) }}

-- Tokens as reported equal tokens in the mart per source and day: classes are disjoint and complete, and no join lost
-- or doubled a call.
with reported as (
    {{ landed_tokens() }}
),

modelled as (
    select source, cast(usage_hour as date) as usage_date, sum(tokens) as tokens, sum(request_count) as requests
    from {{ ref('fct_usage_cost_hourly') }}
    where source in ('{{ landed_token_sources() | join("', '") }}')
    group by 1, 2
)

select
    coalesce(reported.source, modelled.source) as source,
    coalesce(reported.usage_date, modelled.usage_date) as usage_date,
    reported.tokens,
    modelled.tokens as modelled_tokens,
    reported.requests,
    modelled.requests as modelled_requests
from reported
full outer join modelled on reported.source = modelled.source and reported.usage_date = modelled.usage_date
where
    coalesce(reported.tokens, 0) <> coalesce(modelled.tokens, 0)
    or coalesce(reported.requests, 0) <> coalesce(modelled.requests, 0)
