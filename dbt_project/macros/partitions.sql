{#
  Settings of models that tell again only what can have changed: by load of the lake, or by month of usage. What is a basis
  and how it is kept: macros/engine/partitions.sql.

  column  what a row's partition is computed from in the model's own columns
  reads   name of what the model reads → what the partition of one of its rows is computed from. What is not named is of all
          partitions: where it changes, all are told again. None where it cannot change what a partition says, because
          what was landed does not change, or because its rows are in no partition that a basis names.
#}

{# A model of loads: its SQL filters what it reads with is_told_load(). #}
{% macro told_by_load(column, reads) -%}
    {{ return(partitioned({'kind': 'load', 'column': column, 'reads': reads})) }}
{%- endmacro %}

{# A model of months of usage: its SQL filters what it reads with is_told_month(), and no month depends on another. #}
{% macro told_by_month(reads, day='usage_date') -%}
    {{ return(partitioned({'kind': 'month', 'column': month_of(day), 'reads': reads})) }}
{%- endmacro %}
