select
    landed.source_id,
    landed.x_file,
    cast(landed.x_row as bigint) as x_row,
    cast(landed.outcome_date as date) as outcome_date,
    landed.outcome,
    {{ given('landed.team') }} as team,
    {{ given('landed.app') }} as app,
    {{ given('landed.feature') }} as feature,
    cast(landed.quantity as decimal(38, 12)) as quantity
from {{ lake('outcomes__record') }} as landed
inner join {{ ref('stg_lake__snapshot') }} as snapshots
    on
        landed.load_id = snapshots.load_id
        and landed.snapshot_id = snapshots.snapshot_id
        and landed.source_id = snapshots.source_id
        and snapshots.table_name = 'outcomes__record'
where landed.outcome_date is not null and landed.outcome is not null
