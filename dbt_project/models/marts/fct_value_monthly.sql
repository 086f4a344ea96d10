-- Whether the money comes back: units per value by month, of the days whose cost is all known. What came back by the end of a
-- month counts from the unit's first day with cost, value or investment on.
{% set grain = unit_grain_dimensions().values() | list %}
{% set own = ['unit_id'] + grain %}
{% set costs = ['effective_cost', 'estimated_cost', 'training_effective_cost', 'training_estimated_cost'] %}

with days as (
    select
        units.unit_id,
        {%- for column in grain %}
        units.{{ column }},
        {%- endfor %}
        units.usage_date,
        1 as complete_day_count,
        {%- for cost in costs %}
        units.{{ cost }},
        {%- endfor %}
        cast(null as decimal(38, 12)) as investment_amount,
        units.quantity as value_amount
    from {{ ref('fct_unit_cost_daily') }} as units
    inner join {{ ref('int_unit__definition') }} as definitions on units.unit_id = definitions.unit_id
    where definitions.measure = 'value' and units.is_complete

    union all

    select
        definitions.unit_id,
        {%- for column in grain %}
        cast(null as string) as {{ column }},
        {%- endfor %}
        definitions.invested_on as usage_date,
        0 as complete_day_count,
        {%- for cost in costs %}
        cast(null as decimal(38, 12)) as {{ cost }},
        {%- endfor %}
        definitions.investment_amount,
        cast(null as decimal(38, 12)) as value_amount
    from {{ ref('int_unit__definition') }} as definitions
    cross join {{ ref('stg_config__setting') }} as settings
    where definitions.investment_amount is not null and definitions.invested_on <= settings.as_of_date
),

daily as (
    select
        {{ own | join(', ') }},
        usage_date,
        sum(
            coalesce(effective_cost, 0) + coalesce(estimated_cost, 0) + coalesce(training_effective_cost, 0)
            + coalesce(training_estimated_cost, 0) + coalesce(investment_amount, 0)
        ) as cost_amount,
        sum(coalesce(value_amount, 0)) as value_amount
    from days
    group by {{ own | join(', ') }}, usage_date
),

running as (
    select
        {{ own | join(', ') }},
        usage_date,
        sum(cost_amount) over (
            partition by {{ own | join(', ') }} order by usage_date rows between unbounded preceding and current row
        ) as cumulative_cost_amount,
        sum(value_amount) over (
            partition by {{ own | join(', ') }} order by usage_date rows between unbounded preceding and current row
        ) as cumulative_value_amount
    from daily
),

paid_back as (
    select
        running.{{ own | join(', running.') }},
        min(running.usage_date) as first_date,
        coalesce(max(definitions.invested_on), min(running.usage_date)) as paid_date,
        min(
            case
                when
                    running.cumulative_value_amount >= running.cumulative_cost_amount
                    and running.cumulative_cost_amount > 0
                    -- What is not paid yet cannot have come back.
                    and running.usage_date >= coalesce(definitions.invested_on, running.usage_date)
                    then running.usage_date
            end
        ) as payback_date
    from running
    inner join {{ ref('int_unit__definition') }} as definitions on running.unit_id = definitions.unit_id
    group by running.{{ own | join(', running.') }}
),

monthly as (
    select
        {{ own | join(', ') }},
        {{ month_of('usage_date') }} as month_start,
        sum(complete_day_count) as complete_day_count,
        {%- for amount in costs + ['investment_amount', 'value_amount'] %}
        cast(sum({{ amount }}) as decimal(38, 12)) as {{ amount }},
        {%- endfor %}
        cast(
            {%- for cost in costs %}
            coalesce(sum({{ cost }}), 0){{ ' +' if not loop.last }}
            {%- endfor %} as decimal(38, 12)
        ) as total_cost
    from days
    group by {{ own | join(', ') }}, {{ month_of('usage_date') }}
),

totals as (
    select
        *,
        cast(
            sum(total_cost + coalesce(investment_amount, 0)) over (
                partition by {{ own | join(', ') }} order by month_start rows between unbounded preceding and current row
            ) as decimal(38, 12)
        ) as cumulative_cost_amount,
        cast(
            sum(coalesce(value_amount, 0)) over (
                partition by {{ own | join(', ') }} order by month_start rows between unbounded preceding and current row
            ) as decimal(38, 12)
        ) as cumulative_value_amount
    from monthly
)

select
    totals.month_start,
    totals.unit_id,
    definitions.unit_name,
    definitions.outcome,
    {%- for column in grain %}
    totals.{{ column }},
    {%- endfor %}
    definitions.currency,
    cast(totals.complete_day_count as bigint) as complete_day_count,
    {%- for cost in costs %}
    totals.{{ cost }},
    {%- endfor %}
    totals.total_cost,
    totals.value_amount,
    cast({{ cost_per_unit('totals.total_cost', 'totals.value_amount') }} as decimal(38, 12)) as cost_per_value,
    {{ ratio('coalesce(totals.value_amount, 0) - totals.total_cost', 'totals.total_cost') }} as roi_ratio,
    totals.investment_amount,
    totals.cumulative_cost_amount,
    totals.cumulative_value_amount,
    {{ ratio('totals.cumulative_value_amount - totals.cumulative_cost_amount', 'totals.cumulative_cost_amount') }}
        as cumulative_roi_ratio,
    paid_back.first_date,
    case when paid_back.payback_date < {{ add_months('totals.month_start', 1) }} then paid_back.payback_date end as payback_date,
    cast(
        case
            when paid_back.payback_date < {{ add_months('totals.month_start', 1) }}
                then {{ days_between('paid_back.paid_date', 'paid_back.payback_date') }}
        end as bigint
    ) as payback_days
from totals
inner join paid_back on {{ agree_in('totals', 'paid_back', own) }}
inner join {{ ref('int_unit__definition') }} as definitions on totals.unit_id = definitions.unit_id
