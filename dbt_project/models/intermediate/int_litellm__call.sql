-- LiteLLM's calls with the provider and model as other telemetry names them, and the account that they went to.
{{ config(**in_days_of_usage('start_at')) }}

with destinations as (
    select distinct
        source_id,
        custom_llm_provider,
        api_base,
        model_group
    from {{ ref('stg_litellm__spend_log') }}
    where {{ is_in_days_of_usage('start_at') }}
),

accounts as (
    select
        destinations.source_id,
        destinations.custom_llm_provider,
        destinations.api_base,
        destinations.model_group,
        min_by(rules.resource_id, rules.priority) as resource_id
    from destinations
    inner join {{ source('config', 'gateway_account') }} as rules
        on
            destinations.source_id = rules.source_id
            and (rules.custom_llm_provider is null or lower(destinations.custom_llm_provider) = rules.custom_llm_provider)
            and (rules.api_base is null or {{ matches('destinations.api_base', 'rules.api_base') }})
            and (rules.model_group is null or {{ matches('destinations.model_group', 'rules.model_group') }})
    group by 1, 2, 3, 4
)

select
    calls.*,
    accounts.resource_id,
    case lower(calls.custom_llm_provider)
        when 'azure' then 'azure.ai.openai'
        when 'azure_text' then 'azure.ai.openai'
        when 'azure_ai' then 'azure.ai.inference'
        when 'bedrock' then 'aws.bedrock'
        when 'bedrock_converse' then 'aws.bedrock'
        when 'vertex_ai' then 'gcp.vertex_ai'
        when 'gemini' then 'gcp.gemini'
        when 'mistral' then 'mistral_ai'
        when 'xai' then 'x_ai'
        else lower(calls.custom_llm_provider)
    end as reported_provider,
    -- What LiteLLM priced it as is a model; what it called may be the name of a deployment.
    coalesce({{ replace_all('calls.model_map_key', "'^.*/'") }}, calls.model) as response_model,
    calls.model as request_model
from {{ ref('stg_litellm__spend_log') }} as calls
left join accounts
    on
        calls.source_id = accounts.source_id
        and calls.custom_llm_provider is not distinct from accounts.custom_llm_provider
        and calls.api_base is not distinct from accounts.api_base
        and calls.model_group is not distinct from accounts.model_group
where {{ is_in_days_of_usage('calls.start_at') }}
