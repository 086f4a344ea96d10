-- Every fact of the history with the moments between which it was the newest known. fct_guardrail_facts has those that count now;
-- fct_guardrail_fact_history all of them.
{{ config(tags=['signals']) }}
{% set kinds = [
    'usage_doubled', 'anomaly', 'hourly_use', 'idle_gpu', 'tokens', 'context_length', 'model_use', 'tag_missing',
    'price_unknown', 'region_use'
] %}
{% set columns = [
    'kind', 'scope_type', 'scope_value', 'subject', 'period', 'period_starts_at', 'period_ends_at', 'metric', 'unit', 'value',
    'reference', 'currency', 'increase_amount', 'data_through', 'is_reconciled', 'known_from', 'known_to', 'is_current'
] %}
{% set nothing = 'cast(null as decimal(38, 12))' %}

with facts as (
    {% for kind in kinds %}
    select
        cast(null as string) as budget_id, {{ columns | join(', ') }},
        {{ nothing }} as projected_cost,
        -- Usage and vendors' regions count as known a typical time after they end.
        {{ 'true' if kind not in ['tag_missing'] else 'false' }} as is_assumed
    from {{ ref('int_guardrail__' ~ kind) }}
    union all
    {% endfor %}
    select budget_id, {{ columns | join(', ') }}, {{ nothing }} as projected_cost, is_assumed
    from {{ ref('int_guardrail__burn_rate') }}
    union all
    select
        budget_id,
        'budget' as kind,
        scope_type,
        scope_value,
        cast(null as string) as subject,
        period_name as period,
        period_starts_at,
        period_ends_at,
        'effective_cost' as metric,
        'currency' as unit,
        billed_to_date as value,
        budget_amount as reference,
        currency,
        billed_to_date - budget_amount as increase_amount,
        cast({{ add_days('billed_through', 1) }} as timestamp) as data_through,
        is_reconciled,
        known_from,
        known_to,
        known_to is null as is_current,
        projected_cost,
        is_assumed
    from {{ ref('int_guardrail__budget') }}
)

select
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
    facts.projected_cost,
    facts.currency,
    cast(facts.increase_amount as decimal(38, 12)) as increase_amount,
    cast(facts.data_through as timestamp) as data_through,
    facts.is_reconciled,
    -- What this run has is known now, however long its kind takes as a rule.
    cast(case when facts.is_current then least(facts.known_from, settings.as_of) else facts.known_from end as timestamp)
        as known_from,
    cast(case when facts.known_to <= settings.as_of then facts.known_to when not facts.is_current then settings.as_of end as timestamp)
        as known_to,
    facts.is_current,
    facts.is_assumed
from facts
cross join {{ ref('stg_config__setting') }} as settings
where
    facts.is_current
    or (facts.known_from < settings.as_of and (facts.known_to is null or facts.known_to > facts.known_from))
