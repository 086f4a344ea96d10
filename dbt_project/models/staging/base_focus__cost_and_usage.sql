-- Every row of the current snapshots, typed, with the reason why it cannot be used where there is one. The two staging
-- models of FOCUS divide these rows between them, so that none is lost.
{% set costs = ['BilledCost', 'EffectiveCost', 'ListCost', 'ContractedCost'] %}

with current_rows as (
    select
        landed.*,
        snapshots.source_id,
        snapshots.snapshot_id
    from {{ lake('focus__cost_and_usage') }} as landed
    inner join {{ ref('stg_lake__snapshot') }} as snapshots
        on landed.load_id = snapshots.load_id and snapshots.table_name = 'focus__cost_and_usage'
),

given as (
    select
        {{ stable_id(['load_file', 'load_row']) }} as charge_id,
        load_id,
        load_file,
        load_row,
        source_id,
        snapshot_id,
        x_file,
        cast(x_row as bigint) as x_row,
        {%- for column in [
            'BilledCost', 'EffectiveCost', 'ListCost', 'ContractedCost', 'BillingCurrency',
            'ChargePeriodStart', 'ChargePeriodEnd', 'BillingPeriodStart', 'BillingPeriodEnd',
            'ProviderName', 'ServiceProviderName', 'HostProviderName', 'PublisherName', 'InvoiceIssuerName', 'InvoiceId',
            'BillingAccountId', 'BillingAccountName', 'SubAccountId', 'SubAccountName',
            'ServiceCategory', 'ServiceSubcategory', 'ServiceName', 'RegionId', 'Region', 'RegionName',
            'ResourceId', 'ResourceName', 'ResourceType',
            'ChargeCategory', 'ChargeClass', 'ChargeDescription', 'ChargeFrequency',
            'PricingCategory', 'PricingQuantity', 'PricingUnit', 'ConsumedQuantity', 'UsageQuantity', 'ConsumedUnit',
            'UsageUnit', 'ListUnitPrice', 'ContractedUnitPrice',
            'CommitmentDiscountId', 'CommitmentDiscountName', 'CommitmentDiscountCategory', 'CommitmentDiscountType',
            'CommitmentDiscountStatus', 'SkuId', 'SkuPriceId', 'SkuMeter', 'x_SkuMeterName', 'SkuPriceDetails'
        ] %}
        {{ given(column) }} as {{ column }},
        {%- endfor %}
        {{ given('Tags') }} as tags_text
    from current_rows
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
        {{ tags_document('tags_text') }} as tags
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
    rejected_column,
    case rejected_column
        {%- for column in costs + ['BillingCurrency', 'ChargePeriodStart', 'BillingPeriodStart'] %}
        when '{{ column }}' then {{ column }}
        {%- endfor %}
    end as rejected_text,
    BilledCost as billed_cost_text,
    BillingCurrency as billing_currency_text,
    ChargePeriodStart as charge_period_start_text,
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
    SkuPriceDetails as sku_price_details,
    tags,
    case when tags is not null then {{ stable_id(['tags']) }} end as tags_id,
    BilledCost_amount as billed_cost,
    coalesce(EffectiveCost_amount, BilledCost_amount) as effective_cost,
    ListCost_amount as list_cost,
    ContractedCost_amount as contracted_cost,
    nullif(
        concat_ws(
            ',',
            case when EffectiveCost is null then 'EffectiveCost' end,
            case when BillingPeriodStart is null then 'BillingPeriodStart' end,
            case when ProviderName is null then 'ProviderName' end,
            case when tags_text is not null and tags is null then 'Tags' end
        ),
        ''
    ) as x_repairs
from judged
