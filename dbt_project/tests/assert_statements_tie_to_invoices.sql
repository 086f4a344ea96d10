{# An asset check of the model named here: Dagster shows a test of several models nowhere otherwise. #}
{{ config(meta={'dagster': {'ref': {'name': 'fct_statement_line_monthly'}}}) }}

-- What statements charge for a month is what its invoices ask for, per provider, account and currency, to the last decimal.
with charged as (
    select billing_period_start, provider_name, billing_account_id, billing_currency, sum(billed_cost) as billed_cost
    from {{ ref('fct_statement_line_monthly') }}
    group by 1, 2, 3, 4
),

invoiced as (
    select billing_period_start, provider_name, billing_account_id, billing_currency, sum(billed_cost) as billed_cost
    from {{ ref('fct_invoice_monthly') }}
    group by 1, 2, 3, 4
)

select invoiced.*, charged.billed_cost as charged_cost
from invoiced
full outer join charged
    on
        invoiced.billing_period_start = charged.billing_period_start
        and invoiced.provider_name is not distinct from charged.provider_name
        and invoiced.billing_account_id is not distinct from charged.billing_account_id
        and invoiced.billing_currency = charged.billing_currency
where invoiced.billed_cost is distinct from charged.billed_cost
