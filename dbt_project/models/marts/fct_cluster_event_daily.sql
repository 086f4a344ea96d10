select
    events.event_date,
    events.source_id,
    events.kind,
    events.namespace,
    workloads.team,
    workloads.app,
    events.object_kind,
    events.is_spot,
    cast(sum(events.event_count) as double) as event_count,
    count(distinct events.object_name) as object_count
from {{ ref('stg_kubernetes__event') }} as events
left join {{ ref('int_gpu__workload') }} as workloads
    on
        events.namespace is not null
        and {{ stable_id([
            'events.namespace', "case when events.object_kind = 'pod' then events.object_name end", 'events.event_date'
        ]) }} = workloads.workload_id
group by 1, 2, 3, 4, 5, 6, 7, 8
