{# The middle value of a group, as a double; of an even number, the mean of the two in the middle. #}
{% macro median_of(value) -%}
    {{ return(adapter.dispatch('median_of')(value)) }}
{%- endmacro %}

{% macro duckdb__median_of(value) -%}
    median(cast({{ value }} as double))
{%- endmacro %}

{# The smallest of a group's values that at least a share of them do not exceed: always one of them. #}
{% macro quantile_of(value, share) -%}
    {{ return(adapter.dispatch('quantile_of')(value, share)) }}
{%- endmacro %}

{% macro duckdb__quantile_of(value, share) -%}
    quantile_disc({{ value }}, {{ share }})
{%- endmacro %}
