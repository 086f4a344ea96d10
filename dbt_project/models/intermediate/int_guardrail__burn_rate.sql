-- How fast budgets burn: what the newest one, three and seven billed days cost against what the budget allows in them.
{{ config(tags=['signals']) }}

{% for days in [1, 3, 7] %}
select
    'burn_rate' as kind,
    budget_id,
    scope_type,
    scope_value,
    cast(null as string) as subject,
    period_name as period,
    period_starts_at,
    period_ends_at,
    'burn_rate_{{ days }}d' as metric,
    'currency' as unit,
    last_{{ days }}_days_cost as value,
    {{ decimal_of_double('cast(budget_amount as double) * ' ~ days ~ ' / period_days') }} as reference,
    currency,
    last_{{ days }}_days_cost
    - {{ decimal_of_double('cast(budget_amount as double) * ' ~ days ~ ' / period_days') }} as increase_amount,
    cast({{ add_days('billed_through', 1) }} as timestamp) as data_through,
    is_reconciled,
    known_from,
    known_to,
    known_to is null as is_current,
    is_assumed
from {{ ref('int_guardrail__budget') }}
-- A milestone or a year is longer than three days; a day's budget burns by itself.
where period_days > {{ days }} and budget_amount > 0 and billed_through is not null
{{ 'union all' if not loop.last }}
{% endfor %}
