{# Several columns as one value. #}

{#
  A number of 64 bits that two rows share where all columns are equal, nulls included. Two different rows share one by
  chance with n² / 2⁶⁵: among a million rows, once in 30 million warehouses.
#}
{% macro row_hash(columns) -%}
    {{ return(adapter.dispatch('row_hash')(columns)) }}
{%- endmacro %}

{% macro duckdb__row_hash(columns) -%}
    hash({{ columns | join(', ') }})
{%- endmacro %}

{# Spark's hash passes nulls over: whether a value is null is hashed beside it. #}
{% macro spark__row_hash(columns) -%}
    xxhash64({% for column in columns %}{{ column }}, {{ column }} is null{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}

{# A value whose fields are the columns; it is never null itself. #}
{% macro row_of(columns) -%}
    {{ return(adapter.dispatch('row_of')(columns)) }}
{%- endmacro %}

{% macro duckdb__row_of(columns) -%}
    struct_pack({% for column in columns %}{{ column }} := {{ column }}{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}

{% macro spark__row_of(columns) -%}
    named_struct({% for column in columns %}'{{ column }}', {{ column }}{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}
