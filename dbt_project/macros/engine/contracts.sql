{# dbt compares a model's columns with those of this query; contracts write the type of text as DuckDB does. #}
{% macro spark__get_empty_schema_sql(columns) -%}
    select
    {%- for column in columns.values() %}
        cast(null as {{ 'string' if column.data_type | lower == 'varchar' else column.data_type }}) as {{ column.name }}
        {{- ', ' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
