-- Runs with their GPU time, and what that time costs by the price book: an estimate beside the bill, never a part of it.
with timed as (
    select
        runs.*,
        cast(
            coalesce(
                runs.duration_seconds,
                cast(
                    {{ seconds_between('runs.started_at', 'greatest(runs.started_at, coalesce(runs.ended_at, settings.as_of))') }}
                    as decimal(26, 6)
                )
            ) as decimal(26, 6)
        ) as work_seconds,
        cast(runs.started_at as date) as started_on,
        lower(runs.gpu_model) as folded_gpu_model
    from {{ ref('stg_training__run') }} as runs
    cross join {{ ref('stg_config__setting') }} as settings
),

measured as (
    select
        *,
        cast(work_seconds * cast(gpu_count as decimal(12, 6)) as decimal(38, 12)) as gpu_seconds
    from timed
),

prices as (
    select lower(gpu_model) as folded_gpu_model, valid_from, currency, price_per_gpu_hour
    from {{ source('config', 'gpu_price') }}
),

priced as (
    select measured.*, prices.currency, prices.price_per_gpu_hour
    from measured
    {{ as_of_left_join(
        'prices', 'prices', [('measured.folded_gpu_model', 'folded_gpu_model')], 'measured.started_on', 'valid_from'
    ) }}
)

select
    priced.run_key,
    priced.source_id,
    priced.run_id,
    priced.run_name,
    priced.experiment,
    priced.project,
    coalesce(teams.team, priced.team, apps.team) as team,
    coalesce(apps.app, priced.app) as app,
    priced.stage,
    priced.trigger_kind,
    priced.status,
    priced.started_at,
    priced.ended_at,
    priced.work_seconds as duration_seconds,
    priced.gpu_count,
    priced.gpu_model,
    priced.gpu_seconds,
    priced.retries,
    priced.is_deleted,
    priced.currency,
    priced.price_per_gpu_hour,
    cast(
        {{ decimal_of_double('cast(priced.gpu_seconds as double) / 3600', 20, 9) }} * cast(priced.price_per_gpu_hour as decimal(18, 9))
        as decimal(38, 12)
    ) as estimated_cost,
    case
        when coalesce(priced.gpu_count, 0) = 0 then 'no_gpu'
        when priced.price_per_gpu_hour is null then 'unpriced'
        else 'priced'
    end as price_status
from priced
left join {{ source('config', 'team') }} as teams on lower(priced.team) = lower(teams.team)
left join {{ source('config', 'app') }} as apps on lower(priced.app) = lower(apps.app)
