-- Tokens of each model that no list has a price for, and what they may have cost by the nearest price there is.
with daily as (
    select
        usage_date, model, min(guess_currency) as currency, sum(tokens) as tokens, sum(guessed_cost) as guessed_cost
    from {{ ref('fct_unpriced_usage') }}
    where model is not null
    group by 1, 2
    having sum(tokens) > 0
)

select
    'price_unknown' as kind,
    'model' as scope_type,
    daily.model as scope_value,
    cast(null as string) as subject,
    cast(daily.usage_date as string) as period,
    days.starts_at as period_starts_at,
    days.ends_at as period_ends_at,
    'unpriced_tokens' as metric,
    'tokens' as unit,
    cast(daily.tokens as decimal(38, 12)) as value,
    cast(null as decimal(38, 12)) as reference,
    coalesce(daily.currency, settings.reporting_currency) as currency,
    coalesce(daily.guessed_cost, 0) as increase_amount,
    days.usage_through as data_through,
    days.is_usage_reconciled as is_reconciled,
    days.usage_known_from as known_from,
    days.usage_known_to as known_to,
    days.is_last_whole_day as is_current
from daily
inner join {{ ref('int_guardrail__day') }} as days on daily.usage_date = days.usage_date
cross join {{ ref('stg_config__setting') }} as settings
