-- What guardrails judge now: how far each budget is used in its period and how fast it burns, what usage of the newest whole
-- days and hours was, incidents, idle GPUs, regions, tags. Facts only; thresholds and decisions are the guardrails' business.
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
        'budget' as kind,
        status.budget_id,
        status.scope_type,
        status.scope_value,
        cast(null as string) as subject,
        periods.period_name as period,
        status.period_starts_at,
        status.period_ends_at,
        'effective_cost' as metric,
        'currency' as unit,
        status.billed_to_date as value,
        status.budget_amount as reference,
        status.projected_cost,
        status.currency,
        status.billed_to_date - status.budget_amount as increase_amount,
        -- A day's bill covers it to its end.
        cast({{ add_days('status.billed_through', 1) }} as timestamp) as data_through,
        -- Nothing to reconcile is nothing to rely on.
        coalesce(bool_and(checks.is_reconciled), false) as is_reconciled
    from {{ ref('fct_budget_status') }} as status
    inner join {{ ref('int_budget__period_daily') }} as periods
        on status.budget_id = periods.budget_id and periods.is_reported
    left join bill_checks as checks
        on
            status.currency = checks.currency
            and checks.usage_date between status.period_start and status.period_end
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
),

facts as (
    select * from budget_facts
    union all
    select
        kind, budget_id, scope_type, scope_value, subject, period, period_starts_at, period_ends_at, metric, unit, value,
        reference, projected_cost, currency, increase_amount, data_through, is_reconciled
    from {{ ref('int_guardrail__fact') }}
    where is_current and kind <> 'budget'
)

select
    {{ stable_id([
        'facts.kind', 'facts.budget_id', 'facts.scope_type', 'facts.scope_value', 'facts.subject', 'facts.currency',
        'facts.period', 'facts.metric', 'settings.as_of'
    ]) }} as fact_id,
    facts.kind,
    facts.budget_id,
    facts.scope_type,
    facts.scope_value,
    facts.subject,
    facts.period,
    facts.period_starts_at,
    facts.period_ends_at,
    facts.metric,
    facts.unit,
    cast(facts.value as decimal(38, 12)) as value,
    cast(facts.reference as decimal(38, 12)) as reference,
    cast({{ share_used('facts.value', 'facts.reference') }} as decimal(18, 6)) as ratio,
    cast({{ share_used('facts.projected_cost', 'facts.reference') }} as decimal(18, 6)) as projected_ratio,
    facts.currency,
    cast(facts.increase_amount as decimal(38, 12)) as increase_amount,
    facts.data_through,
    facts.is_reconciled,
    settings.as_of
from facts
cross join settings
