-- What each invoice of a month asks for, straight from the delivered charges: nothing is allocated here, so that what
-- statements charge can be held against it.
select
    billing_period_start,
    provider_name,
    invoice_issuer_name,
    billing_account_id,
    invoice_id,
    billing_currency,
    cast(sum(billed_cost) as decimal(38, 12)) as billed_cost,
    cast(sum(effective_cost) as decimal(38, 12)) as effective_cost,
    count(*) as charge_count
from {{ ref('stg_focus__cost_and_usage') }}
group by 1, 2, 3, 4, 5, 6
