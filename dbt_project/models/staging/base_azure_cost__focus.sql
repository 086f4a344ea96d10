-- Azure's actual and amortised cost datasets as FOCUS rows, one per charge. Where both are there, everything is taken
-- from the amortised one, and from the actual one what the other does not have: bought and refunded commitments, and
-- the days after its last. Where one is missing, x_repairs names the cost that could not be known.
{{ config(materialized='view') }}

with services_by_resource as ({{ rows_of(azure_resource_services(), ['resource_type', 'service_name', 'service_category']) }}),

services_by_meter as ({{ rows_of(azure_meter_services(), ['meter_category', 'service_name', 'service_category']) }}),

categories_by_family as ({{ rows_of(azure_family_categories(), ['service_family', 'service_category']) }}),

charges as (
    select
        details.*,
        coalesce(counterparts.has_actual, details.dataset = 'ActualCost') as has_actual,
        coalesce(counterparts.has_amortized, details.dataset = 'AmortizedCost') as has_amortized,
        coalesce(details.usage_date > counterparts.last_amortized_date, true) as is_after_amortized
    from {{ ref('stg_azure_cost__detail') }} as details
    left join {{ ref('stg_azure_cost__counterpart') }} as counterparts
        on
            details.load_id = counterparts.load_id
            and details.billing_month_start = counterparts.billing_month_start
),

chosen as (
    select
        *,
        lower({{ extract_group('ResourceId', "'/providers/([^/]+/[^/]+)(/|$)'") }}) as resource_type,
        lower({{ extract_group('ResourceId', "'.*/providers/([^/]+/[^/]+)/'") }}) as last_resource_type,
        -- "10K" → 10000 units, "1 GB/Month" → 1 × GB/Month
        {{ extract_group('UnitOfMeasure', "'^([0-9]+)[KMGB]?( |/|$)'") }} as unit_count,
        upper({{ extract_group('UnitOfMeasure', "'^[0-9]+([KMB])( |/|$)'") }}) as unit_scale,
        {{ extract_group('UnitOfMeasure', "'^[0-9]+[KMB]? ?(.*)$'") }} as unit_words
    from charges
    where
        case
            when dataset = 'AmortizedCost' then charge_role <> 'commitment' or not has_actual
            else not has_amortized or charge_role = 'commitment' or is_after_amortized
        end
),

named as (
    select
        chosen.*,
        case
            when chosen.PublisherType = 'Marketplace' then coalesce(chosen.ProductName, chosen.MeterCategory)
            when lower(chosen.MeterCategory) = 'saas' then chosen.ProductName
            else coalesce(by_resource.service_name, by_meter.service_name, chosen.MeterCategory, chosen.ServiceName)
        end as focus_service_name,
        coalesce(by_resource.service_category, by_meter.service_category, by_family.service_category, 'Other')
            as focus_service_category,
        case when chosen.charge_role = 'covered' then '0' else chosen.CostInBillingCurrency end as billed_text,
        case
            -- What it covers carries its cost, as far as that is known.
            when chosen.charge_role = 'commitment' and chosen.has_amortized then '0'
            else chosen.CostInBillingCurrency
        end as effective_text,
        case
            when chosen.BenefitId is not null then chosen.BenefitId
            when chosen.charge_role = 'plain' then null
            when chosen.ReservationId is not null
                then '/providers/Microsoft.Capacity/reservationOrders/' || coalesce(chosen.ProductOrderId, chosen.ReservationId)
                    || '/reservations/' || chosen.ReservationId
            else chosen.ProductOrderId
        end as commitment_id,
        case unit_scale when 'K' then '000' when 'M' then '000000' when 'B' then '000000000' else '' end as unit_zeros
    from chosen
    left join services_by_resource as by_resource
        on coalesce(chosen.last_resource_type, chosen.resource_type) = by_resource.resource_type
    left join services_by_meter as by_meter on lower(chosen.MeterCategory) = by_meter.meter_category
    left join categories_by_family as by_family on lower(chosen.ServiceFamily) = by_family.service_family
)

select
    named.charge_id,
    named.load_id,
    named.load_file,
    named.load_row,
    named.source_id,
    snapshots.snapshot_id,
    named.x_file,
    named.x_row,
    {{ focus_row({
        'AvailabilityZone': 'named.AvailabilityZone',
        'BilledCost': 'named.billed_text',
        'BillingAccountId': "case
            when named.BillingAccountId like '/%' and named.BillingProfileId like '/%' then named.BillingProfileId
            when named.BillingAccountId like '/%' then named.BillingAccountId
            when coalesce(named.BillingProfileId, named.BillingAccountId) = named.BillingAccountId
                then '/providers/Microsoft.Billing/billingAccounts/' || named.BillingAccountId
            else '/providers/Microsoft.Billing/billingAccounts/' || coalesce(named.BillingAccountId, '')
                || '/billingProfiles/' || named.BillingProfileId
        end",
        'BillingAccountName': 'coalesce(named.BillingProfileName, named.BillingAccountName)',
        'BillingAccountType': "case
            when named.BillingProfileId <> named.BillingAccountId then 'Billing Profile' else 'Billing Account'
        end",
        'BillingCurrency': 'upper(named.BillingCurrency)',
        'BillingPeriodEnd': "cast(" ~ add_months('named.billing_month_start', 1) ~ " as string) || 'T00:00:00Z'",
        'BillingPeriodStart': "cast(named.billing_month_start as string) || 'T00:00:00Z'",
        'ChargeCategory': "case
            when named.charge_type in ('usage', 'unusedreservation', 'unusedsavingsplan') then 'Usage'
            when named.charge_type in ('purchase', 'refund') then 'Purchase'
            when named.charge_type = 'tax' then 'Tax'
            when named.charge_type = 'credit' then 'Credit'
            else 'Adjustment'
        end",
        'ChargeClass': "case when named.charge_type = 'refund' then 'Correction' end",
        'ChargeDescription': 'coalesce(named.ProductName, named.MeterName)',
        'ChargeFrequency': "case lower(replace(named.Frequency, '-', ''))
            when 'onetime' then 'One-Time' when 'recurring' then 'Recurring' when 'usagebased' then 'Usage-Based'
        end",
        'ChargePeriodEnd': "cast(" ~ add_days('named.usage_date', 1) ~ " as string) || 'T00:00:00Z'",
        'ChargePeriodStart': "coalesce(cast(named.usage_date as string) || 'T00:00:00Z', named." ~ adapter.quote('Date') ~ ")",
        'CommitmentDiscountCategory': "case
            when lower(named.commitment_id) like '%/microsoft.capacity/%' then 'Usage'
            when lower(named.commitment_id) like '%/microsoft.billingbenefits/%' then 'Spend'
        end",
        'CommitmentDiscountId': 'named.commitment_id',
        'CommitmentDiscountName': "case
            when named.commitment_id is not null then coalesce(named.BenefitName, named.ReservationName, named.ProductOrderName)
        end",
        'CommitmentDiscountStatus': "case
            when named.is_unused then 'Unused' when named.charge_role = 'covered' then 'Used'
        end",
        'CommitmentDiscountType': "case
            when lower(named.commitment_id) like '%/microsoft.capacity/%' then 'Reservation'
            when lower(named.commitment_id) like '%/microsoft.billingbenefits/%' then 'Savings Plan'
        end",
        'ConsumedQuantity': "case
            when named.charge_type = 'usage' and named.unit_count is not null
                then cast(" ~ quantity_cost('named.Quantity', "named.unit_count || named.unit_zeros") ~ " as string)
        end",
        'ConsumedUnit': "case
            when named.charge_type = 'usage' and named.unit_count is not null
                then case
                    when named.unit_words is null then 'Units'
                    when named.unit_words like '/%' then 'Units' || named.unit_words
                    when named.unit_words = 'Hour' then 'Hours'
                    else named.unit_words
                end
        end",
        'ContractedCost': "case
            when named.charge_role = 'commitment' then named.CostInBillingCurrency
            when named.UnitPrice is not null and named.Quantity is not null
                then cast(" ~ quantity_cost('named.Quantity', 'named.UnitPrice') ~ " as string)
        end",
        'ContractedUnitPrice': 'named.UnitPrice',
        'EffectiveCost': 'named.effective_text',
        'InvoiceId': 'named.InvoiceId',
        'InvoiceIssuerName': "coalesce(named.PartnerName, 'Microsoft')",
        'ListCost': "case
            when named.PaygCostInBillingCurrency is not null then named.PaygCostInBillingCurrency
            when " ~ amount_from_text('named.PayGPrice') ~ " <> 0
                and coalesce(named.PricingCurrency, named.BillingCurrency) = named.BillingCurrency
                then cast(" ~ quantity_cost('named.Quantity', 'named.PayGPrice') ~ " as string)
        end",
        'ListUnitPrice': "case
            when " ~ amount_from_text('named.PayGPrice') ~ " <> 0
                and coalesce(named.PricingCurrency, named.BillingCurrency) = named.BillingCurrency then named.PayGPrice
        end",
        'PricingCategory': "case
            when named.charge_role = 'covered' then 'Committed'
            when named.pricing_model = 'ondemand' then 'Standard'
            when named.pricing_model = 'spot' then 'Dynamic'
            when named.charge_role = 'commitment' then 'Standard'
        end",
        'PricingCurrency': 'coalesce(named.PricingCurrency, named.BillingCurrency)',
        'PricingQuantity': 'named.Quantity',
        'PricingUnit': 'named.UnitOfMeasure',
        'ProviderName': "'Microsoft'",
        'PublisherName': "coalesce(named.PublisherName, case when named.PublisherType <> 'Marketplace' then 'Microsoft' end)",
        'RegionId': "lower(replace(coalesce(named.ResourceLocationNormalized, named.ResourceLocation), ' ', ''))",
        'RegionName': 'named.ResourceLocation',
        'ResourceId': 'named.ResourceId',
        'ResourceName': "coalesce(named.ResourceName, " ~ extract_group('named.ResourceId', "'([^/]+)$'") ~ ")",
        'ResourceType': 'coalesce(named.last_resource_type, named.resource_type)',
        'ServiceCategory': 'named.focus_service_category',
        'ServiceName': 'named.focus_service_name',
        'SkuId': 'named.ProductId',
        'SkuMeter': 'named.MeterName',
        'SkuPriceDetails': "case
            when lower(named.ConsumedService) = 'microsoft.cognitiveservices' and named.AdditionalInfo like '{%'
                then named.AdditionalInfo
        end",
        'SubAccountId': "case
            when named.SubscriptionId like '/%' then named.SubscriptionId else '/subscriptions/' || named.SubscriptionId
        end",
        'SubAccountName': 'named.SubscriptionName',
        'SubAccountType': "case when named.SubscriptionId is not null then 'Subscription' end",
        'Tags': 'named.Tags',
        'x_BillingExchangeRate': 'named.ExchangeRatePricingToBilling',
        'x_CostCenter': 'named.CostCenter',
        'x_ResourceGroupName': 'named.ResourceGroupName',
        'x_SkuMeterCategory': 'named.MeterCategory',
        'x_SkuMeterId': 'named.MeterId',
        'x_SkuMeterName': 'named.MeterName',
        'x_SkuMeterSubcategory': 'named.MeterSubCategory',
        'x_SkuTerm': 'named.Term'
    }, "nullif(concat_ws(',',
        case when named.charge_role = 'covered' and named.dataset = 'AmortizedCost' and not named.has_actual then 'BilledCost' end,
        case
            when named.dataset = 'ActualCost' and named.charge_role = 'covered' then 'EffectiveCost'
            when named.charge_role = 'commitment' and not named.has_amortized then 'EffectiveCost'
        end
    ), '')") }}
from named
inner join {{ ref('stg_lake__snapshot') }} as snapshots
    on named.load_id = snapshots.load_id and snapshots.table_name = 'azure_cost__detail'
