-- Which price each used combination has: distinct provider, model, class, day and conditions against the price book, the
-- best candidate of each list with its place. Usage is priced by place 1. A price that does not say a condition holds for
-- all of it; one that does say it holds for nothing else. The order: a price of the class itself before the class that it
-- falls back to, then the rank of the list, then how exactly the price is meant, then the newest.
{{ config(**in_days_of_usage('usage_date')) }}

with by_day as (
    select
        meaning_key,
        usage_date,
        context_tier,
        {%- for class in token_classes() %}
        sum({{ class }}) as {{ class }},
        {%- endfor %}
        sum(request_count) as request_count,
        sum(error_count) as error_count
    from {{ ref('int_usage__hourly') }}
    where {{ is_in_days_of_usage('usage_date') }}
    group by 1, 2, 3
),

meanings as (
    select distinct meaning_key, price_key, {{ usage_price_columns() | join(', ') }}
    from {{ ref('int_usage__meaning') }}
    where is_in_price_book
),

wanted as (
    select distinct
        meanings.price_key,
        {%- for column in usage_price_columns() %}
        meanings.{{ column }},
        {%- endfor %}
        usage.token_class,
        usage.usage_date,
        usage.context_tier
    from {{ usage_by_class('by_day', ['meaning_key', 'usage_date', 'context_tier']) }} as usage
    inner join meanings on usage.meaning_key = meanings.meaning_key
),

classes as (
    select *, token_class as priced_class, 0 as is_fallback from wanted
    union all
    select *, {{ fallback_class('token_class') }} as priced_class, 1 as is_fallback
    from wanted
    where {{ fallback_class('token_class') }} is not null
),

candidates as (
    select
        classes.*,
        book.price_source,
        book.price_rank,
        book.price_id,
        book.list_model,
        book.currency,
        book.price_per_1m_tokens,
        book.valid_from as price_valid_from,
        book.price_basis,
        case when book.region_id is not null and classes.region_id is not null then 1 else 0 end
        + case when book.deployment_type is not null and classes.deployment_type is not null then 1 else 0 end
        + case when book.model_release is not null and classes.model_release is not null then 1 else 0 end
            as specificity,
        book.min_input_tokens,
        -- What the usage does not say, the price should not say either; else Azure's default, and what most was billed at.
        case when classes.deployment_type is null and book.deployment_type is not null then 1 else 0 end
        + case when classes.region_id is null and book.region_id is not null then 1 else 0 end
        + case when classes.model_release is null and book.model_release is not null then 1 else 0 end as said_too_much,
        case book.deployment_type when 'global' then 1 when 'data_zone' then 2 when 'regional' then 3 else 0 end
            as deployment_order,
        book.weight,
        book.model_release as price_release
    from classes
    inner join {{ ref('int_price__book') }} as book
        on
            classes.provider_name = book.provider_name
            and classes.model = book.model
            and classes.priced_class = book.token_class
            and classes.service_tier = book.service_tier
            and classes.usage_date >= book.valid_from
            and classes.usage_date < book.valid_to
            and classes.context_tier >= book.min_input_tokens
            and (book.max_input_tokens is null or classes.context_tier <= book.max_input_tokens)
            and (
                book.region_id is null
                or book.region_id = classes.region_id
                or (classes.region_id is null and book.is_typical_region)
            )
            and (
                book.deployment_type is null
                or book.deployment_type = classes.deployment_type
                or (classes.deployment_type is null and book.deployment_type <> 'provisioned')
            )
            and (
                book.model_release is null
                or book.model_release = classes.model_release
                or classes.model_release is null
            )
    -- Tokens of provisioned capacity cost nothing each: only a price that says so is for them.
    where classes.deployment_type is distinct from 'provisioned' or book.deployment_type = 'provisioned'
),

placed as (
    select
        *,
        row_number() over (
            partition by price_key, token_class, usage_date, context_tier, price_source
            order by
                is_fallback, min_input_tokens desc, specificity desc, said_too_much, weight desc, deployment_order,
                price_valid_from desc, price_release desc, price_per_1m_tokens, price_id
        ) as place_in_list
    from candidates
)

select
    price_key,
    provider_name,
    model,
    model_release,
    token_class,
    usage_date,
    region_id,
    deployment_type,
    service_tier,
    context_tier,
    price_source,
    price_id,
    list_model,
    currency,
    price_per_1m_tokens,
    price_valid_from,
    price_basis,
    case when is_fallback = 1 then priced_class end as fallback_class,
    cast(
        row_number() over (
            partition by price_key, token_class, usage_date, context_tier order by is_fallback, price_rank
        ) as bigint
    ) as place
from placed
where place_in_list = 1
