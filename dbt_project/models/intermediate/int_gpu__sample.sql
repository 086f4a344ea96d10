-- GPU samples of DCGM and NVML together. Where both saw a GPU in an hour DCGM counts: it has SM activity. Of a divided GPU
-- each instance stands for its part of the GPU, and what no instance has of it is idle under the GPU's own id.
with dcgm as (
    select
        'dcgm' as meter, usage_hour, sampled_at, cast(step_seconds as double) as step_seconds, node, gpu_uuid,
        physical_gpu_uuid, gpu_model, mig_profile, slice_share, namespace is not null as is_held, namespace, pod,
        duty_cycle_ratio, sm_active_ratio, power_watts, energy_used_joules
    from {{ ref('stg_prometheus__gpu_sample') }}
),

dcgm_hours as (
    select distinct physical_gpu_uuid, usage_hour from dcgm
),

nvml as (
    select
        'nvml' as meter, samples.usage_hour, samples.sampled_at, samples.step_seconds, samples.node, samples.gpu_uuid,
        samples.physical_gpu_uuid, samples.gpu_model, samples.mig_profile, samples.slice_share,
        -- The processes of a divided GPU are its instances'.
        samples.is_held and not (samples.is_divided and samples.gpu_uuid = samples.physical_gpu_uuid) as is_held,
        -- A host without pods holds its own GPUs, under a name that rules may match.
        coalesce(samples.namespace, 'host:' || samples.node) as namespace,
        samples.pod, samples.duty_cycle_ratio, cast(null as double) as sm_active_ratio, samples.power_watts,
        samples.energy_used_joules
    from {{ ref('stg_nvml__gpu_sample') }} as samples
    left join dcgm_hours
        on samples.physical_gpu_uuid = dcgm_hours.physical_gpu_uuid and samples.usage_hour = dcgm_hours.usage_hour
    where dcgm_hours.usage_hour is null
),

united as (
    select * from dcgm
    union all
    select * from nvml
),

shared as (
    select
        *,
        sum(case when gpu_uuid <> physical_gpu_uuid then slice_share else 0 end) over (
            partition by meter, physical_gpu_uuid, sampled_at
        ) as divided_share
    from united
)

select
    meter,
    usage_hour,
    sampled_at,
    step_seconds,
    node,
    gpu_uuid,
    physical_gpu_uuid,
    gpu_model,
    mig_profile,
    case when gpu_uuid = physical_gpu_uuid then greatest(1 - divided_share, 0.0) else slice_share end as slice_share,
    is_held,
    case when is_held then namespace end as namespace,
    case when is_held then pod end as pod,
    duty_cycle_ratio,
    sm_active_ratio,
    power_watts,
    energy_used_joules
from shared
-- A GPU that is divided whole has no time of its own left, but the only counter of energy.
where gpu_uuid <> physical_gpu_uuid or divided_share < 0.9999 or energy_used_joules is not null
