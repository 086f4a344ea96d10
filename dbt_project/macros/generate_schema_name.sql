{#
  A model's schema is its top folder: `marts`, not `main_marts`, so that outside readers need no prefix. Signals are marts
  that are built later, for readers no different. Taken from the folder and not from a setting, because a schema that is set
  becomes a part of the model's Dagster asset key.
#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- if custom_schema_name -%}
        {{ custom_schema_name | trim }}
    {%- elif node.resource_type == 'model' and node.fqn | length > 2 -%}
        {{ 'marts' if node.fqn[1] == 'signals' else node.fqn[1] }}
    {%- else -%}
        {{ target.schema }}
    {%- endif -%}
{%- endmacro %}
