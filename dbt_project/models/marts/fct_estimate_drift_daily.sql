-- Estimate beside bill: what a day's tokens were estimated to cost, what the bill charges for them, and why the two
-- differ.
select
    days.provider_name,
    days.usage_date,
    days.account_id,
    days.model,
    days.token_class,
    days.currency,
    days.status,
    days.estimated_tokens,
    days.estimated_cost,
    calibrations.calibration_factor,
    calibrations.billed_days as calibration_days,
    {{ decimal_of_double('cast(days.estimated_cost as double) * cast(calibrations.calibration_factor as double)') }}
        as calibrated_estimated_cost,
    days.billed_tokens,
    days.billed_cost,
    days.drift_cost,
    days.drift_ratio,
    days.price_drift_cost,
    days.quantity_drift_cost,
    days.cause,
    days.tolerance
from {{ ref('int_reconcile__daily') }} as days
left join {{ ref('int_reconcile__calibration') }} as calibrations
    on
        days.provider_name = calibrations.provider_name
        and days.account_id is not distinct from calibrations.account_id
        and days.model = calibrations.model
        and days.currency = calibrations.currency
        and days.usage_date = calibrations.usage_date
