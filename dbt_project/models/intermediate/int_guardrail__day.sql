-- The days that guardrails can be replayed over: when usage of each was complete and known, when the bill first told of it, and
-- whether the newest whole day's usage reconciles.
with settings as (
    select * from {{ ref('stg_config__setting') }}
),

days as (
    {{ every_day(
        '(select ' ~ add_days('as_of_date', -var('guardrail_history_days')) ~ ' from settings)',
        '(select as_of_date from settings)'
    ) }}
),

first_billed as (
    select usage_date, min(known_from) as known_from
    from {{ ref('int_guardrail__bill_change') }}
    where billed_delta > 0
    group by 1
),

-- Tokens as landed against tokens as priced, on the last whole day: the usage side of reconciliation. Older days are not asked
-- again: what did not reconcile when it was new stopped the run of then.
landed_tokens as (
    select sum(tokens) as tokens
    from ({{ landed_tokens(day='select ' ~ add_days('as_of_date', -1) ~ ' from settings') }}) as landed
),

priced_tokens as (
    select sum(usage.tokens) as tokens
    from {{ ref('int_usage__daily') }} as usage
    inner join settings on usage.usage_date = {{ add_days('settings.as_of_date', -1) }}
    where usage.source in ('{{ landed_token_sources() | join("', '") }}')
),

newest_hours as (
    select usage_date, {{ add_seconds('max(usage_hour)', 3600) }} as usage_through
    from {{ ref('int_usage__priced') }}
    where usage_date >= (select min(date_day) from days)
    group by 1
)

select
    days.date_day as usage_date,
    cast(days.date_day as timestamp) as starts_at,
    cast({{ add_days('days.date_day', 1) }} as timestamp) as ends_at,
    {{ add_seconds('cast(' ~ add_days('days.date_day', 1) ~ ' as timestamp)', 3600 * var('usage_delay_hours')) }}
        as usage_known_from,
    {{ add_seconds('cast(' ~ add_days('days.date_day', 2) ~ ' as timestamp)', 3600 * var('usage_delay_hours')) }}
        as usage_known_to,
    cast(newest_hours.usage_through as timestamp) as usage_through,
    first_billed.known_from as bill_known_from,
    lead(first_billed.known_from) over (order by days.date_day) as bill_known_to,
    days.date_day = {{ add_days('settings.as_of_date', -1) }} as is_last_whole_day,
    case
        when days.date_day = {{ add_days('settings.as_of_date', -1) }}
            then coalesce(landed_tokens.tokens, 0) = coalesce(priced_tokens.tokens, 0)
        else true
    end as is_usage_reconciled
from days
cross join settings
cross join landed_tokens
cross join priced_tokens
left join newest_hours on days.date_day = newest_hours.usage_date
left join first_billed on days.date_day = first_billed.usage_date
