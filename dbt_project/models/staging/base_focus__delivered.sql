-- Rows of FOCUS files and exports, of the current snapshots, as delivered.
{{ config(materialized='view') }}

with current_rows as (
    select
        landed.*,
        snapshots.source_id,
        snapshots.snapshot_id
    from {{ lake('focus__cost_and_usage') }} as landed
    inner join {{ ref('stg_lake__snapshot') }} as snapshots
        on landed.load_id = snapshots.load_id and snapshots.table_name = 'focus__cost_and_usage'
)

select
    {{ stable_id(['load_file', 'load_row']) }} as charge_id,
    load_id,
    load_file,
    load_row,
    source_id,
    snapshot_id,
    x_file,
    coalesce(cast(x_row as bigint), load_row + 1) as x_row,
    {%- for column in focus_text_columns() %}
    {{ given(column) }} as {{ column }},
    {%- endfor %}
    cast(null as varchar) as x_repairs
from current_rows
