-- How much context calls had, per day and who made them: of sources that tell calls one by one, the calls that were given
-- any input. Exact percentiles, each the size of a call that there was; sums of calls cannot say them any more.
-- depends_on: {{ ref('int_usage__summed') }}
{{ config(**in_days_of_calls('usage_date')) }}

with callers as (
    select usage_key, provider_name, model, team, app, feature
    from {{ ref('int_usage__meaning') }}
    where is_call_level
)

select
    cast(calls.used_at as date) as usage_date,
    callers.provider_name,
    callers.model,
    callers.team,
    callers.app,
    callers.feature,
    count(*) as sized_request_count,
    cast({{ quantile_of('calls.input_tokens_in_request', 0.5) }} as bigint) as p50_input_tokens,
    cast({{ quantile_of('calls.input_tokens_in_request', 0.95) }} as bigint) as p95_input_tokens
from {{ ref('int_usage__token_classes') }} as calls
inner join callers on calls.usage_key = callers.usage_key
where
    calls.request_count = 1 and calls.input_tokens_in_request > 0
    and {{ is_in_days_of_calls('calls.used_at') }}
group by 1, 2, 3, 4, 5, 6
