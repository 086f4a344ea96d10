-- Runs that began in a month and what their GPU time costs by the price book; retrains are runs that say so themselves.
select
    {{ month_of('started_at') }} as month_start,
    team,
    app,
    project,
    experiment,
    stage,
    gpu_model,
    currency,
    count(*) as run_count,
    cast(sum(case when trigger_kind = 'retrain' then 1 else 0 end) as bigint) as retrain_count,
    cast(sum(case when status = 'failed' then 1 else 0 end) as bigint) as failed_run_count,
    cast(sum(case when price_status = 'unpriced' then 1 else 0 end) as bigint) as unpriced_run_count,
    cast(sum(coalesce(retries, 0)) as bigint) as retries,
    cast(sum(gpu_seconds) as decimal(38, 12)) as gpu_seconds,
    cast(sum(estimated_cost) as decimal(38, 12)) as estimated_cost,
    cast(sum(case when trigger_kind = 'retrain' then estimated_cost end) as decimal(38, 12)) as retrain_estimated_cost,
    cast(sum(case when status = 'failed' then estimated_cost end) as decimal(38, 12)) as failed_estimated_cost
from {{ ref('fct_training_run') }}
group by 1, 2, 3, 4, 5, 6, 7, 8
