-- The newest state of every run: of files and tables only their current content, of an API every answer.
with delivered as (
    select landed.*, landed.trigger as delivered_trigger
    from {{ lake('training__run') }} as landed
    left join {{ ref('stg_lake__snapshot') }} as snapshots
        on
            landed.load_id = snapshots.load_id
            and landed.snapshot_id = snapshots.snapshot_id
            and landed.source_id = snapshots.source_id
            and snapshots.table_name = 'training__run'
    where landed.snapshot_id is null or snapshots.load_id is not null
),

ranked as (
    select
        *,
        row_number() over (
            partition by source_id, run_id
            order by coalesce(updated_at, requested_at) desc, requested_at desc, load_id desc, load_file desc, load_row desc
        ) as state_age
    from delivered
)

select
    {{ stable_id(['source_id', 'run_id']) }} as run_key,
    source_id,
    x_file,
    cast(x_row as bigint) as x_row,
    run_id,
    run_name,
    experiment,
    {{ given('project') }} as project,
    {{ given('team') }} as team,
    {{ given('app') }} as app,
    stage,
    delivered_trigger as trigger_kind,
    status,
    cast(started_at as timestamp) as started_at,
    cast(ended_at as timestamp) as ended_at,
    {{ amount_from_text('duration_seconds') }} as duration_seconds,
    {{ amount_from_text('gpu_count') }} as gpu_count,
    gpu_model,
    node,
    cast(retries as bigint) as retries,
    coalesce(is_deleted, false) as is_deleted,
    cast(updated_at as timestamp) as updated_at,
    cast(requested_at as timestamp) as requested_at
from ranked
where state_age = 1
