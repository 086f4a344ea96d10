-- One row per commitment discount whose purchase is in the bill. What a bill does not say of a contract is derived as the
-- columns' descriptions tell.
with charges as (
    select *
    from {{ ref('base_focus__cost_and_usage') }}
    where rejected_column is null and commitment_discount_id is not null
),

purchases as (
    select
        commitment_discount_id,
        billing_currency,
        max(coalesce(invoice_issuer_name, provider_name)) as invoice_issuer_name,
        max(coalesce(service_provider_name, provider_name)) as service_provider_name,
        max(coalesce(pricing_currency, billing_currency)) as pricing_currency,
        max(commitment_discount_name) as commitment_discount_name,
        max(commitment_discount_type) as commitment_discount_type,
        max(commitment_discount_category) as commitment_discount_category,
        max(commitment_discount_unit) as commitment_discount_unit,
        max(x_sku_term) as sku_term,
        min(charge_period_start) as period_start,
        max(coalesce(charge_period_end, charge_period_start)) as last_period_end,
        max(case when charge_frequency = 'One-Time' then charge_period_end end) as upfront_period_end,
        sum(case when charge_frequency = 'One-Time' then billed_cost else 0 end) as upfront_cost,
        sum(case when charge_frequency is distinct from 'One-Time' then billed_cost else 0 end) as recurring_cost,
        sum(billed_cost) as billed_cost,
        sum(commitment_discount_quantity) as quantity,
        max(
            case when charge_frequency is distinct from 'One-Time' then {{ days_between('charge_period_start', 'charge_period_end') }} end
        ) as recurring_days,
        min(billing_period_start) as first_billing_period_start
    from charges
    where charge_category = 'Purchase'
    group by 1, 2
),

covered as (
    select
        commitment_discount_id,
        billing_currency,
        sum(case when commitment_discount_status = 'Used' then effective_cost end) as used_effective_cost,
        sum(case when commitment_discount_status = 'Used' then list_cost end) as used_list_cost
    from charges
    where charge_category = 'Usage'
    group by 1, 2
),

terms as (
    select
        purchases.*,
        covered.used_effective_cost,
        covered.used_list_cost,
        settings.as_of,
        -- Azure says the term in months; an upfront purchase spans it.
        coalesce(
            upfront_period_end,
            case
                when try_cast(sku_term as integer) between 1 and 120
                    then cast({{ add_months('cast(period_start as date)', 'try_cast(sku_term as integer)') }} as timestamp)
            end,
            last_period_end
        ) as period_end
    from purchases
    left join covered
        on
            purchases.commitment_discount_id = covered.commitment_discount_id
            and purchases.billing_currency = covered.billing_currency
    cross join {{ ref('stg_config__setting') }} as settings
),

measured as (
    select *, {{ days_between('cast(period_start as date)', 'cast(period_end as date)') }} as term_days
    from terms
)

select
    billing_currency,
    '{"IsComplexScope": true}' as contract_commitment_applicability,
    'Discount' as contract_commitment_benefit_category,
    coalesce(
        commitment_discount_category, case when commitment_discount_unit = billing_currency then 'Spend' else 'Usage' end
    ) as contract_commitment_category,
    cast(billed_cost as decimal(38, 12)) as contract_commitment_cost,
    cast(period_start as timestamp) as contract_commitment_created,
    coalesce(commitment_discount_name, commitment_discount_type, commitment_discount_id) as contract_commitment_description,
    cast(
        case
            when coalesce(used_list_cost, 0) = 0 then 0
            when used_list_cost > 0 and used_effective_cost between 0 and used_list_cost
                then 1 - {{ ratio('used_effective_cost', 'used_list_cost') }}
        end as decimal(18, 6)
    ) as contract_commitment_discount_percentage,
    case
        when term_days between 1094 and 1097 then '3 Years'
        when term_days between 365 and 366 then '1 Year'
        when term_days between 28 and 31 then '1 Month'
        when term_days = 1 then '1 Day'
        else cast(greatest(term_days, 1) as string) || ' Days'
    end as contract_commitment_duration_type,
    'Hourly' as contract_commitment_fulfillment_interval,
    commitment_discount_id as contract_commitment_id,
    -- The record changes when its commitment ends.
    cast(case when as_of >= period_end then greatest(period_start, period_end) else period_start end as timestamp)
        as contract_commitment_last_updated,
    case when as_of < period_start then 'Pending' when as_of < period_end then 'Active' else 'Expired' end
        as contract_commitment_lifecycle_status,
    'Continuous' as contract_commitment_model,
    'Public' as contract_commitment_offer_category,
    case
        when recurring_cost = 0 then 'One-Time'
        when recurring_days between 28 and 31 then 'Monthly'
        else 'Custom'
    end as contract_commitment_payment_interval,
    case
        when recurring_cost = 0 then 'All Upfront'
        when upfront_cost = 0 then 'No Upfront'
        else 'Partial Upfront'
    end as contract_commitment_payment_model,
    cast(
        case
            when recurring_cost = 0 then 1
            when upfront_cost = 0 then 0
            else {{ ratio('upfront_cost', '(upfront_cost + recurring_cost)') }}
        end as decimal(18, 6)
    ) as contract_commitment_payment_upfront_percentage,
    cast(period_end as timestamp) as contract_commitment_period_end,
    cast(period_start as timestamp) as contract_commitment_period_start,
    cast(quantity as decimal(38, 12)) as contract_commitment_quantity,
    coalesce(commitment_discount_type, 'Commitment discount') as contract_commitment_type,
    case when quantity is not null then commitment_discount_unit end as contract_commitment_unit,
    commitment_discount_id as contract_id,
    cast(period_end as timestamp) as contract_period_end,
    cast(period_start as timestamp) as contract_period_start,
    invoice_issuer_name,
    pricing_currency,
    cast(case when pricing_currency = billing_currency then billed_cost end as decimal(38, 12))
        as pricing_currency_contract_commitment_cost,
    service_provider_name
from measured
