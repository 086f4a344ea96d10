-- How much context an app gives a model: the 95th percentile of its requests' input where calls are told one by one, else
-- their mean.
with daily as (
    select
        usage_date, app, model, currency,
        coalesce(cast(max(p95_input_tokens) as decimal(38, 12)), cast(max(mean_input_tokens) as decimal(38, 12))) as tokens,
        coalesce(sum(estimated_cost), 0) as cost
    from {{ ref('fct_prompt_economics_daily') }}
    where app is not null and model is not null
    group by 1, 2, 3, 4
),

ranked as (
    -- A day of an app and a model is one fact, in the currency of most of its money.
    select
        *,
        max(tokens) over (partition by usage_date, app, model) as most_tokens,
        row_number() over (partition by usage_date, app, model order by cost desc, currency) as currency_rank
    from daily
)

select
    'context_length' as kind,
    'app' as scope_type,
    ranked.app as scope_value,
    ranked.model as subject,
    cast(ranked.usage_date as string) as period,
    days.starts_at as period_starts_at,
    days.ends_at as period_ends_at,
    'p95_input_tokens' as metric,
    'tokens' as unit,
    ranked.most_tokens as value,
    cast(null as decimal(38, 12)) as reference,
    coalesce(ranked.currency, settings.reporting_currency) as currency,
    ranked.cost as increase_amount,
    days.usage_through as data_through,
    days.is_usage_reconciled as is_reconciled,
    days.usage_known_from as known_from,
    days.usage_known_to as known_to,
    days.is_last_whole_day as is_current
from ranked
inner join {{ ref('int_guardrail__day') }} as days on ranked.usage_date = days.usage_date
cross join {{ ref('stg_config__setting') }} as settings
where ranked.currency_rank = 1 and ranked.most_tokens > 0
