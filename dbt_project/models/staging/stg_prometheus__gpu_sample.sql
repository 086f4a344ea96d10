-- One row per GPU and sample: the newest answer for it, in one step length per GPU and hour so that a change of step
-- counts nothing twice. A sample stands for the step that ends at it.
with samples as (
    select
        landed.source_id,
        cast(landed.sampled_at as timestamp) as sampled_at,
        cast(landed.step_seconds as bigint) as step_seconds,
        {{ hour_of(add_seconds('cast(landed.sampled_at as timestamp)', '-landed.step_seconds')) }} as usage_hour,
        landed.node,
        landed.gpu_uuid,
        landed.gpu_model,
        {{ given('landed.namespace') }} as namespace,
        {{ given('landed.pod') }} as pod,
        landed.duty_cycle_ratio,
        landed.sm_active_ratio,
        landed.memory_used_mib,
        landed.power_watts,
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
        ) as step_in_use
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
    gpu_model,
    namespace,
    pod,
    duty_cycle_ratio,
    sm_active_ratio,
    memory_used_mib,
    power_watts,
    requested_at
from newest
where step_seconds = step_in_use
