-- Evictions and restarts of pods and the GPU time that they repeat at most, at the price book's prices.
select
    event_date,
    source_id,
    kind,
    is_spot,
    namespace,
    team,
    app,
    gpu_model,
    currency,
    cast(sum(event_count) as double) as event_count,
    count(distinct pod) as pod_count,
    cast(sum(case when repeated_gpu_seconds is null then event_count else 0 end) as double) as untimed_event_count,
    cast(sum(repeated_gpu_seconds) as decimal(38, 12)) as repeated_gpu_seconds,
    cast(sum(repeated_cost) as decimal(38, 12)) as estimated_repeated_cost
from {{ ref('int_service__interruption') }}
group by 1, 2, 3, 4, 5, 6, 7, 8, 9
