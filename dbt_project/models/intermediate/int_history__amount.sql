-- What each delivered state of a bill says a month costs, straight from the raw rows. What was delivered does not change, so
-- each load is read once.
{{ config(**told_by_load('load_id', reads={
    'int_history__state': 'load_id',
    'focus__cost_and_usage': none,
    'stg_lake__load': none,
})) }}

with delivered as (
    select
        landed.load_id,
        states.source_id,
        states.table_name,
        states.snapshot_id,
        states.period_start as snapshot_period,
        states.valid_from,
        coalesce(
            {{ given('landed.ProviderName') }}, {{ given('landed.ServiceProviderName') }},
            {{ given('landed.HostProviderName') }}, {{ given('landed.InvoiceIssuerName') }}, 'Unknown'
        ) as provider_name,
        {{ utc_from_text(given('landed.ChargePeriodStart')) }} as charge_period_start,
        {{ given('landed.BillingPeriodStart') }} as billing_period_text,
        {{ utc_from_text(given('landed.BillingPeriodStart')) }} as billing_period_at,
        lower({{ given('landed.SubAccountId') }}) as sub_account_id,
        {{ given('landed.ServiceName') }} as service_name,
        {{ given('landed.BillingCurrency') }} as billing_currency,
        {%- for cost in ['BilledCost', 'EffectiveCost', 'ListCost', 'ContractedCost'] %}
        {{ given('landed.' ~ cost) }} as {{ cost }}_text,
        {{ amount_from_text(given('landed.' ~ cost)) }} as {{ cost }}_amount{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ lake('focus__cost_and_usage') }} as landed
    inner join {{ ref('int_history__state') }} as states on landed.load_id = states.load_id
    where {{ is_told_load('landed.load_id') }}
)

select
    load_id,
    source_id,
    table_name,
    snapshot_id,
    snapshot_period,
    valid_from,
    provider_name,
    coalesce(cast(billing_period_at as date), {{ month_of('charge_period_start') }}) as billing_period_start,
    sub_account_id,
    service_name,
    upper(billing_currency) as billing_currency,
    cast(sum(BilledCost_amount) as decimal(38, 12)) as billed_cost,
    cast(sum(coalesce(EffectiveCost_amount, BilledCost_amount)) as decimal(38, 12)) as effective_cost,
    count(*) as row_count
from delivered
-- The rows that base_focus__cost_and_usage refuses are refused here too.
where
    BilledCost_amount is not null
    and charge_period_start is not null
    and {{ matches('billing_currency', "'^[A-Z]{3}$'") }}
    and (billing_period_text is null or billing_period_at is not null)
    {%- for cost in ['EffectiveCost', 'ListCost', 'ContractedCost'] %}
    and ({{ cost }}_text is null or {{ cost }}_amount is not null)
    {%- endfor %}
group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
