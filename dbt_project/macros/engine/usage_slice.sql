{# Reading only a part of the lake, by the load ids in the names of its files; telling calls month by month. #}

{#
  The id that a load has which starts a day before a day, UTC: the loader's ids are seconds since 1970, and a sender's clock
  may be ahead.
#}
{% macro load_id_at(day) -%}
    {{ return(adapter.dispatch('load_id_at')(day)) }}
{%- endmacro %}

{% macro duckdb__load_id_at(day) -%}
    {% set found = run_query("select cast(epoch(cast('" ~ day ~ "' as timestamp)) as bigint) - 86400") %}
    {{ return(found[0][0] | int | string) }}
{%- endmacro %}

{% macro spark__load_id_at(day) -%}
    {{ return(_no_slices_on_spark()) }}
{%- endmacro %}

{#
  lake_files() of the loads from an id on, all where it is null. The files are listed first: to know the columns of a
  pattern's files, the engine would open every one of them.
#}
{% macro lake_files_since(table, load_id) -%}
    {{ return(adapter.dispatch('lake_files_since')(table, load_id)) }}
{%- endmacro %}

{% macro duckdb__lake_files_since(table, load_id) -%}
    {%- set folder = (env_var('AIFINOPS_LAKE', '') or env_var('AIFINOPS_HOME') ~ '/lake') ~ '/raw/' ~ table -%}
    {%- set files = [folder ~ '/schema.parquet'] -%}
    {%- if execute -%}
        {%- for row in run_query(
            "select file from glob('" ~ folder ~ "/*.parquet') where regexp_extract(file, '([^/\\\\]+)$') >= '" ~ (load_id or '') ~ "'"
            ~ " and not file like '%/schema.parquet' order by 1"
        ) -%}
            {%- do files.append(row[0]) -%}
        {%- endfor -%}
    {%- endif -%}
    (
        select
            * exclude (filename, file_row_number),
            regexp_extract(filename, '([^/\\]+)\.[^./\\]+\.parquet$', 1) as load_id,
            regexp_extract(filename, '[^/\\]+$') as load_file,
            file_row_number as load_row
        from read_parquet(['{{ files | join("', '") }}'], union_by_name = true, filename = true, file_row_number = true)
    )
{%- endmacro %}

{% macro spark__lake_files_since(table, load_id) -%}
    {{ return(_no_slices_on_spark()) }}
{%- endmacro %}

{# A query of the ids of complete loads from an id on, of all where it is null. #}
{% macro complete_loads_since(load_id) -%}
    {{ return(adapter.dispatch('complete_loads_since')(load_id)) }}
{%- endmacro %}

{% macro duckdb__complete_loads_since(load_id) -%}
    select entries.load_id
    from {{ source('lake_loads', 'load') }} as entries
    where
        regexp_extract(entries.filename, '__([0-9.]+)\.jsonl$', 1) >= '{{ load_id or '' }}'
        and entries.load_id is not null
        and entries.status = 0
{%- endmacro %}

{% macro spark__complete_loads_since(load_id) -%}
    {{ return(_no_slices_on_spark()) }}
{%- endmacro %}

{% macro _no_slices_on_spark() -%}
    {{ exceptions.raise_compiler_error(
        'AIFINOPS_USAGE_SLICE: a slice deletes days from tables, which Spark cannot do in Parquet. Unset it to build the whole.'
    ) }}
{%- endmacro %}

{# Settings of a table that is written in a statement per month of calls, all in one transaction. #}
{% macro by_month_of_calls() -%}
    {{ return(adapter.dispatch('by_month_of_calls')()) }}
{%- endmacro %}

{% macro duckdb__by_month_of_calls() -%}
    {{ return({
        'pre_hook': "{{ tell_month_of_calls(months_of_calls(), 0) }}",
        'post_hook': "{{ tell_other_months_of_calls() }}",
    }) }}
{%- endmacro %}

{# Spark writes what does not fit into its memory to disk. #}
{% macro spark__by_month_of_calls() -%}
    {{ return({}) }}
{%- endmacro %}

{% macro is_in_month_of_calls(moment) -%}
    {{ return(adapter.dispatch('is_in_month_of_calls')(moment)) }}
{%- endmacro %}

{# A variable of the connection is a constant to the engine: so row groups of other months are not read. #}
{% macro duckdb__is_in_month_of_calls(moment) -%}
    {{ moment }} >= coalesce(getvariable('first_moment'), cast('-infinity' as timestamp))
    and {{ moment }} < coalesce(getvariable('end_moment'), cast('infinity' as timestamp))
{%- endmacro %}

{% macro spark__is_in_month_of_calls(moment) -%}
    true
{%- endmacro %}

{# The months that usage is told of, as dates in text, the newest first. #}
{% macro months_of_calls() -%}
    {%- set months = [] -%}
    {%- if execute -%}
        {%- set told = api.Relation.create(database=target.database, schema='intermediate', identifier='int_usage__summed') -%}
        {%- for row in run_query(
            'select distinct ' ~ month_of('usage_hour') ~ ' from ' ~ told ~ ' where usage_hour is not null order by 1 desc'
        ) -%}
            {%- do months.append("cast('" ~ row[0] ~ "' as timestamp)") -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(months) }}
{%- endmacro %}

{# One month after the other without a gap; the newest has no end and the oldest no beginning, so that no call is left out. #}
{% macro tell_month_of_calls(months, number) -%}
    set variable first_moment = {{ months[number] if number + 1 < months | length else 'cast(null as timestamp)' }};
    set variable end_moment = {{ months[number - 1] if number > 0 else 'cast(null as timestamp)' }}
{%- endmacro %}

{% macro tell_other_months_of_calls() -%}
    {%- set months = months_of_calls() -%}
    {%- for month in months[1:] %}
        {{ tell_month_of_calls(months, loop.index) }};
        insert into {{ this }} {{ model.compiled_code }};
    {%- endfor %}
    reset variable first_moment;
    reset variable end_moment
{%- endmacro %}
