{# The middle value of a group, as a double; of an even number, the mean of the two in the middle. #}
{% macro median_of(value) -%}
    {{ return(adapter.dispatch('median_of')(value)) }}
{%- endmacro %}

{% macro duckdb__median_of(value) -%}
    median(cast({{ value }} as double))
{%- endmacro %}
