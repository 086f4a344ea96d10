{#
  The price book's terms: providers, service tiers, ways of deploying, units, and how lists rank.
#}

{# Names that telemetry has used for a provider, as the price book calls it. #}
{% macro price_book_provider(name) -%}
    case lower({{ name }})
        when 'az.ai.openai' then 'azure.ai.openai'
        when 'az.ai.inference' then 'azure.ai.openai'
        when 'azure.ai.inference' then 'azure.ai.openai'
        when 'azure_openai' then 'azure.ai.openai'
        when 'azure-openai' then 'azure.ai.openai'
        when 'azure_ai' then 'azure.ai.openai'
        when 'azure' then 'azure.ai.openai'
        when 'aws' then 'aws.bedrock'
        when 'bedrock' then 'aws.bedrock'
        when 'bedrock_converse' then 'aws.bedrock'
        when 'vertex_ai' then 'gcp.vertex_ai'
        when 'vertexai' then 'gcp.vertex_ai'
        when 'google' then 'gcp.gemini'
        when 'gemini' then 'gcp.gemini'
        when 'gcp.gen_ai' then 'gcp.gemini'
        when 'mistral' then 'mistral_ai'
        when 'mistralai' then 'mistral_ai'
        when 'xai' then 'x_ai'
        when 'cohere_chat' then 'cohere'
        else lower({{ name }})
    end
{%- endmacro %}

{# The price book's provider of a bill: who the models of the bill's provider are used from. #}
{% macro price_book_provider_of_bill(name) -%}
    case
        when {{ matches(name, "'microsoft|azure'") }} then 'azure.ai.openai'
        when {{ matches(name, "'amazon|aws'") }} then 'aws.bedrock'
        when {{ matches(name, "'google|gcp'") }} then 'gcp.vertex_ai'
        else {{ price_book_provider(name) }}
    end
{%- endmacro %}

{# What providers and gateways call a service tier; unknown words stay, so that nothing is priced as what it is not. #}
{% macro price_book_tier(name) -%}
    case
        when {{ name }} is null or lower({{ name }}) in ('standard', 'default', 'auto', 'on_demand', 'standard_only', 'scale')
            then 'standard'
        when lower({{ name }}) in ('flex', 'flex_processing') then 'flex'
        when lower({{ name }}) in ('batch', 'batches') then 'batch'
        when lower({{ name }}) in ('priority', 'priority_processing') then 'priority'
        else lower({{ name }})
    end
{%- endmacro %}

{# Ways of deploying, also as Azure names its SKUs: GlobalStandard, DataZoneBatch, ProvisionedManaged. #}
{% macro price_book_deployment(name) -%}
    case
        when {{ name }} is null then null
        when {{ matches(name, "'provisioned'") }} then 'provisioned'
        when {{ matches(name, "'global'") }} then 'global'
        when {{ matches(name, "'data.?zone'") }} then 'data_zone'
        when {{ matches(name, "'^(regional|standard)$'") }} then 'regional'
        else lower({{ name }})
    end
{%- endmacro %}

{# Tokens in one unit that a price is for: 1K, 1M, 1000 Tokens, 1,000,000 Tokens; null for anything else. #}
{% macro tokens_in_unit(unit) -%}
    case
        when {{ matches(unit, "'^(1 ?k|1,?000)( tokens?)?$'") }} then 1000
        when {{ matches(unit, "'^(1 ?m|1,?000,?000)( tokens?)?$'") }} then 1000000
        when {{ matches(unit, "'^1? ?tokens?$'") }} then 1
    end
{%- endmacro %}

{# The rank of a list: the lower one wins. #}
{% macro price_rank(price_source) -%}
    case {{ price_source }}
        when 'invoice' then 1
        when 'price_sheet' then 2
        when 'config' then 3
        when 'azure_retail' then 4
        when 'genai_prices' then 5
    end
{%- endmacro %}

{# A model's name without punctuation, for comparing. #}
{% macro folded_name(name) -%}
    {{ replace_all('lower(' ~ name ~ ')', "'[^a-z0-9]'") }}
{%- endmacro %}

{#
  The words of a model's name in alphabetical order, the numbers of its version kept together: Claude 4.6 Sonnet and
  claude-sonnet-4-6 have one key, gpt-4.5 and gpt-5.4 two.
#}
{% macro word_key(name) -%}
    {{ words_in_order(
        "trim(" ~ replace_all(joined_numbers('lower(' ~ name ~ ')'), "'[^a-z0-9.]+'", "' '") ~ ")"
    ) }}
{%- endmacro %}

{# Month and day of the release that a dated name says: gpt-4o-2024-08-06 → 0806; null for a name without a date. #}
{% macro release_of_name(name) -%}
    {{ replace_all(extract_group(name, "'[-@_]20[0-9]{2}-?([01][0-9]-?[0-3][0-9])(-v[0-9]+(:[0-9]+)?)?$'"), "'-'") }}
{%- endmacro %}

{# The class that a class without a price of its own is priced as; audio and images never are anything else. #}
{% macro fallback_class(token_class) -%}
    case
        when {{ token_class }} = 'reasoning' then 'output'
        when {{ token_class }} in ('cache_read', 'cache_write_5m', 'cache_write_1h') then 'input_uncached'
    end
{%- endmacro %}

{#
  First and last input tokens of a request that a meter of a context band is for. Meters say short or long; where long
  begins is in the vendors' price lists: above 272,000 tokens at OpenAI, above 200,000 at Google and Anthropic.
#}
{% macro band_start(model, context) -%}
    case
        when {{ context }} = 'long' and {{ matches(model, "'^(gemini|claude)'") }} then 200001
        when {{ context }} = 'long' then 272001
        else 0
    end
{%- endmacro %}

{% macro band_end(model, context) -%}
    case
        when {{ context }} = 'short' and {{ matches(model, "'^(gemini|claude)'") }} then 200000
        when {{ context }} = 'short' then 272000
    end
{%- endmacro %}

{# A model's family: its name up to the first number's whole part, or its first two words. #}
{% macro family_of_model(model) -%}
    coalesce(
        {{ extract_group(model, "'^([a-z]+-[0-9]+)'") }},
        {{ extract_group(model, "'^([a-z]+-[a-z]+)'") }},
        {{ extract_group(model, "'^([a-z]+[0-9]*)'") }}
    )
{%- endmacro %}

{#
  The end of a query, after the CTE `wanted` and a comma: which price each wanted combination has, the best candidate of each
  list with its place. A price that does not say a condition holds for all of it; one that does say it holds for nothing else.
  The order: a price of the class itself before the class that it falls back to, then the rank of the list, then how exactly
  the price is meant, then the newest. `wanted` has price_key, usage_price_columns(), token_class, usage_date, context_tier.
#}
{% macro price_choices(wanted) -%}
classes as (
    select *, token_class as priced_class, 0 as is_fallback from {{ wanted }}
    union all
    select *, {{ fallback_class('token_class') }} as priced_class, 1 as is_fallback
    from {{ wanted }}
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
{%- endmacro %}
