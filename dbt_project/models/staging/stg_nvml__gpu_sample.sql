-- Samples of hosts, of the current files. Two collectors of one host (one of them a mistake, or a file that was copied
-- twice with another name and other rows) are one: of samples of a GPU in the same second the newest landed counts, and a
-- sample stands for no more time than since the one before.
with landed as (
    select
        samples.*,
        cast(samples.sampled_at as timestamp) as moment,
        coalesce(samples.mig_uuid, samples.gpu_uuid) as unit_uuid
    from {{ lake('nvml__gpu_sample') }} as samples
    inner join {{ ref('stg_lake__snapshot') }} as snapshots
        on
            samples.load_id = snapshots.load_id
            and samples.snapshot_id = snapshots.snapshot_id
            and samples.source_id = snapshots.source_id
            and snapshots.table_name = 'nvml__gpu_sample'
),

once as (
    select
        *,
        row_number() over (
            partition by unit_uuid, {{ time_as_text('moment', "'%Y-%m-%d %H:%M:%S'") }}
            order by moment desc, load_id desc, load_file desc, load_row desc
        ) as copy_number
    from landed
),

timed as (
    select
        *,
        least(
            step_seconds,
            coalesce({{ seconds_between('lag(moment) over (partition by unit_uuid order by moment)', 'moment') }}, step_seconds)
        ) as seconds
    from once
    where copy_number = 1
)

select
    source_id,
    moment as sampled_at,
    seconds as step_seconds,
    {{ hour_of(add_seconds('moment', '-seconds')) }} as usage_hour,
    node,
    case when mig_uuid is null then gpu_uuid else gpu_uuid || '/' || coalesce(cast(gpu_instance_id as string), mig_uuid)
        || case when coalesce(compute_instance_id, 0) = 0 then '' else '.' || cast(compute_instance_id as string) end
    end as gpu_uuid,
    gpu_uuid as physical_gpu_uuid,
    gpu_model,
    mig_profile,
    coalesce(slice_share, case when mig_uuid is not null then 1.0 / 7 else 1.0 end) as slice_share,
    coalesce(process_count, 0) > 0 as is_held,
    coalesce(mig_enabled, false) as is_divided,
    {{ given('namespace') }} as namespace,
    {{ given('pod') }} as pod,
    duty_cycle_ratio,
    memory_used_mib,
    power_watts,
    energy_used_joules,
    temperature_celsius,
    throttle_reasons,
    ecc_uncorrected_errors
from timed
where seconds > 0
