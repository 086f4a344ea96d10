with objects as (
    select
        landed.source_id,
        landed.kind,
        landed.namespace,
        landed.name,
        landed.node,
        landed.labels,
        cast(landed.first_seen_at as timestamp) as first_seen_at,
        cast(landed.last_seen_at as timestamp) as last_seen_at,
        row_number() over (
            partition by landed.kind, landed.namespace, landed.name
            order by landed.last_seen_at desc, landed.requested_at desc, landed.load_id desc, landed.load_row desc
        ) as object_age
    from {{ lake('kubernetes__object') }} as landed
)

select
    {{ stable_id(['kind', 'namespace', 'name']) }} as object_id,
    source_id,
    kind,
    namespace,
    name,
    node,
    {{ tags_document('labels') }} as labels,
    first_seen_at,
    last_seen_at
from objects
where object_age = 1
