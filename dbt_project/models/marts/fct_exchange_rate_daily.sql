select
    rates.usage_date,
    rates.billing_currency,
    rates.reporting_currency,
    rates.exchange_rate,
    rates.rate_date,
    rates.rate_source,
    rates.exchange_rate is null as is_missing,
    cast(sum(charges.billed_cost) as decimal(38, 12)) as billed_cost,
    cast({{ exact_product('sum(charges.billed_cost)', 'rates.exchange_rate') }} as decimal(38, 12)) as reporting_billed_cost
from {{ ref('int_currency__rate') }} as rates
inner join {{ ref('stg_focus__cost_and_usage') }} as charges
    on rates.usage_date = charges.usage_date and rates.billing_currency = charges.billing_currency
group by 1, 2, 3, 4, 5, 6, 7
