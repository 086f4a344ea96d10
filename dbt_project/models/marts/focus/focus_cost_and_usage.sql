-- A view: what it adds to its tables is small, and it is read as a whole only when it is published.
{{ config(materialized='view') }}

with charges as (
    select
        *,
        -- Up to FOCUS 1.2 a marketplace's seller is the publisher; from 1.3 on the seller is the service provider.
        coalesce(
            x_publisher_category = 'Vendor'
            or (
                publisher_name is not null
                and publisher_name is distinct from invoice_issuer_name
                and lower(publisher_name) not like '%' || lower(delivered_provider_name) || '%'
                and not (delivered_provider_name = 'AWS' and lower(publisher_name) like 'amazon%')
                and not (lower(delivered_provider_name) like 'google%' and lower(publisher_name) like 'google%')
            ),
            false
        ) as is_marketplace,
        case
            when lower(charge_subcategory) like 'used%' then 'Used'
            when lower(charge_subcategory) like 'unused%' then 'Unused'
        end as status_of_subcategory,
        -- A refund of a month before: the preview said so, later versions say it with ChargeClass. A negative charge for a
        -- time before its billing period can be nothing else.
        coalesce(
            charge_class is null
            and (
                lower(charge_subcategory) = 'refund'
                or (
                    billed_cost < 0 and charge_category in ('Usage', 'Purchase', 'Tax')
                    and charge_period_end <= billing_period_start and charge_period_start < charge_period_end
                )
            ),
            false
        ) as is_unmarked_correction
    from {{ ref('base_focus__cost_and_usage') }}
    where rejected_column is null
),

upgraded as (
    select
        *,
        coalesce(
            service_provider_name, case when is_marketplace then publisher_name end, delivered_provider_name,
            host_provider_name, publisher_name, invoice_issuer_name
        ) as upgraded_service_provider_name,
        coalesce(host_provider_name, delivered_provider_name, service_provider_name, publisher_name, invoice_issuer_name)
            as upgraded_host_provider_name,
        coalesce(invoice_issuer_name, delivered_provider_name, service_provider_name, host_provider_name)
            as upgraded_invoice_issuer_name,
        case
            when lower(pricing_category) in ('on-demand', 'on demand') then 'Standard'
            when lower(pricing_category) in ('commitment-based', 'commitment based') then 'Committed'
            when lower(pricing_category) = 'spot' then 'Dynamic'
            else pricing_category
        end as upgraded_pricing_category,
        case
            when lower(charge_frequency) = 'one time' then 'One-Time'
            when lower(charge_frequency) = 'usage based' then 'Usage-Based'
            else charge_frequency
        end as upgraded_charge_frequency,
        coalesce(commitment_discount_status, status_of_subcategory) as upgraded_commitment_discount_status,
        coalesce(
            commitment_discount_category,
            case
                when commitment_discount_id is null then null
                when lower(commitment_discount_type) like '%savings%' then 'Spend'
                when lower(commitment_discount_type) like '%reserv%' then 'Usage'
            end
        ) as upgraded_commitment_discount_category,
        -- A commitment's purchase and its unused part are about the commitment itself.
        case
            when
                commitment_discount_id is not null
                and (
                    charge_category = 'Purchase'
                    or coalesce(commitment_discount_status, status_of_subcategory) = 'Unused'
                )
                then commitment_discount_id
            else resource_id
        end as upgraded_resource_id,
        -- Only usage consumes, and what is unused is not consumed.
        charge_category = 'Usage'
        and coalesce(commitment_discount_status, status_of_subcategory, '') <> 'Unused' as is_consumed,
        coalesce(charge_category = 'Tax', false) as is_tax
    from charges
)

select
    charges.allocated_method_details,
    charges.allocated_method_id,
    charges.allocated_resource_id,
    charges.allocated_resource_name,
    {{ tags_object('charges.allocated_tags') }} as allocated_tags,
    charges.availability_zone,
    charges.billed_cost,
    charges.billing_account_id,
    charges.billing_account_name,
    charges.billing_account_type,
    charges.billing_currency,
    cast(charges.billing_period_end as timestamp) as billing_period_end,
    cast(charges.billing_period_start as timestamp) as billing_period_start,
    charges.capacity_reservation_id,
    charges.capacity_reservation_status,
    charges.charge_category,
    case when charges.is_unmarked_correction then 'Correction' else charges.charge_class end as charge_class,
    charges.charge_description,
    charges.upgraded_charge_frequency as charge_frequency,
    cast(charges.charge_period_end as timestamp) as charge_period_end,
    cast(charges.charge_period_start as timestamp) as charge_period_start,
    charges.upgraded_commitment_discount_category as commitment_discount_category,
    charges.commitment_discount_id,
    charges.commitment_discount_name,
    charges.commitment_discount_quantity,
    charges.upgraded_commitment_discount_status as commitment_discount_status,
    charges.commitment_discount_type,
    charges.commitment_discount_unit,
    {{ json_object('charges.commitment_program_eligibility_details') }} as commitment_program_eligibility_details,
    case when charges.is_consumed then charges.consumed_quantity end as consumed_quantity,
    case when charges.is_consumed then charges.consumed_unit end as consumed_unit,
    {{ json_object('charges.contract_applied') }} as contract_applied,
    coalesce(prices.contracted_cost, charges.contracted_cost) as contracted_cost,
    case when not charges.is_tax then coalesce(prices.contracted_unit_price, charges.contracted_unit_price) end as contracted_unit_price,
    charges.effective_cost,
    charges.upgraded_host_provider_name as host_provider_name,
    charges.invoice_detail_id,
    coalesce(charges.invoice_id, charges.x_invoice_id) as invoice_id,
    charges.upgraded_invoice_issuer_name as invoice_issuer_name,
    coalesce(prices.list_cost, charges.list_cost) as list_cost,
    case when not charges.is_tax then coalesce(prices.list_unit_price, charges.list_unit_price) end as list_unit_price,
    case when not charges.is_tax then charges.upgraded_pricing_category end as pricing_category,
    coalesce(charges.pricing_currency, charges.billing_currency) as pricing_currency,
    case
        when charges.is_tax then null
        when coalesce(charges.pricing_currency, charges.billing_currency) <> charges.billing_currency
            then charges.pricing_currency_contracted_unit_price
        else
            coalesce(
                charges.pricing_currency_contracted_unit_price, prices.contracted_unit_price,
                charges.contracted_unit_price
            )
    end as pricing_currency_contracted_unit_price,
    case
        when coalesce(charges.pricing_currency, charges.billing_currency) <> charges.billing_currency
            then charges.pricing_currency_effective_cost
        else coalesce(charges.pricing_currency_effective_cost, charges.effective_cost)
    end as pricing_currency_effective_cost,
    case
        when charges.is_tax then null
        when coalesce(charges.pricing_currency, charges.billing_currency) <> charges.billing_currency
            then charges.pricing_currency_list_unit_price
        else coalesce(charges.pricing_currency_list_unit_price, prices.list_unit_price, charges.list_unit_price)
    end as pricing_currency_list_unit_price,
    case when not charges.is_tax then charges.pricing_quantity end as pricing_quantity,
    case when not charges.is_tax then charges.pricing_unit end as pricing_unit,
    charges.region_id,
    charges.region_name,
    charges.upgraded_resource_id as resource_id,
    case
        when charges.resource_id is distinct from charges.upgraded_resource_id then charges.commitment_discount_name
        else charges.resource_name
    end as resource_name,
    case
        when charges.resource_id is distinct from charges.upgraded_resource_id then charges.commitment_discount_type
        else charges.resource_type
    end as resource_type,
    charges.service_category,
    coalesce(charges.service_name, charges.x_sku_meter_category) as service_name,
    charges.upgraded_service_provider_name as service_provider_name,
    coalesce(services.service_subcategory, charges.service_subcategory) as service_subcategory,
    case when not charges.is_tax then charges.sku_id end as sku_id,
    case when not charges.is_tax then charges.sku_meter end as sku_meter,
    case when not charges.is_tax then {{ json_object('charges.sku_price_details') }} end as sku_price_details,
    case when not charges.is_tax then charges.sku_price_id end as sku_price_id,
    charges.sub_account_id,
    charges.sub_account_name,
    charges.sub_account_type,
    {{ tags_object('charges.tags') }} as tags,
    tagged.ai_category as x_ai_category,
    tagged.app as x_app,
    charges.x_billing_exchange_rate,
    charges.charge_id as x_charge_id,
    charges.x_cost_center,
    coalesce(charges.x_file, charges.load_file) as x_file,
    tagged.model as x_model,
    charges.x_pricing_subcategory,
    charges.provider_name as x_provider_name,
    charges.publisher_name as x_publisher_name,
    nullif(
        concat_ws(
            '; ',
            charges.x_upgrades,
            prices.repairs,
            case when charges.is_unmarked_correction then 'ChargeClass: negative charge of a time before' end,
            case
                when charges.resource_id is distinct from charges.upgraded_resource_id
                    then 'ResourceId: CommitmentDiscountId; ResourceName: CommitmentDiscountName; '
                        || 'ResourceType: CommitmentDiscountType'
            end,
            {%- for column, name in [('consumed_quantity', 'ConsumedQuantity'), ('consumed_unit', 'ConsumedUnit')] %}
            case
                when charges.is_consumed is distinct from true and charges.{{ column }} is not null
                    then '{{ name }}: left out, nothing was consumed'
            end,
            {%- endfor %}
            {%- for column, name in [
                ('pricing_quantity', 'PricingQuantity'), ('pricing_unit', 'PricingUnit'), ('sku_id', 'SkuId'),
                ('sku_meter', 'SkuMeter'), ('sku_price_id', 'SkuPriceId'), ('pricing_category', 'PricingCategory'),
                ('list_unit_price', 'ListUnitPrice'), ('contracted_unit_price', 'ContractedUnitPrice')
            ] %}
            case when charges.is_tax and charges.{{ column }} is not null then '{{ name }}: left out, taxes have none' end,
            {%- endfor %}
            {%- for column, name in [
                ('pricing_category', 'PricingCategory'), ('charge_frequency', 'ChargeFrequency')
            ] %}
            case
                when charges.{{ column }} <> charges.upgraded_{{ column }}
                    then '{{ name }}: ' || charges.{{ column }}
            end,
            {%- endfor %}
            case
                when charges.commitment_discount_status is null and charges.status_of_subcategory is not null
                    then 'CommitmentDiscountStatus: ChargeSubcategory'
            end,
            case
                when
                    charges.commitment_discount_category is null
                    and charges.upgraded_commitment_discount_category is not null
                    then 'CommitmentDiscountCategory: CommitmentDiscountType'
            end,
            case
                when charges.service_provider_name is null and charges.upgraded_service_provider_name is not null
                    then 'ServiceProviderName: '
                        || case
                            when charges.is_marketplace then 'PublisherName'
                            when charges.delivered_provider_name is not null then 'ProviderName'
                            else 'other names'
                        end
            end,
            case
                when charges.host_provider_name is null and charges.upgraded_host_provider_name is not null
                    then 'HostProviderName: '
                        || case when charges.delivered_provider_name is not null then 'ProviderName' else 'other names' end
            end,
            case
                when charges.invoice_issuer_name is null and charges.upgraded_invoice_issuer_name is not null
                    then 'InvoiceIssuerName: '
                        || case when charges.delivered_provider_name is not null then 'ProviderName' else 'other names' end
            end,
            case when charges.invoice_id is null and charges.x_invoice_id is not null then 'InvoiceId: x_InvoiceId' end,
            case when charges.pricing_currency is null then 'PricingCurrency: BillingCurrency' end,
            case
                when charges.service_name is null and charges.x_sku_meter_category is not null
                    then 'ServiceName: x_SkuMeterCategory'
            end,
            case
                when services.service_subcategory is not null
                    then 'ServiceSubcategory: ' || services.source_column
            end
        ),
        ''
    ) as x_repairs,
    charges.x_resource_group_name,
    charges.x_row,
    charges.x_sku_meter_category,
    charges.x_sku_meter_id,
    charges.x_sku_meter_subcategory,
    charges.x_sku_term,
    charges.x_sku_tier,
    charges.source_id as x_source_id,
    tagged.team as x_team,
    tagged.token_class as x_token_class
from upgraded as charges
left join {{ ref('int_focus__tagged') }} as tagged on charges.charge_id = tagged.charge_id
left join {{ ref('int_focus__price') }} as prices on charges.charge_id = prices.charge_id
left join {{ ref('int_focus__service') }} as services
    on
        charges.service_category = services.service_category
        and coalesce(charges.service_name, '') = services.service_name
        and coalesce(charges.service_subcategory, '') = services.given_service_subcategory
