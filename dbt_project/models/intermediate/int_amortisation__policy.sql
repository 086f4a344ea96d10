-- Policies of units.yml with what they look at, and the app and model that have what nobody was served on a day: the only ones
-- that the policy names.
{% set roles = {'training': training_dimensions(), 'served_by': ['app', 'model']} %}

with named as (
    select
        amortisation_id
        {%- for role, dimensions in roles.items() %}
        {%- for dimension in dimensions %},
        max(case when role = '{{ role }}' and dimension = '{{ dimension }}' then 1 else 0 end) = 1
            as has_{{ role }}_{{ dimension }}
        {%- endfor %}
        {%- endfor %}
        {%- for dimension in roles['served_by'] %},
        case
            when count(case when role = 'served_by' and dimension = '{{ dimension }}' then value end) = 1
                then max(case when role = 'served_by' and dimension = '{{ dimension }}' then value end)
        end as only_{{ dimension }}
        {%- endfor %}
    from {{ source('config', 'amortisation_dimension') }}
    group by amortisation_id
)

select
    policies.*,
    apps.team as only_team,
    named.only_app,
    named.only_model
    {%- for role, dimensions in roles.items() %}
    {%- for dimension in dimensions %},
    named.has_{{ role }}_{{ dimension }}
    {%- endfor %}
    {%- endfor %}
from {{ source('config', 'amortisation') }} as policies
inner join named on policies.amortisation_id = named.amortisation_id
left join {{ ref('dim_app') }} as apps on named.only_app = apps.app
