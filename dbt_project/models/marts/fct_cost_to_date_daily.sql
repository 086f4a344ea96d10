-- AI spend up to now: billed where the bill has come, else what usage is estimated to cost. An estimate and a billed
-- amount never share a row.
select
    provider_name,
    usage_date,
    team,
    app,
    model,
    billing_currency as currency,
    'billed' as basis,
    cast(sum(billed_cost) as decimal(38, 12)) as billed_cost,
    cast(sum(effective_cost) as decimal(38, 12)) as effective_cost,
    cast(null as decimal(38, 12)) as estimated_cost,
    cast(null as decimal(18, 6)) as calibration_factor,
    cast(null as decimal(38, 12)) as calibrated_estimated_cost
from {{ ref('int_cost__union') }}
where is_ai
group by 1, 2, 3, 4, 5, 6

union all

select
    provider_name,
    usage_date,
    team,
    app,
    model,
    currency,
    'estimated' as basis,
    cast(null as decimal(38, 12)) as billed_cost,
    cast(null as decimal(38, 12)) as effective_cost,
    cast(sum(estimated_cost) as decimal(38, 12)) as estimated_cost,
    {{ ratio('sum(calibrated_estimated_cost)', 'sum(estimated_cost)') }} as calibration_factor,
    cast(sum(calibrated_estimated_cost) as decimal(38, 12)) as calibrated_estimated_cost
from {{ ref('int_reconcile__usage') }}
where not is_replaced
group by 1, 2, 3, 4, 5, 6
