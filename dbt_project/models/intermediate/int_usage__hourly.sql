-- Usage by hour and everything that a price or an owner depends on, one row per token class. Summed before it is owned
-- and priced: 50 million requests are a few million sums.
{{ config(**in_days_of_usage('usage_date')) }}

{% set classes = token_classes() %}

with requests as (
    select
        usage.source,
        usage.is_call_level,
        {{ hour_of('usage.used_at') }} as usage_hour,
        usage.region_id,
        usage.deployment_type,
        usage.service_tier,
        usage.customer_hash,
        usage.team,
        usage.app,
        usage.project,
        usage.environment,
        usage.feature,
        usage.deployment_name,
        usage.resource_id,
        usage.api_key_name,
        names.provider_name,
        names.model,
        names.model_release,
        names.reported_model,
        names.is_in_price_book,
        -- What a request costs may depend on its size, and after this sum nobody knows it any more.
        case
            when usage.input_tokens_in_request >= names.band_4 then names.band_4
            when usage.input_tokens_in_request >= names.band_3 then names.band_3
            when usage.input_tokens_in_request >= names.band_2 then names.band_2
            when usage.input_tokens_in_request >= names.band_1 then names.band_1
            else 0
        end as context_tier,
        {%- for class in classes %}
        sum(usage.{{ class }}) as {{ class }},
        {%- endfor %}
        sum(usage.request_count) as request_count,
        sum(usage.error_count) as error_count
    from {{ ref('int_usage__token_classes') }} as usage
    inner join {{ ref('int_usage__model_name') }} as names
        on
            usage.reported_provider is not distinct from names.reported_provider
            and usage.response_model is not distinct from names.response_model
            and usage.request_model is not distinct from names.request_model
    where {{ is_in_days_of_usage('usage.used_at') }}
    group by all
),

summed as (
    select
        requests.source,
        requests.is_call_level,
        requests.usage_hour,
        cast(requests.usage_hour as date) as usage_date,
        requests.provider_name,
        requests.resource_id,
        requests.deployment_name,
        lower(requests.region_id) as region_id,
        {{ price_book_deployment('requests.deployment_type') }} as deployment_type,
        {{ price_book_tier('requests.service_tier') }} as service_tier,
        requests.context_tier,
        requests.model,
        requests.model_release,
        requests.reported_model,
        requests.is_in_price_book,
        owners.team,
        owners.app,
        owners.project,
        owners.feature,
        requests.customer_hash,
        owners.environment,
        requests.api_key_name,
        {%- for class in classes %}
        sum(requests.{{ class }}) as {{ class }},
        {%- endfor %}
        sum(requests.request_count) as request_count,
        sum(requests.error_count) as error_count
    from requests
    inner join {{ ref('int_usage__owner') }} as owners
        on
            {{ stable_id([
                'requests.team', 'requests.app', 'requests.project', 'requests.environment', 'requests.feature',
                'requests.deployment_name', 'requests.resource_id', 'requests.api_key_name'
            ]) }} = owners.usage_owner_id
    group by all
),

by_class as (
    {% for class in classes %}
    select
        source,
        is_call_level,
        usage_hour,
        usage_date,
        provider_name,
        resource_id,
        deployment_name,
        region_id,
        deployment_type,
        service_tier,
        context_tier,
        model,
        model_release,
        reported_model,
        is_in_price_book,
        team,
        app,
        project,
        feature,
        customer_hash,
        environment,
        api_key_name,
        '{{ class }}' as token_class,
        cast({{ class }} as bigint) as tokens,
        {%- if class == 'input_uncached' %}
        cast(request_count as bigint) as request_count,
        cast(error_count as bigint) as error_count
        {%- else %}
        cast(0 as bigint) as request_count,
        cast(0 as bigint) as error_count
        {%- endif %}
    from summed
    -- Requests are counted on the row of uncached input, so that row is there even without tokens.
    where {{ class }} > 0 {% if class == 'input_uncached' %}or request_count > 0{% endif %}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- Accounts whose calls are told one by one that day: what their provider counts is the same calls again.
told_apart as (
    select distinct resource_id, usage_date
    from summed
    where is_call_level and resource_id is not null
)

select
    by_class.*,
    by_class.is_call_level or told_apart.resource_id is null as is_attributable
from by_class
left join told_apart on by_class.resource_id = told_apart.resource_id and by_class.usage_date = told_apart.usage_date
