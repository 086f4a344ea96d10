{# The name of a set of weights: literal words in the first places, then columns. Readable on purpose. #}
{% macro weight_set(parts) -%}
    {%- set words = ['usage_cost', 'gpu_seconds', 'direct_cost', 'even', 'fixed', 'show', 'spread'] -%}
    {%- for part in parts -%}
        {%- if part in words %}'{{ part }}'{% else %}cast({{ part }} as varchar){% endif -%}
        {{- " || ' | ' || " if not loop.last -}}
    {%- endfor -%}
{%- endmacro %}
