-- For how long each delivered state of a bill counted. The same content under several paths counts once, from the first
-- of them to the last, as in stg_lake__snapshot.
with versions as (
    select
        *,
        case when period_start is not null then scope end as content_scope
    from {{ ref('stg_lake__snapshot_version') }}
    where table_name = 'focus__cost_and_usage' and (superseded_at is null or superseded_at > submitted_at)
),

ordered as (
    select
        *,
        max(coalesce(superseded_at, cast('9999-12-31' as timestamp))) over (
            partition by source_id, snapshot_id, period_start, content_scope
            order by submitted_at, load_id
            rows between unbounded preceding and 1 preceding
        ) as covered_until
    from versions
),

stretches as (
    select
        *,
        sum(case when covered_until >= submitted_at then 0 else 1 end) over (
            partition by source_id, snapshot_id, period_start, content_scope
            order by submitted_at, load_id
            rows between unbounded preceding and current row
        ) as stretch
    from ordered
)

select
    source_id,
    table_name,
    snapshot_id,
    period_start,
    max_by(scope, submitted_at) as scope,
    -- Copies hold the same rows: one of them is read, the one that counts now where one does.
    max_by(load_id, coalesce(superseded_at, cast('9999-12-31' as timestamp))) as load_id,
    min(submitted_at) as valid_from,
    case when count(*) = count(superseded_at) then max(superseded_at) end as valid_to,
    case when count(*) = count(superseded_at) then max_by(superseded_by, superseded_at) end as ended_by
from stretches
group by source_id, table_name, snapshot_id, period_start, content_scope, stretch
