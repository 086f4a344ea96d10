-- Every price that any list has, in one form: who says it, for what, from when to when. Models are named as their list
-- names them. What a price is not only for is null. Classes without a price have no row here.
with meter_prices as (
    select
        prices.*,
        parsed.model,
        parsed.model_release,
        parsed.token_class,
        parsed.deployment_type,
        parsed.service_tier,
        parsed.context,
        {{ tokens_in_unit('prices.unit_of_measure') }} as tokens_by_unit,
        parsed.tokens_per_unit as tokens_by_name
    from {{ ref('stg_prices__meter_price') }} as prices
    inner join {{ ref('int_meter__parsed') }} as parsed
        on
            prices.meter_name = parsed.sku_meter
            and prices.meter_product is not distinct from parsed.meter_product
            and parsed.parse_status = 'parsed'
            and not parsed.is_fine_tuning
),

meters_per_1m as (
    select
        *,
        cast(
            unit_price * case coalesce(tokens_by_unit, tokens_by_name)
                when 1 then 1000000 when 1000 then 1000 when 1000000 then 1
            end as decimal(38, 12)
        ) as price_per_1m_tokens
    from meter_prices
    where
        unit_price > 0
        -- '1M Tokens' listed per '1M' agree; two units that contradict each other say nothing.
        and coalesce(tokens_by_unit = tokens_by_name, true)
        and coalesce(tokens_by_unit, tokens_by_name) is not null
),

meter_lists as (
    select
        case list_kind when 'price_sheet' then 'price_sheet' else 'azure_retail' end as price_source,
        list_kind || '/' || meter_price_id as price_id,
        'azure.ai.openai' as provider_name,
        model,
        model_release,
        token_class,
        region_id,
        deployment_type,
        service_tier,
        context,
        currency,
        price_per_1m_tokens,
        valid_from,
        -- The next price of the same meter ends it, where the list itself does not say.
        least(
            coalesce(valid_to, cast('9999-12-31' as date)),
            coalesce(
                lead(valid_from) over (
                    partition by list_kind, agreement_id, coalesce(meter_id, meter_name), meter_product, region_id, currency
                    order by valid_from
                ),
                cast('9999-12-31' as date)
            )
        ) as valid_to,
        meter_name || coalesce(' (' || meter_product || ')', '') as price_basis
    from meters_per_1m
),

-- Global deployments cost the same everywhere: where a list agrees with itself, one price without a region stands for all.
spread as (
    select
        *,
        coalesce(min(price_per_1m_tokens) over same_kind = max(price_per_1m_tokens) over same_kind, false) as is_one_price,
        row_number() over (
            partition by
                price_source, model, model_release, token_class, service_tier, context, currency, deployment_type,
                valid_from, price_per_1m_tokens
            order by valid_to desc, region_id nulls last, price_id
        ) as number_of_price
    from meter_lists
    where valid_to > valid_from
    window same_kind as (
        partition by
            price_source, model, model_release, token_class, service_tier, context, currency, deployment_type, valid_from
    )
),

everything as (
    select
        'config' as price_source,
        price_id,
        lower(provider) as provider_name,
        model,
        cast(null as string) as model_release,
        token_class,
        lower(region_id) as region_id,
        deployment_type,
        coalesce(service_tier, 'standard') as service_tier,
        coalesce(min_input_tokens, 0) as min_input_tokens,
        cast(null as bigint) as max_input_tokens,
        currency,
        price_per_1m_tokens,
        valid_from,
        coalesce(valid_to, cast('9999-12-31' as date)) as valid_to,
        source as price_basis,
        cast(0 as double) as weight
    from {{ source('config', 'model_price') }}
    where not coalesce(is_fallback, false)
    group by all

    union all

    select
        'invoice' as price_source,
        {{ stable_id([
            'provider_name', 'model', 'model_release', 'token_class', 'region_id', 'deployment_type', 'service_tier',
            'context', 'currency', 'valid_from'
        ]) }} as price_id,
        provider_name,
        lower(model) as model,
        model_release,
        token_class,
        lower(region_id) as region_id,
        deployment_type,
        service_tier,
        {{ band_start('model', 'context') }} as min_input_tokens,
        {{ band_end('model', 'context') }} as max_input_tokens,
        currency,
        price_per_1m_tokens,
        valid_from,
        valid_to,
        sku_meter as price_basis,
        billed_tokens as weight
    from {{ ref('int_price__invoice') }}
    where valid_to > valid_from

    union all

    select
        price_source,
        price_id,
        provider_name,
        lower(model) as model,
        model_release,
        token_class,
        case when deployment_type = 'global' and is_one_price then null else lower(region_id) end as region_id,
        deployment_type,
        service_tier,
        {{ band_start('model', 'context') }} as min_input_tokens,
        {{ band_end('model', 'context') }} as max_input_tokens,
        currency,
        price_per_1m_tokens,
        valid_from,
        valid_to,
        price_basis,
        cast(0 as double) as weight
    from spread
    where not (deployment_type = 'global' and is_one_price and number_of_price > 1)

    union all

    select
        'genai_prices' as price_source,
        concat_ws(
            '/',
            list_name, provider_name, model, token_class, cast(valid_from as string),
            case when service_tier <> 'standard' then service_tier end,
            case when min_input_tokens > 0 then cast(min_input_tokens as string) end
        ) as price_id,
        provider_name,
        lower(model) as model,
        cast(null as string) as model_release,
        token_class,
        region_id,
        deployment_type,
        service_tier,
        min_input_tokens,
        cast(null as bigint) as max_input_tokens,
        currency,
        price_per_1m_tokens,
        coalesce(valid_from, cast('1970-01-01' as date)) as valid_from,
        coalesce(valid_to, cast('9999-12-31' as date)) as valid_to,
        list_name as price_basis,
        cast(0 as double) as weight
    from {{ ref('stg_prices__model_price') }}
    where price_per_1m_tokens is not null
)

select
    *,
    -- Of a price per region, the one that most regions pay stands for usage that does not say its region.
    row_number() over (
        partition by
            price_source, provider_name, model, model_release, token_class, deployment_type, service_tier,
            min_input_tokens, currency, valid_from
        order by
            weight desc, region_id is null desc, region_count desc, price_per_1m_tokens nulls last, region_id nulls last,
            price_id
    ) = 1 as is_typical_region
from (
    select
        *,
        count(*) over (
            partition by
                price_source, provider_name, model, model_release, token_class, deployment_type, service_tier,
                min_input_tokens, currency, valid_from, price_per_1m_tokens
        ) as region_count
    from everything
) as counted
