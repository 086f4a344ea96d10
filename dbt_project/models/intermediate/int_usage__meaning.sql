-- What the words of usage mean: under the names of the price book and of the organisation. Different words may mean the
-- same; `meaning_key` is what usage is told by from here on, `price_key` what its price depends on besides day and class.
{{ config(tags=['usage_slice']) }}

with named as (
    select
        said.usage_key,
        said.source,
        said.is_call_level,
        names.provider_name,
        said.resource_id,
        said.deployment_name,
        lower(said.region_id) as region_id,
        {{ price_book_deployment('said.deployment_type') }} as deployment_type,
        {{ price_book_tier('said.service_tier') }} as service_tier,
        names.model,
        names.model_release,
        names.reported_model,
        names.is_in_price_book,
        names.context_steps,
        owners.team,
        owners.app,
        owners.project,
        owners.feature,
        said.customer_hash,
        owners.environment
    from {{ ref('int_usage__said') }} as said
    inner join {{ ref('int_usage__model_name') }} as names
        on
            said.reported_provider is not distinct from names.reported_provider
            and said.response_model is not distinct from names.response_model
            and said.request_model is not distinct from names.request_model
    inner join {{ ref('int_usage__owner') }} as owners
        on {{ stable_id(usage_owner_columns('said')) }} = owners.usage_owner_id
)

select
    *,
    {{ row_hash(usage_meaning_columns()) }} as meaning_key,
    {{ row_hash(usage_price_columns()) }} as price_key
from named
