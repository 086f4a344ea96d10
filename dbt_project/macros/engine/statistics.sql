{# The middle value of a group, as a double; of an even number, the mean of the two in the middle. #}
{% macro median_of(value) -%}
    {{ return(adapter.dispatch('median_of')(value)) }}
{%- endmacro %}

{% macro default__median_of(value) -%}
    median(cast({{ value }} as double))
{%- endmacro %}

{# The smallest of a group's values that at least a share of them do not exceed: always one of them. #}
{% macro quantile_of(value, share) -%}
    {{ return(adapter.dispatch('quantile_of')(value, share)) }}
{%- endmacro %}

{% macro duckdb__quantile_of(value, share) -%}
    quantile_disc({{ value }}, {{ share }})
{%- endmacro %}

{# Spark's own quantiles are doubles. #}
{% macro spark__quantile_of(value, share) -%}
    element_at(
        sort_array(collect_list({{ value }})), cast(greatest(ceil(count({{ value }}) * cast({{ share }} as double)), 1) as int)
    )
{%- endmacro %}
