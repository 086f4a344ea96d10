-- Each training as the expected usage happens, row by row of usage from its day on, until nothing is left.
with counted as (
    select
        trainings.training_key,
        trainings.amortisation_id,
        trainings.currency,
        trainings.training_effective_cost,
        trainings.training_estimated_cost,
        trainings.expected_quantity,
        usage.usage_date,
        usage.team,
        usage.app,
        usage.model,
        usage.quantity,
        sum(usage.quantity) over (
            partition by trainings.training_key
            order by usage.usage_date, usage.app, usage.model, usage.team
            rows between unbounded preceding and current row
        ) as quantity_through
    from {{ ref('int_amortisation__training') }} as trainings
    inner join {{ ref('int_amortisation__usage') }} as usage
        on trainings.amortisation_id = usage.amortisation_id and usage.usage_date >= trainings.training_date
    where trainings.method = 'by_usage' and usage.quantity > 0
),

bounded as (
    select
        *,
        cast(least(quantity_through, expected_quantity) as bigint) as part_through,
        cast(least(quantity_through - quantity, expected_quantity) as bigint) as part_before
    from counted
    where quantity_through - quantity < expected_quantity
)

select
    training_key,
    amortisation_id,
    usage_date,
    team,
    app,
    model,
    currency
    {%- for cost in ['training_effective_cost', 'training_estimated_cost'] %},
    cast(
        {{ used_up(cost, 'part_through', 'expected_quantity') }} - {{ used_up(cost, 'part_before', 'expected_quantity') }}
        as decimal(38, 12)
    ) as {{ cost }}
    {%- endfor %}
from bounded
