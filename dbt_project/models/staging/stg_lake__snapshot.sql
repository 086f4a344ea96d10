-- The newest state of every scope and period. A plain file has no period: its scope is its path, and the same content
-- under two paths counts once.
with by_scope as (
    select
        *,
        row_number() over (
            partition by source_id, table_name, scope, period_start order by submitted_at desc, load_id desc
        ) as scope_age
    from {{ lake('landing__snapshot') }} as landed
),

by_content as (
    select
        *,
        row_number() over (
            partition by source_id, table_name, snapshot_id, period_start, case when period_start is not null then scope end
            order by submitted_at desc, load_id desc
        ) as content_age
    from by_scope
    where scope_age = 1
)

select
    load_id,
    source_id,
    table_name,
    scope,
    cast(period_start as date) as period_start,
    cast(period_end as date) as period_end,
    snapshot_id,
    cast(submitted_at as timestamp) as submitted_at,
    format_version,
    cast(row_count as bigint) as row_count,
    cast(file_count as bigint) as file_count,
    cast(byte_count as bigint) as byte_count,
    cast(landed_at as timestamp) as landed_at
from by_content
where content_age = 1
