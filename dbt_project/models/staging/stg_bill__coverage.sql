-- What each delivery of an Azure bill covers: billing account, subscription, billing month. Other producers' files are
-- left out: whether two of their files repeat each other or complete each other cannot be told.
{{ config(**told_by_load('delivery', reads=reads_of_bills())) }}

with billed as (
    select load_id, load_id as delivery, billing_currency, billed_cost, account_key, sub_account_key, billing_month
    from (
        select
            load_id,
            BillingCurrency as billing_currency,
            {{ amount_from_text('BilledCost') }} as billed_cost,
            {{ bill_unit() }}
        from {{ ref('base_focus__delivered') }}
        where
            {{ is_told_load('load_id') }}
            and {{ matches("coalesce(ProviderName, ServiceProviderName, HostProviderName, InvoiceIssuerName)", "'microsoft|azure'") }}
    ) as focus_rows

    union all

    select load_id, 'base_azure_cost__focus' as delivery, billing_currency, billed_cost, account_key, sub_account_key, billing_month
    from (
        select
            load_id,
            BillingCurrency as billing_currency,
            {{ amount_from_text('BilledCost') }} as billed_cost,
            {{ bill_unit() }}
        from {{ ref('base_azure_cost__focus') }}
    ) as cost_rows
)

select
    load_id,
    delivery,
    account_key,
    sub_account_key,
    billing_month,
    billing_currency,
    count(*) as row_count,
    cast(coalesce(sum(billed_cost), 0) as decimal(38, 12)) as billed_cost
from billed
group by load_id, delivery, account_key, sub_account_key, billing_month, billing_currency
