-- What each delivery of an Azure bill covers: billing account, subscription, billing month. Other producers' files are
-- left out: whether two of their files repeat each other or complete each other cannot be told.
{{ config(**told_by_load('load_id', reads=reads_of_bills())) }}

with billed as (
    {%- for model in focus_models_of_loads() %}
    select
        load_id,
        BillingCurrency as billing_currency,
        {{ amount_from_text('BilledCost') }} as billed_cost,
        {{ bill_unit() }}
    from {{ ref(model) }}
    where
        {{ is_told_load('load_id') }}
        and {{ matches("coalesce(ProviderName, ServiceProviderName, HostProviderName, InvoiceIssuerName)", "'microsoft|azure'") }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    load_id,
    account_key,
    sub_account_key,
    billing_month,
    billing_currency,
    count(*) as row_count,
    cast(coalesce(sum(billed_cost), 0) as decimal(38, 12)) as billed_cost
from billed
group by load_id, account_key, sub_account_key, billing_month, billing_currency
