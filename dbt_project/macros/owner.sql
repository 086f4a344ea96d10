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

{# What rules find. #}
{% macro owner_dimensions() -%}
    {{ return(['team', 'app', 'project', 'environment', 'business_unit', 'cost_center', 'owner']) }}
{%- endmacro %}
