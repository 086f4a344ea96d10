{{ config(materialized='view') }}

-- Compute processes of hosts, of the current files.
select distinct
    samples.source_id,
    cast(samples.sampled_at as timestamp) as sampled_at,
    samples.node,
    samples.gpu_uuid,
    samples.mig_uuid,
    cast(samples.pid as bigint) as pid,
    samples.process_name,
    samples.sm_utilization_ratio,
    samples.memory_used_mib,
    samples.container_id,
    samples.pod_uid,
    samples.namespace,
    samples.pod
from {{ lake('nvml__process_sample') }} as samples
inner join {{ ref('stg_lake__snapshot') }} as snapshots
    on
        samples.load_id = snapshots.load_id
        and samples.snapshot_id = snapshots.snapshot_id
        and samples.source_id = snapshots.source_id
        and snapshots.table_name = 'nvml__process_sample'
