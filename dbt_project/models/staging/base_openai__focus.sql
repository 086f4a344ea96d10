-- OpenAI's costs as FOCUS rows: one per day, project, API key and line item. A line without a quantity is priced as one
-- day of it.
{{ config(materialized='view') }}

{% set form = "'%Y-%m-%dT%H:%M:%SZ'" %}

with named as (
    select
        costs.*,
        projects.item_name as project_name,
        keys.item_name as api_key_name,
        costs.line_direction is not null and coalesce(costs.quantity_unit, 'tokens') = 'tokens' as is_tokens,
        coalesce(costs.amount < 0, false) as is_credit,
        costs.quantity > 0 as has_quantity
    from {{ ref('stg_openai__cost') }} as costs
    left join {{ ref('stg_model_api__name') }} as projects
        on costs.source_id = projects.source_id and projects.kind = 'project' and costs.project_id = projects.item_id
    left join {{ ref('stg_model_api__name') }} as keys
        on costs.source_id = keys.source_id and keys.kind = 'api_key' and costs.api_key_id = keys.item_id
    where not costs.is_blank
)

select
    {{ stable_id(['load_file', 'load_row']) }} as charge_id,
    load_id,
    load_file,
    load_row,
    source_id,
    {{ time_as_text('bucket_start', "'%Y-%m-%d'") }} as snapshot_id,
    'organization/costs' as x_file,
    cast(load_row + 1 as bigint) as x_row,
    {{ focus_row({
        'BilledCost': 'amount_text',
        'BillingCurrency': 'currency',
        'PricingCurrency': 'currency',
        'BillingAccountId': "coalesce('openai/' || organization_id, 'openai')",
        'BillingAccountName': "'OpenAI'",
        'BillingAccountType': "'Organization'",
        'BillingPeriodStart': time_as_text(month_of('bucket_start'), form),
        'BillingPeriodEnd': time_as_text(add_months(month_of('bucket_start'), 1), form),
        'ChargePeriodStart': time_as_text('bucket_start', form),
        'ChargePeriodEnd': time_as_text('bucket_end', form),
        'ChargeCategory': "case when is_credit then 'Credit' else 'Usage' end",
        'ChargeFrequency': "'Usage-Based'",
        'ChargeDescription': "coalesce(line_item, 'OpenAI usage')",
        'PricingCategory': "case when not is_credit then 'Standard' end",
        'PricingQuantity': "case
            when is_credit then null
            when has_quantity is distinct from true then 1
            when is_tokens then " ~ tokens_in_millions('quantity') ~ " else quantity
        end",
        'PricingUnit': "case
            when is_credit then null
            when has_quantity is distinct from true then 'Days'
            when is_tokens then '1000000 Tokens' else coalesce(quantity_unit, 'Units')
        end",
        'ConsumedQuantity': "case
            when is_credit then null when has_quantity is distinct from true then 1 else quantity
        end",
        'ConsumedUnit': "case
            when is_credit then null
            when has_quantity is distinct from true then 'Days'
            when is_tokens then 'Tokens' else coalesce(quantity_unit, 'Units')
        end",
        'ListUnitPrice': "case when not is_credit and (has_quantity is distinct from true or amount = 0) then amount end",
        'ContractedUnitPrice': "case
            when not is_credit and (has_quantity is distinct from true or amount = 0) then amount
        end",
        'ProviderName': "'OpenAI'",
        'PublisherName': "'OpenAI'",
        'ServiceProviderName': "'OpenAI'",
        'HostProviderName': "'OpenAI'",
        'InvoiceIssuerName': "'OpenAI'",
        'ServiceName': "'OpenAI API'",
        'ServiceCategory': "'AI and Machine Learning'",
        'ServiceSubcategory': "'Generative AI'",
        'SubAccountId': 'project_id',
        'SubAccountName': 'project_name',
        'SubAccountType': "case when project_id is not null then 'Project' end",
        'ResourceId': model_api_resource('openai', 'project_id'),
        'ResourceName': 'project_name',
        'ResourceType': "case when project_id is not null then 'Project' end",
        'SkuId': "'openai/' || coalesce(line_item, 'usage')",
        'SkuPriceId': "case when not is_credit then 'openai/' || coalesce(line_item, 'usage') end",
        'SkuMeter': "coalesce(line_item, 'usage')",
        'SkuPriceDetails': json_text_object([
            ('x_ModelDeveloper', "case when line_model is not null then 'OpenAI' end"),
            ('x_ModelId', undated_model_name('line_model')),
            ('x_ModelVersion', 'line_model'),
            ('x_TokenDirection', "case when line_direction = 'output' then 'Output' when line_direction is not null then 'Input' end"),
            ('x_TokenCacheAction', "case when line_direction = 'cached input' then 'Read' when line_direction like 'cache write%' then 'Write 5m' when line_direction is not null then 'None' end"),
            ('x_TokenModality', "case line_modality when 'audio' then 'Audio' when 'image' then 'Image' when 'text' then 'Text' end"),
            ('x_DeploymentType', "case line_tier when 'batch' then 'Batch' end"),
            ('x_ServiceTier', 'line_tier'),
        ]),
        'Tags': json_text_object([('project', 'project_name'), ('api_key', 'api_key_name')]),
    }, "'BillingPeriodStart,BillingPeriodEnd,Tags'
        || case when is_credit or has_quantity then '' else ',PricingQuantity,ListUnitPrice,ContractedUnitPrice' end") }}
from named
