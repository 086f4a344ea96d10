-- GPU time by hour and holder. Allocation (a pod holds the GPU), duty cycle and SM activity are three different things. A
-- MIG instance has its part of the GPU's time.
with nodes as (
    select distinct node from {{ ref('int_gpu__sample') }} where node is not null
),

-- A node is a machine of the scale set whose name it starts with (aks-gpu-123-vmss000004 of aks-gpu-123-vmss).
scale_sets as (
    select
        resource_id,
        {{ extract_group('resource_id', "'([^/]+)$'") }} as scale_set_name
    from {{ ref('int_gpu__pool') }}
),

node_resources as (
    select
        nodes.node,
        max_by(scale_sets.resource_id, length(scale_sets.scale_set_name)) as resource_id
    from nodes
    inner join scale_sets
        on left(lower(nodes.node), length(scale_sets.scale_set_name)) = scale_sets.scale_set_name
    group by nodes.node
),

samples as (
    select *, step_seconds * slice_share as gpu_seconds, cast(usage_hour as date) as usage_date
    from {{ ref('int_gpu__sample') }}
)

select
    samples.usage_hour,
    samples.usage_date,
    samples.node,
    node_resources.resource_id,
    samples.gpu_uuid,
    samples.gpu_model,
    samples.mig_profile,
    samples.meter,
    samples.namespace,
    workloads.team,
    workloads.app,
    samples.pod,
    cast(round(sum(case when samples.is_held then samples.gpu_seconds else 0 end)) as bigint) as allocated_seconds,
    cast(round(sum(case when samples.is_held then 0 else samples.gpu_seconds end)) as bigint) as idle_seconds,
    sum(samples.duty_cycle_ratio * samples.gpu_seconds) as busy_gpu_seconds,
    sum(samples.sm_active_ratio * samples.gpu_seconds) as sm_active_seconds,
    sum(samples.energy_used_joules) as energy_joules
from samples
left join {{ ref('int_gpu__workload') }} as workloads
    on samples.namespace is not null
    and {{ stable_id(['samples.namespace', 'samples.pod', 'samples.usage_date']) }} = workloads.workload_id
left join node_resources on samples.node = node_resources.node
group by all
