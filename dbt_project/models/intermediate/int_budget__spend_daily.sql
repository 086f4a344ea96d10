-- What the bill charges each budget, by day. Only money in the budget's currency counts, and only AI spend.

with days as (
    select
        usage_date, billing_currency, business_unit, team, app, project, model, environment,
        sum(effective_cost) as effective_cost
    from {{ ref('int_cost__union') }}
    where is_ai
    group by 1, 2, 3, 4, 5, 6, 7, 8
),

scoped as (
    {% for scope_type, scope_value in budget_scopes() %}
    select
        '{{ scope_type }}' as scope_type, {{ scope_value }} as scope_value, billing_currency, usage_date,
        sum(effective_cost) as effective_cost
    from days
    group by 1, 2, 3, 4
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    budgets.budget_id,
    scoped.usage_date,
    cast(scoped.effective_cost as decimal(38, 12)) as effective_cost
from {{ ref('int_budget__period') }} as budgets
inner join scoped
    on
        budgets.scope_type = scoped.scope_type
        and budgets.scope_value = scoped.scope_value
        and budgets.currency = scoped.billing_currency
