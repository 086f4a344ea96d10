-- Every row of every bill (current snapshots only), typed, with the reason why it cannot be used where there is one.
-- The two staging models of FOCUS divide these rows between them, so that none is lost.
-- What a load of FOCUS rows or of cost details says does not change. Its rows are read again only where something beside them
-- does: what is left out of it, how its source is read, which of Azure's datasets its delivery has. Rows of other models are
-- told every time.
{{ config(**told_by_load('delivery', reads=reads_of_bills({'stg_bill__left_out': 'load_id'}))) }}
{% set costs = ['BilledCost', 'EffectiveCost', 'ListCost', 'ContractedCost'] %}

with delivered as (
    {%- for model in focus_row_models() %}
    select
        {{ focus_row_lineage() | join(', ') }},
        {{ focus_text_columns() | join(', ') }},
        x_repairs as x_own_repairs,
        {{ 'load_id' if model in focus_models_of_loads() else "'" ~ model ~ "'" }} as delivery
    from {{ ref(model) }}
    {%- if model in focus_models_of_loads() %}
    where {{ is_told_load('load_id') }}
    {%- endif %}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

-- What another delivery of the same bill tells already is left out here, and shown in fct_bill_overlap.
left_out as (
    select distinct load_id, account_key, sub_account_key, billing_month from {{ ref('stg_bill__left_out') }}
),

given as (
    select delivered.*
    from (select *, {{ bill_unit() }} from delivered) as delivered
    left join left_out
        on
            delivered.load_id = left_out.load_id
            and delivered.account_key = left_out.account_key
            and delivered.sub_account_key = left_out.sub_account_key
            and delivered.billing_month = left_out.billing_month
    where left_out.load_id is null
),

typed as (
    select
        *,
        {%- for cost in costs %}
        {{ amount_from_text(cost) }} as {{ cost }}_amount,
        {%- endfor %}
        {{ utc_from_text('ChargePeriodStart') }} as charge_period_start,
        {{ utc_from_text('ChargePeriodEnd') }} as charge_period_end,
        {{ utc_from_text('BillingPeriodStart') }} as billing_period_start_at,
        {{ utc_from_text('BillingPeriodEnd') }} as billing_period_end_at,
        {{ tags_document('Tags') }} as tags_json
    from given
),

judged as (
    select
        *,
        case
            when BilledCost_amount is null then 'BilledCost'
            when BillingCurrency is null or not {{ matches('BillingCurrency', "'^[A-Z]{3}$'") }} then 'BillingCurrency'
            when charge_period_start is null then 'ChargePeriodStart'
            when BillingPeriodStart is not null and billing_period_start_at is null then 'BillingPeriodStart'
            {%- for cost in costs[1:] %}
            when {{ cost }} is not null and {{ cost }}_amount is null then '{{ cost }}'
            {%- endfor %}
        end as rejected_column
    from typed
)

select
    charge_id,
    load_id,
    load_file,
    load_row,
    source_id,
    snapshot_id,
    x_file,
    x_row,
    delivery,
    rejected_column,
    case rejected_column
        {%- for column in costs + ['BillingCurrency', 'ChargePeriodStart', 'BillingPeriodStart'] %}
        when '{{ column }}' then {{ column }}
        {%- endfor %}
    end as rejected_text,
    -- Text that is nowhere twice takes long to compress: only of rows that are shown as they came.
    {%- for column, name in [
        ('BilledCost', 'billed_cost'), ('BillingCurrency', 'billing_currency'), ('ChargePeriodStart', 'charge_period_start')
    ] %}
    case when rejected_column is not null then {{ column }} end as {{ name }}_text,
    {%- endfor %}
    cast(charge_period_start as date) as usage_date,
    charge_period_start,
    charge_period_end,
    coalesce(cast(billing_period_start_at as date), {{ month_of('charge_period_start') }}) as billing_period_start,
    coalesce(
        cast(billing_period_end_at as date),
        {{ add_months("coalesce(cast(billing_period_start_at as date), " ~ month_of('charge_period_start') ~ ")", 1) }}
    ) as billing_period_end,
    -- FOCUS 1.4 has no ProviderName: what sells the service, else what runs it, else who sends the invoice.
    coalesce(ProviderName, ServiceProviderName, HostProviderName, InvoiceIssuerName, 'Unknown') as provider_name,
    PublisherName as publisher_name,
    InvoiceIssuerName as invoice_issuer_name,
    InvoiceId as invoice_id,
    lower(BillingAccountId) as billing_account_id,
    BillingAccountName as billing_account_name,
    lower(SubAccountId) as sub_account_id,
    SubAccountName as sub_account_name,
    upper(BillingCurrency) as billing_currency,
    ServiceCategory as service_category,
    ServiceSubcategory as service_subcategory,
    ServiceName as service_name,
    coalesce(RegionId, Region) as region_id,
    coalesce(RegionName, Region) as region_name,
    lower(ResourceId) as resource_id,
    ResourceName as resource_name,
    ResourceType as resource_type,
    ChargeCategory as charge_category,
    ChargeClass as charge_class,
    ChargeDescription as charge_description,
    ChargeFrequency as charge_frequency,
    PricingCategory as pricing_category,
    {{ amount_from_text('PricingQuantity') }} as pricing_quantity,
    PricingUnit as pricing_unit,
    {{ amount_from_text('coalesce(ConsumedQuantity, UsageQuantity)') }} as consumed_quantity,
    coalesce(ConsumedUnit, UsageUnit) as consumed_unit,
    {{ amount_from_text('ListUnitPrice') }} as list_unit_price,
    {{ amount_from_text('ContractedUnitPrice') }} as contracted_unit_price,
    lower(CommitmentDiscountId) as commitment_discount_id,
    CommitmentDiscountName as commitment_discount_name,
    CommitmentDiscountCategory as commitment_discount_category,
    CommitmentDiscountType as commitment_discount_type,
    CommitmentDiscountStatus as commitment_discount_status,
    SkuId as sku_id,
    SkuPriceId as sku_price_id,
    coalesce(SkuMeter, x_SkuMeterName) as sku_meter,
    x_SkuMeterSubcategory as sku_meter_product,
    SkuPriceDetails as sku_price_details,
    tags_json as tags,
    case when tags_json is not null then {{ stable_id(['tags_json']) }} end as tags_id,
    {{ stable_id(property_set_expressions()) }} as property_set_id,
    BilledCost_amount as billed_cost,
    coalesce(EffectiveCost_amount, BilledCost_amount) as effective_cost,
    ListCost_amount as list_cost,
    ContractedCost_amount as contracted_cost,
    -- What only the FOCUS marts show.
    AvailabilityZone as availability_zone,
    BillingAccountType as billing_account_type,
    SubAccountType as sub_account_type,
    lower(CapacityReservationId) as capacity_reservation_id,
    CapacityReservationStatus as capacity_reservation_status,
    ChargeSubcategory as charge_subcategory,
    {{ amount_from_text('CommitmentDiscountQuantity') }} as commitment_discount_quantity,
    CommitmentDiscountUnit as commitment_discount_unit,
    CommitmentProgramEligibilityDetails as commitment_program_eligibility_details,
    ContractApplied as contract_applied,
    AllocatedMethodId as allocated_method_id,
    AllocatedMethodDetails as allocated_method_details,
    lower(AllocatedResourceId) as allocated_resource_id,
    AllocatedResourceName as allocated_resource_name,
    {{ tags_document('AllocatedTags') }} as allocated_tags,
    ServiceProviderName as service_provider_name,
    HostProviderName as host_provider_name,
    ProviderName as delivered_provider_name,
    InvoiceDetailId as invoice_detail_id,
    x_InvoiceId as x_invoice_id,
    coalesce(PricingCurrency, x_PricingCurrency) as pricing_currency,
    {{ amount_from_text('PricingCurrencyContractedUnitPrice') }} as pricing_currency_contracted_unit_price,
    {{ amount_from_text('PricingCurrencyEffectiveCost') }} as pricing_currency_effective_cost,
    {{ amount_from_text('PricingCurrencyListUnitPrice') }} as pricing_currency_list_unit_price,
    {{ amount_from_text('x_BillingExchangeRate') }} as x_billing_exchange_rate,
    x_CostCenter as x_cost_center,
    x_PricingSubcategory as x_pricing_subcategory,
    x_PublisherCategory as x_publisher_category,
    x_ResourceGroupName as x_resource_group_name,
    x_SkuMeterCategory as x_sku_meter_category,
    x_SkuMeterId as x_sku_meter_id,
    x_SkuMeterSubcategory as x_sku_meter_subcategory,
    x_SkuTerm as x_sku_term,
    x_SkuTier as x_sku_tier,
    nullif(
        concat_ws(
            '; ',
            {{ repairs_with_source('x_own_repairs') }},
            case when EffectiveCost is null then 'EffectiveCost: BilledCost' end,
            case when BillingPeriodStart is null then 'BillingPeriodStart: month of ChargePeriodStart' end,
            case when BillingPeriodEnd is null then 'BillingPeriodEnd: month after BillingPeriodStart' end,
            case
                when ChargePeriodEnd is not null and charge_period_end is null then 'ChargePeriodEnd: left out, no time'
            end,
            case when Tags is not null and tags_json is null then 'Tags: left out, no JSON' end,
            {%- for id in ['BillingAccountId', 'SubAccountId', 'ResourceId', 'CommitmentDiscountId'] %}
            case when {{ id }} <> lower({{ id }}) then '{{ id }}: lower case' end,
            {%- endfor %}
            {%- for newer, older in [
                ('ConsumedQuantity', 'UsageQuantity'), ('ConsumedUnit', 'UsageUnit'), ('RegionId', 'Region'),
                ('RegionName', 'Region'), ('SkuMeter', 'x_SkuMeterName'), ('PricingCurrency', 'x_PricingCurrency')
            ] %}
            case when {{ newer }} is null and {{ older }} is not null then '{{ newer }}: {{ older }}' end
            {{- ',' if not loop.last }}
            {%- endfor %}
        ),
        ''
    ) as x_upgrades,
    nullif(
        concat_ws(
            ',',
            x_own_repairs,
            case when EffectiveCost is null then 'EffectiveCost' end,
            case when BillingPeriodStart is null then 'BillingPeriodStart' end,
            case when ProviderName is null then 'ProviderName' end,
            case when Tags is not null and tags_json is null then 'Tags' end
        ),
        ''
    ) as x_repairs
from judged
