{#
  A JSON object of text members from (name, text expression) pairs; members whose text is null are left out, and without
  any member it is null. For small documents that a model writes itself.
#}
{% macro json_text_object(members) -%}
    {{ return(adapter.dispatch('json_text_object')(members)) }}
{%- endmacro %}

{% macro duckdb__json_text_object(members) -%}
    nullif(
        '{' || concat_ws(
            ', '
            {%- for name, value in members %},
            '"{{ name }}": ' || to_json({{ value }})
            {%- endfor %}
        ) || '}',
        '{}'
    )
{%- endmacro %}

{# Spark writes JSON of structures only: the text is the only member of a list, without the list's brackets. #}
{% macro spark__json_text_object(members) -%}
    nullif(
        '{' || concat_ws(
            ', '
            {%- for name, value in members %},
            '"{{ name }}": ' || case
                when {{ value }} is not null then regexp_replace(to_json(array({{ value }})), '^.|.$', '')
            end
            {%- endfor %}
        ) || '}',
        '{}'
    )
{%- endmacro %}
