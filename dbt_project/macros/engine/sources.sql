{# What an engine must be told of the sources before models can read them, once per run. #}
{% macro register_sources() -%}
    {{ return(adapter.dispatch('register_sources')()) }}
{%- endmacro %}

{# DuckDB reads each source where it lies: models/sources.yml has the places. #}
{% macro duckdb__register_sources() -%}
{%- endmacro %}

{#
  Spark knows the same files as external tables, in schemas named after the sources. Columns of JSON files are those that
  models/sources.yml tells DuckDB; Parquet files have their own, and those of all files count.
#}
{% macro spark__register_sources() -%}
    {%- if execute and flags.WHICH in ('run', 'build') -%}
        {%- set home = env_var('AIFINOPS_HOME') -%}
        {%- set lake = (env_var('AIFINOPS_LAKE', '') or home ~ '/lake') ~ '/raw/' -%}
        {%- set schemas = [] -%}
        {%- for source in graph.sources.values() -%}
            {%- if source.schema not in schemas -%}
                {%- do schemas.append(source.schema) -%}
                {%- do run_query('create schema if not exists ' ~ source.schema) -%}
            {%- endif -%}
            {%- set relation = source.schema ~ '.' ~ source.identifier -%}
            {%- do run_query('drop table if exists ' ~ relation) -%}
            {%- set folders = {'ml': '/ml/', 'ml_running': '/ml/running/'} -%}
            {%- if source.source_name == 'lake' or source.source_name in folders -%}
                {%- set path = lake ~ source.name if source.source_name == 'lake' else home ~ folders[source.source_name] ~ source.name ~ '.parquet' -%}
                {%- do run_query(
                    'create table ' ~ relation ~ " using parquet options (path '" ~ path ~ "', mergeSchema 'true')"
                ) -%}
            {%- else -%}
                {%- set told = source.meta.external_location.split('columns=')[1] | trim -%}
                {%- set columns = [] -%}
                {%- for name, data_type in fromyaml(told[:-1]).items() -%}
                    {%- do columns.append('`' ~ name ~ '` ' ~ data_type | replace('VARCHAR', 'string')) -%}
                {%- endfor -%}
                {%- set path = lake ~ '_dlt_loads' if source.source_name == 'lake_loads' else home ~ '/config/' ~ source.name ~ '.jsonl' -%}
                {%- do run_query(
                    'create table ' ~ relation ~ ' (' ~ columns | join(', ') ~ ") using json options (path '" ~ path ~ "')"
                ) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
