{# Lists of numbers in one value. #}

{# An aggregate: the distinct numbers of a group in one list, smallest first; null of an empty group. #}
{% macro sorted_list(value) -%}
    {{ return(adapter.dispatch('sorted_list')(value)) }}
{%- endmacro %}

{% macro duckdb__sorted_list(value) -%}
    list_sort(list(distinct {{ value }}))
{%- endmacro %}

{% macro spark__sorted_list(value) -%}
    case when count({{ value }}) > 0 then sort_array(collect_set({{ value }})) end
{%- endmacro %}

{# The largest entry of a list that is not above a value; 0 where there is none, or no list, or no value. #}
{% macro largest_not_above(list, value) -%}
    {{ return(adapter.dispatch('largest_not_above')(list, value)) }}
{%- endmacro %}

{% macro duckdb__largest_not_above(list, value) -%}
    coalesce(list_max(list_filter({{ list }}, lambda entry: entry <= {{ value }})), 0)
{%- endmacro %}

{% macro spark__largest_not_above(list, value) -%}
    coalesce(array_max(filter({{ list }}, entry -> entry <= {{ value }})), 0)
{%- endmacro %}
