-- What guardrails judge: how far each budget is used in its period, and the last complete day's usage against the same
-- weekday. Facts only; thresholds and decisions are the guardrails' business.
{% set scopes = ['team', 'app', 'model'] %}
{% set thursday = add_days('status.period_start', 3) %}

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

-- The milestone that a budget lives on: of those approved the one that lasts longest, else the next one due.
milestones as (
    select
        status.budget_id,
        coalesce(
            max_by(changes.name, changes.valid_to) filter (where changes.valid_from <= status.as_of_date),
            min_by(changes.name, changes.valid_to)
        ) as milestone_id
    from {{ ref('fct_budget_status') }} as status
    inner join {{ source('config', 'budget_change') }} as changes
        on status.budget_id = changes.budget_id and changes.kind = 'milestone'
    where status.period = 'milestone'
    group by 1
),

budgets as (
    select
        status.*,
        case status.period
            when 'day' then cast(status.period_start as string)
            -- A week has the number and the year that its Thursday has.
            when 'week'
                then
                    cast(extract(year from {{ thursday }}) as string) || '-W'
                    || lpad(
                        cast(cast(floor((extract(doy from {{ thursday }}) - 1) / 7) as bigint) + 1 as string), 2, '0'
                    )
            when 'month' then {{ time_as_text('status.period_start', "'%Y-%m'") }}
            when 'quarter' then cast(dates.fiscal_year as string) || '-Q' || cast(dates.fiscal_quarter as string)
            when 'year' then cast(dates.fiscal_year as string)
            when 'milestone' then milestones.milestone_id
        end as period_name
    from {{ ref('fct_budget_status') }} as status
    -- The last day of a fiscal period is always there; its first may lie before the first fact.
    left join {{ ref('dim_date') }} as dates on status.period_end = dates.date_day
    left join milestones on status.budget_id = milestones.budget_id
),

budget_facts as (
    select
        'budget' as kind,
        status.budget_id,
        status.scope_type,
        status.scope_value,
        status.period_name as period,
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
    from budgets as status
    left join bill_checks as checks
        on
            status.currency = checks.currency
            and checks.usage_date between status.period_start and status.period_end
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
    cast(null as string) as subject,
    facts.period,
    facts.period_starts_at,
    facts.period_ends_at,
    facts.metric,
    'currency' as unit,
    cast(facts.value as decimal(38, 12)) as value,
    cast(facts.reference as decimal(38, 12)) as reference,
    -- Without any money, the first cent is all of it.
    coalesce({{ ratio('facts.value', 'facts.reference') }}, case when facts.value > 0 then 1 else 0 end) as ratio,
    case
        when facts.projected_cost is not null
            then coalesce(
                {{ ratio('facts.projected_cost', 'facts.reference') }}, case when facts.projected_cost > 0 then 1 else 0 end
            )
    end as projected_ratio,
    facts.currency,
    cast(facts.value - facts.reference as decimal(38, 12)) as increase_amount,
    facts.data_through,
    facts.is_reconciled,
    settings.as_of
from (select * from budget_facts union all select * from usage_facts) as facts
cross join settings
