{#
  The seam where bills come together. Whatever lands a bill has one model that puts its rows into FOCUS's columns, as text
  and not yet judged: `base_focus__delivered` for FOCUS files, `base_<source>__focus` for everything else. Those models
  are listed in focus_row_models(); base_focus__cost_and_usage types and judges the rows of all of them alike.
#}

{# The models whose rows are bills. A new source adds its line here, and nothing else changes. #}
{% macro focus_row_models() -%}
    {{ return([
        'base_focus__delivered', 'base_azure_cost__focus', 'base_openai__focus', 'base_anthropic__focus',
        'base_saas__focus'
    ]) }}
{%- endmacro %}

{#
  Those of them whose rows are of the load that they came with, as deliveries of whole months are: kept and told again by
  load. Rows of the others, daily sums that any answer of an API may change, are told every time.
#}
{% macro focus_models_of_loads() -%}
    {{ return(['base_focus__delivered', 'base_azure_cost__focus']) }}
{%- endmacro %}

{#
  What rows of bills depend on, for told_by_load(): on the state of their delivery that counts, those of a FOCUS file on how
  its source is read, those of Azure's cost details on the datasets that their delivery has.
#}
{% macro reads_of_bills(more={}) -%}
    {%- set reads = {
        'stg_lake__snapshot': "case
            when table_name in ('focus__cost_and_usage', 'azure_cost__detail') then load_id else 'of other tables'
        end",
        'stg_azure_cost__counterpart': 'load_id',
        'focus__cost_and_usage': none,
        'stg_lake__load': none,
    } -%}
    {%- for model in focus_row_models() if model not in focus_models_of_loads() -%}
        {%- do reads.update({model: none}) -%}
    {%- endfor -%}
    {%- do reads.update(more) -%}
    {{ return(reads) }}
{%- endmacro %}

{# FOCUS's columns of all versions, and those of Azure's extensions that something here reads. #}
{% macro focus_text_columns() -%}
    {{ return([
        'AllocatedMethodDetails', 'AllocatedMethodId', 'AllocatedResourceId', 'AllocatedResourceName',
        'AllocatedTags', 'AvailabilityZone', 'BilledCost', 'BillingAccountId', 'BillingAccountName',
        'BillingAccountType', 'BillingCurrency', 'BillingPeriodEnd', 'BillingPeriodStart', 'CapacityReservationId',
        'CapacityReservationStatus', 'ChargeCategory', 'ChargeClass', 'ChargeDescription', 'ChargeFrequency',
        'ChargePeriodEnd', 'ChargePeriodStart', 'CommitmentDiscountCategory', 'CommitmentDiscountId',
        'CommitmentDiscountName', 'CommitmentDiscountQuantity', 'CommitmentDiscountStatus', 'CommitmentDiscountType',
        'CommitmentDiscountUnit', 'CommitmentProgramEligibilityDetails', 'ConsumedQuantity', 'ConsumedUnit',
        'ContractApplied', 'ContractedCost', 'ContractedUnitPrice', 'EffectiveCost', 'HostProviderName',
        'InvoiceDetailId', 'InvoiceId', 'InvoiceIssuerName', 'ListCost', 'ListUnitPrice', 'PricingCategory',
        'PricingCurrency', 'PricingCurrencyContractedUnitPrice', 'PricingCurrencyEffectiveCost',
        'PricingCurrencyListUnitPrice', 'PricingQuantity', 'PricingUnit', 'RegionId', 'RegionName', 'ResourceId',
        'ResourceName', 'ResourceType', 'ServiceCategory', 'ServiceName', 'ServiceProviderName',
        'ServiceSubcategory', 'SkuId', 'SkuMeter', 'SkuPriceDetails', 'SkuPriceId', 'SubAccountId', 'SubAccountName',
        'SubAccountType', 'Tags', 'ProviderName', 'PublisherName',
        'ChargeSubcategory', 'Region', 'UsageQuantity', 'UsageUnit', 'x_BillingExchangeRate', 'x_CostCenter',
        'x_InvoiceId', 'x_PricingCurrency', 'x_PricingSubcategory', 'x_PublisherCategory', 'x_ResourceGroupName',
        'x_SkuMeterCategory',
        'x_SkuMeterId', 'x_SkuMeterName', 'x_SkuMeterSubcategory', 'x_SkuTerm', 'x_SkuTier'
    ]) }}
{%- endmacro %}

{#
  The delivered columns, cleaned as base_focus__cost_and_usage does it, that rules and lists look at: charges that agree in
  them mean the same on a day. int_focus__property_set has them under the names of its columns.
#}
{% macro property_set_expressions() -%}
    {{ return([
        'tags_json', 'lower(ResourceId)', 'ResourceName', 'ResourceType', 'lower(SubAccountId)', 'SubAccountName', 'ServiceName',
        'ServiceCategory', 'coalesce(SkuMeter, x_SkuMeterName)', 'SkuPriceDetails', 'x_SkuMeterSubcategory',
        'ChargeDescription', 'ChargeCategory', 'CommitmentDiscountStatus',
        'coalesce(ProviderName, ServiceProviderName, HostProviderName, InvoiceIssuerName)'
    ]) }}
{%- endmacro %}

{% macro property_set_columns() -%}
    {{ return([
        'tags_id', 'resource_id', 'resource_name', 'resource_type', 'sub_account_id', 'sub_account_name', 'service_name',
        'service_category', 'sku_meter', 'sku_price_details', 'sku_meter_product', 'charge_description',
        'charge_category', 'commitment_discount_status', 'provider_name'
    ]) }}
{%- endmacro %}

{# Which of them are amounts, and which are moments. #}
{% macro focus_amount_columns() -%}
    {{ return([
        'BilledCost', 'EffectiveCost', 'ListCost', 'ContractedCost', 'CommitmentDiscountQuantity', 'ConsumedQuantity',
        'ContractedUnitPrice', 'ListUnitPrice', 'PricingCurrencyContractedUnitPrice', 'PricingCurrencyEffectiveCost',
        'PricingCurrencyListUnitPrice', 'PricingQuantity', 'UsageQuantity'
    ]) }}
{%- endmacro %}

{% macro focus_moment_columns() -%}
    {{ return(['BillingPeriodEnd', 'BillingPeriodStart', 'ChargePeriodEnd', 'ChargePeriodStart']) }}
{%- endmacro %}

{#
  A delivered column as text, read as the source's settings say (config table focus_source, joined as `reading`): the
  currency that its files leave out, and their own way of writing dates and amounts.
#}
{% macro focus_delivered(column, alias='landed') -%}
    {%- set text = given(alias ~ '.' ~ column) -%}
    {%- if column == 'BillingCurrency' -%}
    coalesce({{ text }}, reading.billing_currency)
    {%- elif column in focus_moment_columns() -%}
    case when reading.date_pattern is null then {{ text }} else {{ rewritten(text, 'reading.date_pattern', 'reading.date_as_iso') }} end
    {%- elif column in focus_amount_columns() -%}
    case when reading.amount_style is null then {{ text }} else {{ amount_without_separators(text, 'reading.amount_style') }} end
    {%- else -%}
    {{ text }}
    {%- endif -%}
{%- endmacro %}

{# A bill's own list of derived columns, each with where it is from; columns are listed with commas. #}
{% macro repairs_with_source(columns) -%}
    replace(
        trim(trailing '; ' from replace({{ columns }} || ',', ',', ': the bill''s other columns; ')),
        'BillingCurrency: the bill''s other columns', 'BillingCurrency: billing_currency of sources.yml'
    )
{%- endmacro %}

{# What says where a row is from: the same columns, in this order, in every model of focus_row_models(). #}
{% macro focus_row_lineage() -%}
    {{ return(['charge_id', 'load_id', 'load_file', 'load_row', 'source_id', 'snapshot_id', 'x_file', 'x_row']) }}
{%- endmacro %}

{#
  The select list of such a model after its lineage: FOCUS column → text expression; what is not given is null.
  `x_repairs` is a comma-separated list of the columns that the model itself had to derive, null where it derived none.
#}
{% macro focus_row(expressions, x_repairs='cast(null as string)') -%}
    {%- for column in focus_text_columns() %}
    {%- if column in expressions %}
    cast({{ expressions[column] }} as string) as {{ column }},
    {%- else %}
    cast(null as string) as {{ column }},
    {%- endif %}
    {%- endfor %}
    {{ x_repairs }} as x_repairs
{%- endmacro %}
