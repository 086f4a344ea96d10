-- One row per GPU (or MIG instance) and sample: the newest answer for it, in one step length per GPU and hour so that a
-- change of step counts nothing twice. A sample stands for the step that ends at it.
with samples as (
    select
        landed.source_id,
        cast(landed.sampled_at as timestamp) as sampled_at,
        cast(landed.step_seconds as bigint) as step_seconds,
        {{ hour_of(add_seconds('cast(landed.sampled_at as timestamp)', '-landed.step_seconds')) }} as usage_hour,
        landed.node,
        landed.gpu_uuid,
        {{ extract_group('landed.gpu_uuid', "'^([^/]+)/'") }} as divided_gpu_uuid,
        landed.gpu_model,
        {{ given('landed.namespace') }} as namespace,
        {{ given('landed.pod') }} as pod,
        landed.duty_cycle_ratio,
        landed.duty_source,
        landed.sm_active_ratio,
        landed.memory_used_mib,
        landed.power_watts,
        landed.energy_joules,
        landed.mig_profile,
        landed.slice_share,
        cast(landed.requested_at as timestamp) as requested_at,
        row_number() over (
            partition by landed.gpu_uuid, landed.sampled_at, landed.step_seconds
            order by landed.requested_at desc, landed.load_id desc, landed.load_row desc
        ) as answer_age
    from {{ lake('prometheus__gpu_sample') }} as landed
),

newest as (
    select
        *,
        first_value(step_seconds) over (
            partition by gpu_uuid, usage_hour order by requested_at desc, step_seconds
        ) as step_in_use,
        lag(energy_joules) over (partition by gpu_uuid, step_seconds order by sampled_at) as energy_before
    from samples
    where answer_age = 1
)

select
    source_id,
    sampled_at,
    step_seconds,
    usage_hour,
    node,
    gpu_uuid,
    coalesce(divided_gpu_uuid, gpu_uuid) as physical_gpu_uuid,
    gpu_model,
    namespace,
    pod,
    duty_cycle_ratio,
    duty_source,
    sm_active_ratio,
    memory_used_mib,
    power_watts,
    -- A counter that is smaller than before started again at 0.
    case when energy_joules >= energy_before then energy_joules - energy_before when energy_before is not null then energy_joules end
        as energy_used_joules,
    mig_profile,
    -- An instance whose profile is not known is taken for the smallest: one slice of seven.
    coalesce(slice_share, case when divided_gpu_uuid is not null then 1.0 / 7 else 1.0 end) as slice_share,
    requested_at
from newest
where step_seconds = step_in_use
