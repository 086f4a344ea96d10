-- Namespaces and pods, one row per set of labels that they had, with the days on which it was seen.
with objects as (
    select
        landed.source_id,
        landed.kind,
        landed.namespace,
        landed.name,
        landed.node,
        {{ tags_document('landed.labels') }} as labels,
        cast(coalesce(landed.first_seen_at, landed.last_seen_at, landed.requested_at) as timestamp) as first_seen_at,
        cast(coalesce(landed.last_seen_at, landed.first_seen_at, landed.requested_at) as timestamp) as last_seen_at,
        cast(landed.requested_at as timestamp) as requested_at
    from {{ lake('kubernetes__object') }} as landed
)

select
    {{ stable_id(['kind', 'namespace', 'name', 'labels']) }} as object_id,
    max_by(source_id, requested_at) as source_id,
    kind,
    namespace,
    name,
    max_by(node, last_seen_at) filter (where node is not null) as node,
    labels,
    min(first_seen_at) as first_seen_at,
    max(last_seen_at) as last_seen_at,
    cast(min(first_seen_at) as date) as first_seen_on
from objects
group by kind, namespace, name, labels
