-- A view: these are the intermediate model's rows under a public contract.
{{ config(materialized='view') }}

select
    usage_hour,
    source,
    provider_name,
    resource_id,
    deployment_name,
    region_id,
    deployment_type,
    service_tier,
    context_tier,
    model,
    reported_model,
    team,
    app,
    project,
    feature,
    customer_hash,
    environment,
    token_class,
    tokens,
    request_count,
    error_count,
    price_per_1m_tokens,
    price_id,
    price_source,
    price_valid_from,
    currency,
    estimated_cost,
    price_status,
    is_attributable
from {{ ref('int_usage__priced') }}
