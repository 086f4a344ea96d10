{# An asset check of the model named here: Dagster shows a test of several models nowhere otherwise. #}
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'fct_estimate_drift_daily'}}}) }}

-- Where usage is measured, its estimate meets the bill: per provider, model and day, within the tolerance of
-- reconciliation.yml, on the newest billed days. A warning and not an error: the bill is right, and the price book, the
-- telemetry or the invoice is worth a look.
with measured as (
    select distinct account_id, usage_date
    from {{ ref('fct_estimate_drift_daily') }}
    where estimated_tokens > 0
),

newest as (
    select max(usage_date) as newest_day from {{ ref('fct_estimate_drift_daily') }} where status = 'billed'
)

select
    days.provider_name,
    days.model,
    days.usage_date,
    days.currency,
    sum(days.estimated_cost) as estimated_cost,
    sum(days.billed_cost) as billed_cost,
    sum(days.drift_cost) as drift_cost
from {{ ref('fct_estimate_drift_daily') }} as days
inner join measured on days.account_id is not distinct from measured.account_id and days.usage_date = measured.usage_date
cross join newest
cross join {{ ref('stg_config__setting') }} as settings
where
    days.status = 'billed'
    and days.usage_date > {{ add_days('newest.newest_day', '-settings.calibration_trailing_days') }}
group by 1, 2, 3, 4
having
    abs(sum(days.drift_cost))
    > greatest(
        cast(coalesce(sum(days.estimated_cost), 0) as double) * max(settings.tolerance_ratio),
        cast(max(settings.min_amount) as double)
    )
