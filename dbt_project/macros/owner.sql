{# What the rules of tags.yml may look at in a charge. #}
{% macro owner_properties() -%}
    {{ return(['tags_id', 'resource_id', 'resource_name', 'sub_account_id', 'sub_account_name', 'service_name']) }}
{%- endmacro %}

{# A charge's set of those properties: charges of one set and day have one owner. #}
{% macro owner_properties_id(charge) -%}
    {%- set columns = [] -%}
    {%- for property in owner_properties() -%}
        {%- do columns.append(charge ~ '.' ~ property) -%}
    {%- endfor -%}
    {{ stable_id(columns) }}
{%- endmacro %}

{# A query of the stretches of days (`first_day` to `last_day`) in which the same rules of tags.yml hold; each day is in one. #}
{% macro stretches_of_rules() -%}
    select
        first_day,
        coalesce({{ add_days('lead(first_day) over (order by first_day)', -1) }}, cast('9999-12-31' as date)) as last_day
    from (
        select cast('0001-01-01' as date) as first_day
        union
        select valid_from from {{ source('config', 'tag_rule') }} where valid_from is not null
        union
        select {{ add_days('valid_to', 1) }} from {{ source('config', 'tag_rule') }} where valid_to is not null
    ) as beginnings
{%- endmacro %}

{# The join of charges (their alias and their day) to int_focus__owner: who owned such charges on that day. #}
{% macro join_owners(properties_id, day) -%}
    left join {{ ref('int_focus__owner') }} as owners
        on {{ properties_id }} = owners.owner_properties_id and {{ day }} between owners.first_day and owners.last_day
{%- endmacro %}

{# What rules find. #}
{% macro owner_dimensions() -%}
    {{ return(['team', 'app', 'project', 'environment', 'business_unit', 'cost_center', 'owner']) }}
{%- endmacro %}
