-- Units of units.yml with what they are filtered by (has_) and told apart by (by_).
with roles as (
    select
        unit_id,
        {%- for dimension in unit_filter_dimensions() %}
        max(case when role = 'filter' and dimension = '{{ dimension }}' then 1 else 0 end) as has_{{ dimension }},
        {%- endfor %}
        {%- for dimension in unit_grain_dimensions() %}
        max(case when role = 'grain' and dimension = '{{ dimension }}' then 1 else 0 end) as by_{{ dimension }},
        {%- endfor %}
        {{ joined_text("case when role = 'grain' then dimension end", "', '", 'dimension') }} as grain
    from {{ source('config', 'unit_dimension') }}
    group by unit_id
)

select
    units.unit_id,
    units.unit_name,
    units.priority,
    units.cost_basis,
    units.measure,
    units.outcome,
    units.matching,
    case
        when units.measure in ('requests', 'tokens', 'input_tokens', 'output_tokens') then 'usage'
        when units.measure in ('gpu_hours', 'gpu_hours_allocated', 'gpu_hours_busy') then 'gpu'
        when units.measure in ('training_hours', 'training_runs') then 'runs'
        else 'outcomes'
    end as measured_by,
    units.currency,
    units.target_amount,
    coalesce(units.includes_training, false) as includes_training,
    units.investment_amount,
    units.invested_on,
    coalesce(roles.grain, '') as grain,
    {%- for dimension in unit_filter_dimensions() %}
    coalesce(roles.has_{{ dimension }}, 0) = 1 as has_{{ dimension }},
    {%- endfor %}
    {%- for dimension in unit_grain_dimensions() %}
    coalesce(roles.by_{{ dimension }}, 0) = 1 as by_{{ dimension }}{{ ',' if not loop.last }}
    {%- endfor %}
from {{ source('config', 'unit') }} as units
left join roles on units.unit_id = roles.unit_id
