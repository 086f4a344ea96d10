{# An asset check of the model named here: Dagster shows a test of several models nowhere otherwise. #}
{{ config(meta={'dagster': {'ref': {'name': 'fct_allocated_charge'}}}) }}

-- The parts of every charge sum to it to the last digit, no charge is missing, and what is explained is what is
-- reported: the same totals as the daily mart per provider, day and currency.
{% set costs = ['billed_cost', 'effective_cost'] %}

with parts as (
    select
        charge_id
        {%- for cost in costs %},
        sum({{ cost }}) as {{ cost }},
        min(charge_{{ cost }}) as least_{{ cost }},
        max(charge_{{ cost }}) as most_{{ cost }}
        {%- endfor %}
    from {{ ref('fct_allocated_charge') }}
    group by charge_id
),

{% for name, model in [('explained', 'fct_allocated_charge'), ('reported', 'fct_ai_cost_daily')] %}
{{ name }} as (
    select provider_name, usage_date, billing_currency, sum(billed_cost) as billed_cost, sum(effective_cost) as effective_cost
    from {{ ref(model) }}
    group by 1, 2, 3
){{ ',' if not loop.last }}
{% endfor %}

select 'the parts of a charge do not sum to it' as problem, coalesce(charges.charge_id, parts.charge_id) as subject
from {{ ref('stg_focus__cost_and_usage') }} as charges
full outer join parts on charges.charge_id = parts.charge_id
where
    charges.charge_id is null
    or parts.charge_id is null
    {%- for cost in costs %}
    or charges.{{ cost }} is distinct from parts.{{ cost }}
    or charges.{{ cost }} is distinct from parts.least_{{ cost }}
    or charges.{{ cost }} is distinct from parts.most_{{ cost }}
    {%- endfor %}

union all

select
    'totals differ from fct_ai_cost_daily' as problem,
    concat_ws(
        ', ',
        coalesce(reported.provider_name, explained.provider_name),
        cast(coalesce(reported.usage_date, explained.usage_date) as string),
        coalesce(reported.billing_currency, explained.billing_currency)
    ) as subject
from reported
full outer join explained
    on
        reported.provider_name = explained.provider_name
        and reported.usage_date = explained.usage_date
        and reported.billing_currency = explained.billing_currency
where
    reported.billed_cost is distinct from explained.billed_cost
    or reported.effective_cost is distinct from explained.effective_cost
