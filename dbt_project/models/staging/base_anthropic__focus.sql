-- Anthropic's costs as FOCUS rows: one per day, workspace and description, in dollars. The report tells
-- no quantities, so each row is priced as one day of it.
{{ config(materialized='view') }}

{% set form = "'%Y-%m-%dT%H:%M:%SZ'" %}

with named as (
    select
        costs.*,
        coalesce(costs.amount < 0, false) as is_credit,
        coalesce(costs.workspace_id, 'default') as workspace,
        case when costs.workspace_id is null then 'default' else workspaces.item_name end as workspace_name
    from {{ ref('stg_anthropic__cost') }} as costs
    left join {{ ref('stg_model_api__name') }} as workspaces
        on
            costs.source_id = workspaces.source_id
            and workspaces.kind = 'workspace'
            and costs.workspace_id = workspaces.item_id
    where not costs.is_blank
)

select
    {{ stable_id(['load_file', 'load_row']) }} as charge_id,
    load_id,
    load_file,
    load_row,
    source_id,
    {{ time_as_text('bucket_start', "'%Y-%m-%d'") }} as snapshot_id,
    'organizations/cost_report' as x_file,
    cast(load_row + 1 as bigint) as x_row,
    {{ focus_row({
        'BilledCost': "case when amount is null then amount_cents_text else cast(amount as string) end",
        'BillingCurrency': 'currency',
        'PricingCurrency': 'currency',
        'BillingAccountId': "'anthropic'",
        'BillingAccountName': "'Anthropic'",
        'BillingAccountType': "'Organization'",
        'BillingPeriodStart': time_as_text(month_of('bucket_start'), form),
        'BillingPeriodEnd': time_as_text(add_months(month_of('bucket_start'), 1), form),
        'ChargePeriodStart': time_as_text('bucket_start', form),
        'ChargePeriodEnd': time_as_text('bucket_end', form),
        'ChargeCategory': "case when is_credit then 'Credit' else 'Usage' end",
        'ChargeFrequency': "'Usage-Based'",
        'ChargeDescription': "coalesce(description, 'Claude API usage')",
        'PricingCategory': "case when not is_credit then 'Standard' end",
        'PricingQuantity': "case when not is_credit then 1 end",
        'PricingUnit': "case when not is_credit then 'Days' end",
        'ConsumedQuantity': "case when not is_credit then 1 end",
        'ConsumedUnit': "case when not is_credit then 'Days' end",
        'ListUnitPrice': "case when not is_credit then amount end",
        'ContractedUnitPrice': "case when not is_credit then amount end",
        'ProviderName': "'Anthropic'",
        'PublisherName': "'Anthropic'",
        'ServiceProviderName': "'Anthropic'",
        'HostProviderName': "'Anthropic'",
        'InvoiceIssuerName': "'Anthropic'",
        'ServiceName': "'Claude API'",
        'ServiceCategory': "'AI and Machine Learning'",
        'ServiceSubcategory': "'Generative AI'",
        'RegionId': "case when inference_geo <> 'not_available' then inference_geo end",
        'SubAccountId': 'workspace',
        'SubAccountName': 'workspace_name',
        'SubAccountType': "'Workspace'",
        'ResourceId': model_api_resource('anthropic', 'workspace'),
        'ResourceName': 'workspace_name',
        'ResourceType': "'Workspace'",
        'SkuId': "'anthropic/' || coalesce(description, 'usage')",
        'SkuPriceId': "case when not is_credit then 'anthropic/' || coalesce(description, 'usage') end",
        'SkuMeter': "coalesce(description, 'usage')",
        'SkuPriceDetails': json_text_object([
            ('x_ModelDeveloper', "case when token_type is not null then 'Anthropic' end"),
            ('x_ModelId', "case when token_type is not null then " ~ undated_model_name('model') ~ " end"),
            ('x_ModelVersion', 'model'),
            ('x_TokenDirection', "case when token_type = 'output_tokens' then 'Output' when token_type is not null then 'Input' end"),
            ('x_TokenCacheAction', "case when token_type like 'cache_read%' then 'Read' when token_type like '%ephemeral_1h%' then 'Write 1h' when token_type like 'cache_creation%' then 'Write 5m' when token_type is not null then 'None' end"),
            ('x_DeploymentType', "case service_tier when 'batch' then 'Batch' end"),
            ('x_ServiceTier', 'service_tier'),
            ('x_ContextWindow', 'context_window'),
        ]),
        'Tags': json_text_object([('project', 'workspace_name')]),
    }, "'BillingPeriodStart,BillingPeriodEnd,Tags'
        || case when is_credit then '' else ',PricingQuantity,ListUnitPrice,ContractedUnitPrice' end") }}
from named
