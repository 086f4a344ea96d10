{# Joining on several columns. #}

{# Whether two relations agree in all of the columns; nulls agree with nulls. #}
{% macro agree_in(left, right, columns) -%}
    {%- for column in columns %}
            {{ 'and ' if not loop.first }}{{ left }}.{{ column }} is not distinct from {{ right }}.{{ column }}
    {%- endfor %}
{%- endmacro %}
