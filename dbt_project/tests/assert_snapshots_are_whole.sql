{# An asset check of the model named here: Dagster shows a test of several models nowhere otherwise. #}
{{ config(meta={'dagster': {'ref': {'name': 'stg_lake__snapshot'}}}) }}

-- A current billing snapshot has as many rows in the lake as were landed for it.
with landed as (
    select load_id, count(*) as row_count
    from {{ lake('focus__cost_and_usage') }} as rows_in_lake
    group by load_id

    union all

    select load_id, count(*) as row_count
    from {{ lake('azure_cost__detail') }} as rows_in_lake
    group by load_id
)

select snapshots.load_id, snapshots.scope, snapshots.row_count as announced_rows, landed.row_count as landed_rows
from {{ ref('stg_lake__snapshot') }} as snapshots
left join landed on snapshots.load_id = landed.load_id
where
    snapshots.table_name in ('focus__cost_and_usage', 'azure_cost__detail')
    and snapshots.row_count is not null
    and snapshots.row_count <> coalesce(landed.row_count, 0)
