-- Rows refused while landing. Those of a snapshot that a newer one replaced are history and left out.
with refused as (
    select landed.*, snapshots.load_id as snapshot_load_id, current_snapshots.load_id as current_load_id
    from {{ lake('landing__rejected') }} as landed
    left join (select distinct load_id from {{ lake('landing__snapshot') }} as every_snapshot) as snapshots
        on landed.load_id = snapshots.load_id
    left join (select distinct load_id from {{ ref('stg_lake__snapshot') }}) as current_snapshots
        on landed.load_id = current_snapshots.load_id
)

select distinct
    source_id,
    table_name,
    x_file,
    cast(x_row as bigint) as x_row,
    column_name,
    reason,
    remedy,
    raw_row
from refused
where current_load_id is not null or snapshot_load_id is null
