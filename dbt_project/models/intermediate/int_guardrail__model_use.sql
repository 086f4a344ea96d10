-- Which models each app uses, and what a day of that costs.
with daily as (
    select usage_date, app, model, currency, sum(estimated_cost) as cost
    from {{ ref('int_usage__daily') }}
    where is_attributable and app is not null and model is not null and tokens > 0
    group by 1, 2, 3, 4
),

-- Usage without a price counts as used: one fact a day, in the currency that has most of its money.
ranked as (
    select
        *,
        row_number() over (partition by usage_date, app, model order by coalesce(cost, 0) desc, currency) as currency_rank
    from daily
)

select
    'model_use' as kind,
    'app' as scope_type,
    ranked.app as scope_value,
    ranked.model as subject,
    cast(ranked.usage_date as string) as period,
    days.starts_at as period_starts_at,
    days.ends_at as period_ends_at,
    'estimated_cost' as metric,
    'currency' as unit,
    coalesce(ranked.cost, 0) as value,
    cast(null as decimal(38, 12)) as reference,
    coalesce(ranked.currency, settings.reporting_currency) as currency,
    coalesce(ranked.cost, 0) as increase_amount,
    days.usage_through as data_through,
    days.is_usage_reconciled as is_reconciled,
    days.usage_known_from as known_from,
    days.usage_known_to as known_to,
    days.is_last_whole_day as is_current
from ranked
inner join {{ ref('int_guardrail__day') }} as days on ranked.usage_date = days.usage_date
cross join {{ ref('stg_config__setting') }} as settings
where ranked.currency_rank = 1
