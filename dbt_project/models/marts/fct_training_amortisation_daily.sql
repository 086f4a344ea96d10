-- Training by the day of the inference that it is spread over, by policy. A straight line's day is split by the tokens of whoever
-- is served that day; where nobody is, and on days to come, it is the policy's only app's and model's.
{% set costs = ['training_effective_cost', 'training_estimated_cost'] %}

with line as (
    select
        {{ stable_id(['amortisation_id', 'usage_date', 'currency']) }} as day_key,
        amortisation_id,
        usage_date,
        currency
        {%- for cost in costs %},
        cast(sum({{ cost }}) as decimal(38, 12)) as {{ cost }}
        {%- endfor %}
    from {{ ref('int_amortisation__straight_line') }}
    group by 1, 2, 3, 4
),

served as (
    select
        line.*,
        usage.team,
        usage.app,
        usage.model,
        {{ stable_id(['usage.team', 'usage.app', 'usage.model']) }} as served_key,
        cast(usage.tokens as decimal(38, 12)) as weight,
        cast(sum(cast(usage.tokens as decimal(38, 0))) over (partition by line.day_key) as decimal(38, 12)) as weight_sum
    from line
    inner join {{ ref('int_amortisation__usage') }} as usage
        on line.amortisation_id = usage.amortisation_id and line.usage_date = usage.usage_date and usage.tokens > 0
),

weighted as (
    select *, sum(weight_units) over (partition by day_key) as total_units
    from (
        select *, {{ weight_units('weight', 'weight_sum') }} as weight_units
        from served
    ) as whole
),

parts as (
    {{ split_exactly(
        relation='weighted', key='day_key', measures=costs,
        carry=['amortisation_id', 'usage_date', 'team', 'app', 'model', 'currency'], order_by='served_key'
    ) }}
),

everything as (
    select amortisation_id, usage_date, team, app, model, currency, {{ costs | join(', ') }}
    from parts

    union all

    select
        line.amortisation_id, line.usage_date, policies.only_team as team, policies.only_app as app,
        policies.only_model as model, line.currency, {{ costs | join(', ') }}
    from line
    inner join {{ ref('int_amortisation__policy') }} as policies on line.amortisation_id = policies.amortisation_id
    where line.day_key not in (select served.day_key from served)

    union all

    select amortisation_id, usage_date, team, app, model, currency, {{ costs | join(', ') }}
    from {{ ref('int_amortisation__by_usage') }}
)

select
    everything.usage_date,
    everything.amortisation_id,
    everything.team,
    everything.app,
    everything.model,
    everything.currency
    {%- for cost in costs %},
    cast(sum(everything.{{ cost }}) as decimal(38, 12)) as {{ cost }}
    {%- endfor %},
    everything.usage_date > settings.as_of_date as is_planned
from everything
cross join {{ ref('stg_config__setting') }} as settings
group by 1, 2, 3, 4, 5, 6, everything.usage_date > settings.as_of_date
