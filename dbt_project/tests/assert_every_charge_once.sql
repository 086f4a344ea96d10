{# An asset check of the model named here: Dagster shows a test of several models nowhere otherwise. #}
{{ config(meta={'dagster': {'ref': {'name': 'int_cost__union'}}}) }}

-- Every charge of the bill is in the cost model once, to the last digit of all four costs, whether it was split or not:
-- shared charges sum to themselves, for refunds too, and a cost the producer did not give stays unknown.
{% set costs = ['billed_cost', 'effective_cost', 'list_cost', 'contracted_cost'] %}

with modelled as (
    select
        charge_id
        {%- for cost in costs %},
        sum({{ cost }}) as {{ cost }}
        {%- endfor %}
    from {{ ref('int_cost__union') }}
    group by charge_id
)

select
    coalesce(charges.charge_id, modelled.charge_id) as charge_id,
    charges.billed_cost,
    modelled.billed_cost as modelled_billed_cost
from {{ ref('stg_focus__cost_and_usage') }} as charges
full outer join modelled on charges.charge_id = modelled.charge_id
where
    charges.charge_id is null
    or modelled.charge_id is null
    {%- for cost in costs %}
    or charges.{{ cost }} is distinct from modelled.{{ cost }}
    {%- endfor %}
