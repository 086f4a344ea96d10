-- What each day's training cost, what of it is used up by now, and what is left.
{% set costs = ['effective', 'estimated'] %}

with used as (
    select
        parts.training_key
        {%- for cost in costs %},
        sum(parts.training_{{ cost }}_cost) as amortised_{{ cost }}_cost
        {%- endfor %}
    from (
        select training_key, usage_date, training_effective_cost, training_estimated_cost
        from {{ ref('int_amortisation__straight_line') }}
        union all
        select training_key, usage_date, training_effective_cost, training_estimated_cost
        from {{ ref('int_amortisation__by_usage') }}
    ) as parts
    cross join {{ ref('stg_config__setting') }} as settings
    where parts.usage_date <= settings.as_of_date
    group by 1
)

select
    trainings.amortisation_id,
    trainings.training_date,
    trainings.method,
    trainings.currency
    {%- for cost in costs %},
    trainings.training_{{ cost }}_cost,
    cast(
        case when trainings.training_{{ cost }}_cost is not null then coalesce(used.amortised_{{ cost }}_cost, 0) end
        as decimal(38, 12)
    ) as amortised_{{ cost }}_cost,
    cast(trainings.training_{{ cost }}_cost - coalesce(used.amortised_{{ cost }}_cost, 0) as decimal(38, 12))
        as remaining_{{ cost }}_cost
    {%- endfor %}
from {{ ref('int_amortisation__training') }} as trainings
left join used on trainings.training_key = used.training_key
