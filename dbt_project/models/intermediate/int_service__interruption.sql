-- What evictions and restarts of pods repeat at most: the GPU time that the pod held since its start or its interruption
-- before, of each GPU no more than between two checkpoints where units.yml says how often work is saved.
with stops as (
    select
        event_id,
        source_id,
        event_at,
        event_date,
        kind,
        namespace,
        object_name as pod,
        is_spot,
        event_count,
        lag(event_at) over (partition by source_id, namespace, object_name order by event_at, kind, event_id) as previous_at
    from {{ ref('stg_kubernetes__event') }}
    where kind in ('eviction', 'preemption', 'restart') and object_kind = 'pod' and namespace is not null
),

held as (
    select
        stops.event_id,
        samples.gpu_uuid,
        max(samples.gpu_model) as gpu_model,
        sum(samples.step_seconds * samples.slice_share) as held_seconds,
        max(samples.slice_share) as slice_share
    from stops
    inner join {{ ref('int_gpu__sample') }} as samples
        on
            stops.namespace = samples.namespace
            and stops.pod = samples.pod
            -- A sample stands for the step that ends at it.
            and samples.sampled_at <= stops.event_at
            and (stops.previous_at is null or samples.sampled_at > stops.previous_at)
    where samples.is_held
    group by 1, 2
),

repeated as (
    select
        held.event_id,
        lower(max(held.gpu_model)) as folded_gpu_model,
        max(held.gpu_model) as gpu_model,
        cast(
            sum(least(held.held_seconds, coalesce(settings.gpu_checkpoint_minutes * 60 * held.slice_share, held.held_seconds)))
            as decimal(26, 6)
        ) as repeated_gpu_seconds
    from held
    cross join {{ ref('stg_config__setting') }} as settings
    group by 1
),

told as (
    select stops.*, repeated.folded_gpu_model, repeated.gpu_model, repeated.repeated_gpu_seconds
    from stops
    left join repeated on stops.event_id = repeated.event_id
),

prices as (
    select lower(gpu_model) as folded_gpu_model, valid_from, currency, price_per_gpu_hour
    from {{ source('config', 'gpu_price') }}
)

select
    told.event_id,
    told.source_id,
    told.event_at,
    told.event_date,
    told.kind,
    told.namespace,
    told.pod,
    workloads.team,
    workloads.app,
    told.is_spot,
    told.event_count,
    told.gpu_model,
    told.repeated_gpu_seconds,
    prices.currency,
    {{ unit_price(exact_product('told.repeated_gpu_seconds', 'prices.price_per_gpu_hour'), '3600') }} as repeated_cost
from told
{{ as_of_left_join('prices', 'prices', [('told.folded_gpu_model', 'folded_gpu_model')], 'told.event_date', 'valid_from') }}
left join {{ ref('int_gpu__workload') }} as workloads
    on {{ stable_id(['told.namespace', 'told.pod', 'told.event_date']) }} = workloads.workload_id
