-- Usage without a price, and what it may have cost by the nearest price there is. A guess is never a part of any total.
-- Grain: model, class, day and conditions.
{% set is_provisioned = "(named.deployment_type = 'provisioned' or named.service_tier = 'provisioned')" %}
{% set guessed_price = "case when not coalesce(" ~ is_provisioned ~ ", false) then coalesce(guesses.same_model, guesses.same_model_any_tier, guesses.same_family, guesses.same_family_elsewhere, guesses.same_provider, guesses.anyone) end" %}

with unpriced as (
    select
        usage_date,
        provider_name,
        model,
        token_class,
        region_id,
        deployment_type,
        service_tier,
        context_tier,
        min(reported_model) as reported_model,
        sum(tokens) as tokens,
        sum(request_count) as request_count
    from {{ ref('int_usage__daily') }}
    where price_status = 'unpriced' and is_attributable and tokens > 0
    group by 1, 2, 3, 4, 5, 6, 7, 8
),

-- 'gpt-5.6-luna' is of the family 'gpt-5', 'claude-opus-4-5' of 'claude-opus', 'gemini-2.5-pro' of 'gemini-2'.
named as (
    select
        *,
        {{ folded_name(undated_model_name('model')) }} as folded,
        {{ family_of_model('model') }} as family,
        -- A class that would fall back may be guessed by what it falls back to.
        coalesce({{ fallback_class('token_class') }}, token_class) as wide_class
    from unpriced
),

reference_prices as (
    select
        provider_name,
        model,
        {{ folded_name('model') }} as folded,
        {{ family_of_model('model') }} as family,
        token_class,
        service_tier,
        price_per_1m_tokens,
        currency,
        valid_from,
        valid_to,
        -- Resellers sell the same models at other prices: the makers' own come first.
        provider_name in (
            'openai', 'azure.ai.openai', 'anthropic', 'gcp.gemini', 'gcp.vertex_ai', 'aws.bedrock', 'mistral_ai', 'cohere',
            'deepseek', 'x_ai'
        ) as is_maker
    from {{ ref('int_price__book') }}
    where
        min_input_tokens = 0
        and is_typical_region
        and coalesce(deployment_type, 'global') = 'global'
        and currency = 'USD'
        and price_per_1m_tokens > 0
),

distinct_usage as (
    select distinct usage_date, provider_name, folded, family, token_class, wide_class, service_tier
    from named
),

guesses as (
    select
        wanted.usage_date,
        wanted.provider_name,
        wanted.folded,
        wanted.token_class,
        wanted.service_tier,
        {%- for steps, condition in [
            ('same_model', "prices.folded = wanted.folded and prices.is_maker and prices.service_tier = wanted.service_tier"),
            ('same_model_any_tier', "prices.folded = wanted.folded and prices.is_maker and prices.service_tier = 'standard'"),
            ('same_family', "prices.family = wanted.family and prices.provider_name = wanted.provider_name and prices.service_tier = 'standard'"),
            ('same_family_elsewhere', "prices.family = wanted.family and prices.is_maker and prices.service_tier = 'standard'"),
            ('same_provider', "prices.provider_name = wanted.provider_name and prices.service_tier = 'standard'"),
            ('anyone', "prices.is_maker and prices.service_tier = 'standard'"),
        ] %}
        {{ middle_amount('case when ' ~ condition ~ ' then prices.price_per_1m_tokens end') }} as {{ steps }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from distinct_usage as wanted
    inner join reference_prices as prices
        on
            prices.token_class in (wanted.token_class, wanted.wide_class)
            and (prices.token_class = wanted.token_class or wanted.token_class = 'reasoning')
            and wanted.usage_date >= prices.valid_from
            and wanted.usage_date < prices.valid_to
            and (prices.provider_name = wanted.provider_name or prices.is_maker)
    group by 1, 2, 3, 4, 5
)

select
    named.usage_date,
    named.provider_name,
    named.model,
    named.reported_model,
    named.token_class,
    named.region_id,
    named.deployment_type,
    named.service_tier,
    cast(named.context_tier as bigint) as context_tier,
    cast(named.tokens as bigint) as tokens,
    cast(named.request_count as bigint) as request_count,
    case
        when {{ is_provisioned }}
            then 'billed by the hour as provisioned capacity'
        when named.model is null then 'the usage names no model'
        when exists (
            select 1 from {{ ref('int_price__model_name') }} as known
            where known.provider_name = named.provider_name and known.model = named.model
        )
            then 'no list has a price for this class, tier, region or day'
        else 'no list of this provider knows the model'
    end as reason,
    'USD' as guess_currency,
    cast({{ guessed_price }} as decimal(38, 12)) as guessed_price_per_1m_tokens,
    {{ token_cost('named.tokens', guessed_price) }} as guessed_cost,
    case
        when {{ is_provisioned }} then 'none: the capacity is on the bill'
        when guesses.same_model is not null then 'the same model at its maker or another provider'
        when guesses.same_model_any_tier is not null then 'the same model in the standard tier'
        when guesses.same_family is not null then 'middle price of the family ' || named.family || ' at this provider'
        when guesses.same_family_elsewhere is not null then 'middle price of the family ' || named.family || ' elsewhere'
        when guesses.same_provider is not null then 'middle price of the class at this provider'
        when guesses.anyone is not null then 'middle price of the class at all makers'
        else 'none: no list has a price of this class'
    end as guess_basis
from named
left join guesses
    on
        named.usage_date = guesses.usage_date
        and named.provider_name is not distinct from guesses.provider_name
        and named.folded is not distinct from guesses.folded
        and named.token_class = guesses.token_class
        and named.service_tier = guesses.service_tier
