{#
  Rows of a lake table that belong to complete loads, with three more columns:
    load_id   the dlt load, taken from the file's name <load_id>.<file_id>.parquet
    load_file the file's name without its folder, so that a moved lake keeps its row ids
    load_row  0-based row in that file
  A load without an entry in _dlt_loads was interrupted: its files are there, its rows are not.
#}
{% macro lake(table) -%}
    {{ return(adapter.dispatch('lake')(table)) }}
{%- endmacro %}

{% macro default__lake(table) -%}
    (
        select *
        from {{ lake_files(table) }}
        where load_id in (select complete.load_id from {{ ref('stg_lake__load') }} as complete)
    )
{%- endmacro %}

{# The rows of all files, interrupted loads included, with the same three columns: for deciding which loads count. #}
{% macro lake_files(table) -%}
    {{ return(adapter.dispatch('lake_files')(table)) }}
{%- endmacro %}

{% macro duckdb__lake_files(table) -%}
    (
        select
            * exclude (filename, file_row_number),
            regexp_extract(filename, '([^/\\]+)\.[^./\\]+\.parquet$', 1) as load_id,
            regexp_extract(filename, '[^/\\]+$') as load_file,
            file_row_number as load_row
        from {{ source('lake', table) }}
    )
{%- endmacro %}

{% macro spark__lake_files(table) -%}
    (
        select
            *,
            regexp_extract(_metadata.file_name, '^([^/]+)[.][^./]+[.]parquet$', 1) as load_id,
            _metadata.file_name as load_file,
            _metadata.row_index as load_row
        from {{ source('lake', table) }}
    )
{%- endmacro %}
