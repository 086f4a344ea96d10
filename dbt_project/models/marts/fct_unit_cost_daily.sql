-- Units of units.yml by day: what the money bought. Cost and quantity of a row are about the same values of the dimensions;
-- which cost the measure covers was settled in int_unit__cost and int_unit__quantity.
{% set training = ['training_effective_cost', 'training_estimated_cost'] %}
{% set no_training = [
    'cast(null as decimal(38, 12)) as training_effective_cost', 'cast(null as decimal(38, 12)) as training_estimated_cost'
] %}
{% set grain = unit_grain_dimensions().values() | list %}
{% set token_measures = "('tokens', 'input_tokens', 'output_tokens')" %}
{% set second_measures = "('gpu_hours', 'gpu_hours_allocated', 'gpu_hours_busy', 'training_hours')" %}

with costs as (
    {{ facts_of_units(
        ref('int_unit__cost'),
        ['team', 'app', 'project', 'feature', 'customer', 'model', 'environment', 'ai_category', 'attribution_method'],
        ['facts.effective_cost', 'facts.estimated_cost', 'cast(null as decimal(38, 12)) as amount'] + no_training,
        "units.cost_basis = facts.cost_basis and units.currency = facts.currency"
            ~ " and (units.matching <> 'billed' or units.measured_by = facts.measured_by)"
    ) }}
),

quantities as (
    {% for measured_by, known in {
        'usage': ['team', 'app', 'project', 'feature', 'customer', 'model', 'environment'],
        'gpu': ['team', 'app'],
        'runs': ['team', 'app', 'project'],
        'outcomes': ['team', 'app', 'feature']
    }.items() %}
    {{ facts_of_units(
        ref('int_unit__quantity'), known,
        [
            'cast(null as decimal(38, 12)) as effective_cost', 'cast(null as decimal(38, 12)) as estimated_cost',
            'facts.amount'
        ] + no_training,
        "units.measured_by = '" ~ measured_by ~ "' and units.measure = facts.measure"
            ~ " and units.matching = facts.matching and units.outcome is not distinct from facts.outcome"
            ~ " and (facts.currency is null or units.currency = facts.currency)"
    ) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

training as (
    {{ facts_of_units(
        '(select * from ' ~ ref('fct_training_amortisation_daily') ~ ' where not is_planned)', ['team', 'app', 'model'],
        [
            'cast(null as decimal(38, 12)) as effective_cost', 'cast(null as decimal(38, 12)) as estimated_cost',
            'cast(null as decimal(38, 12)) as amount', 'facts.training_effective_cost', 'facts.training_estimated_cost'
        ],
        'units.includes_training and units.currency = facts.currency'
    ) }}
),

daily as (
    select
        unit_id,
        usage_date,
        {{ grain | join(',\n        ') }},
        sum(effective_cost) as effective_cost,
        sum(estimated_cost) as estimated_cost,
        sum(amount) as amount,
        sum(training_effective_cost) as training_effective_cost,
        sum(training_estimated_cost) as training_estimated_cost
    from (
        select * from costs
        union all
        select * from quantities
        union all
        select * from training
    ) as all_sides
    group by 1, 2, {% for _ in grain %}{{ loop.index + 2 }}{{ ', ' if not loop.last }}{% endfor %}
),

-- Days with a bill: before the first and after the last day with cost of a unit, quantities say nothing of what one costs.
known as (
    select unit_id, min(usage_date) as first_day, max(usage_date) as last_day
    from daily
    where effective_cost is not null or estimated_cost is not null
    group by unit_id
),

bill as (
    select costs.currency, max(costs.usage_date) as billed_through
    from {{ ref('int_unit__cost') }} as costs
    where costs.effective_cost is not null
    group by costs.currency
),

joined as (
    select
        daily.usage_date,
        units.unit_id,
        units.unit_name,
        units.cost_basis,
        case
            when units.measure = 'value' then 'value of ' || units.outcome
            else coalesce(units.outcome, units.measure)
        end as measure,
        units.grain,
        {%- for column in grain %}
        daily.{{ column }},
        {%- endfor %}
        units.currency,
        cast(daily.effective_cost as decimal(38, 12)) as effective_cost,
        cast(daily.estimated_cost as decimal(38, 12)) as estimated_cost,
        cast(
            coalesce(daily.effective_cost + daily.estimated_cost, daily.effective_cost, daily.estimated_cost)
            as decimal(38, 12)
        ) as total_cost,
        cast(
            case
                when units.measure in {{ token_measures }} then {{ tokens_in_millions('daily.amount') }}
                when units.measure in {{ second_measures }} then {{ unit_price('daily.amount', '3600') }}
                else daily.amount
            end as decimal(38, 12)
        ) as quantity,
        units.target_amount,
        {%- for cost in training %}
        cast(daily.{{ cost }} as decimal(38, 12)) as {{ cost }},
        {%- endfor %}
        cast(
            case
                when
                    units.includes_training
                    and coalesce(
                        daily.effective_cost, daily.estimated_cost, daily.training_effective_cost,
                        daily.training_estimated_cost
                    ) is not null
                    then
                        coalesce(daily.effective_cost, 0) + coalesce(daily.estimated_cost, 0)
                        + coalesce(daily.training_effective_cost, 0) + coalesce(daily.training_estimated_cost, 0)
            end as decimal(38, 12)
        ) as total_cost_with_training,
        case
            when units.cost_basis = 'bill' then daily.usage_date <= coalesce(bill.billed_through, date '0001-01-01')
            else daily.usage_date < settings.as_of_date
        end as is_complete,
        {{ days_between("date '2000-01-01'", 'daily.usage_date') }} as day_number
    from daily
    inner join known on daily.unit_id = known.unit_id
    inner join {{ ref('int_unit__definition') }} as units on daily.unit_id = units.unit_id
    cross join {{ ref('stg_config__setting') }} as settings
    left join bill on units.currency = bill.currency
    where daily.usage_date between known.first_day and known.last_day
),

counted as (
    select *
    from joined
    -- Until the bill comes, only cost that is estimated is known: what has none is not free.
    where is_complete or total_cost is not null
),

windows as (
    select
        *,
        {%- for days in [7, 28] %}
        {%- for amount in ['total_cost', 'quantity', 'total_cost_with_training'] %}
        sum(case when is_complete then {{ amount }} end) over (
            partition by unit_id, {{ grain | join(', ') }}
            order by day_number range between {{ days - 1 }} preceding and current row
        ) as {{ amount }}_{{ days }}d{{ ',' if not loop.last }}
        {%- endfor %}{{ ',' if not loop.last }}
        {%- endfor %}
    from counted
),

divided as (
    select
        *,
        cast({{ cost_per_unit('total_cost', 'quantity') }} as decimal(38, 12)) as unit_cost,
        cast({{ cost_per_unit('total_cost_7d', 'quantity_7d') }} as decimal(38, 12)) as trailing_7d_unit_cost,
        cast({{ cost_per_unit('total_cost_28d', 'quantity_28d') }} as decimal(38, 12)) as trailing_28d_unit_cost,
        cast({{ cost_per_unit('total_cost_with_training', 'quantity') }} as decimal(38, 12)) as unit_cost_with_training,
        cast({{ cost_per_unit('total_cost_with_training_28d', 'quantity_28d') }} as decimal(38, 12))
            as trailing_28d_unit_cost_with_training
    from windows
)

select
    usage_date,
    unit_id,
    unit_name,
    cost_basis,
    measure,
    grain,
    {{ grain | join(',\n    ') }},
    currency,
    effective_cost,
    estimated_cost,
    total_cost,
    quantity,
    unit_cost,
    target_amount,
    unit_cost > target_amount as is_above_target,
    is_complete,
    trailing_7d_unit_cost,
    trailing_28d_unit_cost,
    training_effective_cost,
    training_estimated_cost,
    unit_cost_with_training,
    trailing_28d_unit_cost_with_training
from divided
