-- What guardrails judge: how far each monthly budget is used, and the last complete day's usage against the same
-- weekday. Facts only; thresholds and decisions are the guardrails' business.
{% set scopes = ['team', 'app', 'model'] %}

with settings as (
    select * from {{ ref('stg_config__setting') }}
),

bill_checks as (
    select
        billing_currency as currency,
        usage_date,
        bool_and(is_reconciled) as is_reconciled
    from {{ ref('fct_reconciliation_daily') }}
    group by 1, 2
),

budget_facts as (
    select
        'monthly_budget' as kind,
        status.budget_id,
        status.scope_type,
        status.scope_value,
        {{ time_as_text('status.period_start', "'%Y-%m'") }} as period,
        status.period_starts_at,
        status.period_ends_at,
        'effective_cost' as metric,
        status.billed_to_date as value,
        status.budget_amount as reference,
        status.projected_cost,
        status.currency,
        -- A day's bill covers it to its end.
        cast({{ add_days('status.billed_through', 1) }} as timestamp) as data_through,
        -- Nothing to reconcile is nothing to rely on.
        coalesce(bool_and(checks.is_reconciled), false) as is_reconciled
    from {{ ref('fct_budget_status') }} as status
    left join bill_checks as checks
        on
            status.currency = checks.currency
            and checks.usage_date between status.period_start and status.period_end
    where status.period = 'month'
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
),

usage as (
    select *
    from {{ ref('fct_usage_cost_hourly') }}
    where is_attributable and price_status = 'priced'
),

usage_days as (
    {% for scope in scopes %}
    select
        '{{ scope }}' as scope_type, {{ scope }} as scope_value, currency, cast(usage_hour as date) as usage_date,
        sum(estimated_cost) as cost
    from usage
    where {{ scope }} is not null
    group by 1, 2, 3, 4
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

last_day as (
    select {{ add_days('as_of_date', -1) }} as usage_date from settings
),

typical as (
    select
        days.scope_type,
        days.scope_value,
        days.currency,
        {{ median_amount('days.cost') }} as typical_cost,
        count(*) as weeks
    from usage_days as days
    cross join last_day
    where
        days.usage_date in (
            {%- for weeks in [1, 2, 3, 4] %}
            {{ add_days('last_day.usage_date', -7 * weeks) }}{{ ',' if not loop.last }}
            {%- endfor %}
        )
    group by 1, 2, 3
),

-- Tokens as landed against tokens as priced, on the last day: the usage side of reconciliation.
landed_tokens as (
    select sum(landed.tokens) as tokens
    from ({{ landed_tokens() }}) as landed
    inner join last_day on landed.usage_date = last_day.usage_date
),

priced_tokens as (
    select
        sum(usage.tokens) filter (
            where usage.source in ('{{ landed_token_sources() | join("', '") }}')
        ) as tokens,
        {{ add_seconds('max(usage.usage_hour)', 3600) }} as data_through
    from {{ ref('fct_usage_cost_hourly') }} as usage
    cross join last_day
    where cast(usage.usage_hour as date) = last_day.usage_date
),

usage_facts as (
    select
        'usage_doubled' as kind,
        cast(null as string) as budget_id,
        days.scope_type,
        days.scope_value,
        cast(days.usage_date as string) as period,
        cast(days.usage_date as timestamp) as period_starts_at,
        cast({{ add_days('days.usage_date', 1) }} as timestamp) as period_ends_at,
        'estimated_cost' as metric,
        days.cost as value,
        typical.typical_cost as reference,
        cast(null as decimal(38, 12)) as projected_cost,
        days.currency,
        cast(priced_tokens.data_through as timestamp) as data_through,
        coalesce(landed_tokens.tokens, 0) = coalesce(priced_tokens.tokens, 0) as is_reconciled
    from usage_days as days
    inner join last_day on days.usage_date = last_day.usage_date
    inner join typical
        on
            days.scope_type = typical.scope_type
            and days.scope_value = typical.scope_value
            and days.currency = typical.currency
    cross join landed_tokens
    cross join priced_tokens
    -- One week says nothing about what is typical, and nothing is twice nothing.
    where typical.weeks >= 2 and typical.typical_cost > 0
)

select
    {{ stable_id(['kind', 'budget_id', 'scope_type', 'scope_value', 'currency', 'period', 'metric', 'settings.as_of']) }}
        as fact_id,
    facts.kind,
    facts.budget_id,
    facts.scope_type,
    facts.scope_value,
    facts.period,
    facts.period_starts_at,
    facts.period_ends_at,
    facts.metric,
    cast(facts.value as decimal(38, 12)) as value,
    cast(facts.reference as decimal(38, 12)) as reference,
    {{ ratio('facts.value', 'facts.reference') }} as ratio,
    {{ ratio('facts.projected_cost', 'facts.reference') }} as projected_ratio,
    facts.currency,
    cast(facts.value - facts.reference as decimal(38, 12)) as increase_amount,
    facts.data_through,
    facts.is_reconciled,
    settings.as_of
from (select * from budget_facts union all select * from usage_facts) as facts
cross join settings
