-- How long calls of the judged variants took that did not fail, from start to end, as spans tell it. Exact percentiles, each the
-- duration of a call that there was.
with callers as (
    select distinct meanings.usage_key, meanings.app, meanings.provider_name, meanings.model, scores.usage_month
    from {{ ref('int_usage__meaning') }} as meanings
    inner join {{ ref('int_model__score') }} as scores
        on meanings.app = scores.app and lower(meanings.model) = scores.model
    where meanings.source = 'spans'
),

calls as (
    select
        {{ row_hash(["'spans'", 'said_key']) }} as usage_key,
        {{ month_of('cast(start_at as date)') }} as usage_month,
        cast(round({{ seconds_between('start_at', 'end_at') }} * 1000) as bigint) as duration_ms
    from {{ ref('stg_otel__genai_span') }}
    where error_type is null and end_at is not null
)

select
    callers.usage_month,
    callers.app,
    callers.provider_name,
    callers.model,
    count(*) as timed_request_count,
    cast({{ quantile_of('calls.duration_ms', 0.5) }} as bigint) as p50_latency_ms,
    cast({{ quantile_of('calls.duration_ms', 0.95) }} as bigint) as p95_latency_ms
from calls
inner join callers on calls.usage_key = callers.usage_key and calls.usage_month = callers.usage_month
group by 1, 2, 3, 4
