-- What a meter says about model, token class and way of deploying. Meter names are abbreviated and change without
-- notice, so what SkuPriceDetails says wins, and a meter of a model service that nothing could be read from stays
-- visible as 'unparsed'.
with meters as (
    select distinct
        {{ stable_id(['sku_meter', 'sku_price_details']) }} as meter_id,
        sku_meter,
        sku_price_details
    from {{ ref('stg_focus__cost_and_usage') }}
    where sku_meter is not null or sku_price_details is not null
),

words as (
    select
        *,
        -- Words apart, dots kept: 'gpt-4.1-mini-cchd-Inp-glbl 1M Tokens' → ' gpt 4.1 mini cchd inp glbl 1m tokens '.
        ' ' || trim({{ replace_all("lower(coalesce(sku_meter, ''))", "'[^a-z0-9.]+'", "' '") }}) || ' ' as meter_words,
        coalesce(
            {{ json_member('sku_price_details', "'$.x_ModelId'") }}, {{ json_member('sku_price_details', "'$.ModelId'") }}
        ) as detail_model,
        lower(
            coalesce(
                {{ json_member('sku_price_details', "'$.x_TokenDirection'") }},
                {{ json_member('sku_price_details', "'$.TokenDirection'") }}
            )
        ) as detail_direction,
        lower(
            coalesce(
                {{ json_member('sku_price_details', "'$.x_TokenCacheAction'") }},
                {{ json_member('sku_price_details', "'$.TokenCacheAction'") }}
            )
        ) as detail_cache,
        lower(
            coalesce(
                {{ json_member('sku_price_details', "'$.x_DeploymentType'") }},
                {{ json_member('sku_price_details', "'$.DeploymentType'") }}
            )
        ) as detail_deployment
    from meters
),

flags as (
    select
        *,
        {{ matches('meter_words', "' (inp|input|in|prompt) '") }} as says_input,
        {{ matches('meter_words', "' (outp|output|out|opt|completion|generated) '") }} as says_output,
        {{ matches('meter_words', "' (cached|cchd|cd|cache read|cache hit|ca) '") }} as says_cached,
        {{ matches('meter_words', "' (cache write|cache wr|cchwrt|cwr) '") }} as says_cache_write,
        {{ matches('meter_words', "' (batch|btch|bat) '") }} or {{ matches('detail_deployment', "'batch'") }} as is_batch,
        {{ matches('meter_words', "' (provisioned|ptu|ptum) '") }}
        or {{ matches('detail_deployment', "'provisioned'") }} as is_provisioned,
        {{ matches('meter_words', "' (ft|fine tuned|fine tuning|finetuned) '") }} as is_fine_tuning,
        {{ matches('meter_words', "' (1k |1m |)tokens? '") }} as counts_tokens,
        -- What is left of the name when the words above and the filler are gone is the model.
        nullif(
            trim(
                {{ replace_all(
                    replace_all(
                        replace_all(
                            replace_all('meter_words', "' '", "'  '"),
                            "' (inp|input|in|prompt|outp|output|out|opt|completion|generated|cached|cchd|cd|ca|cache|read|write|wr|hit|batch|btch|bat|glbl|global|gl|dz|dzone|dzn|data|zone|regnl|regional|rgnl|std|standard|prty|priority|shortco|longco|sc|lc|1k|1m|token|tokens|azure|openai|ft|hosting|hour|unit|units) '"
                        ),
                        "' (0[1-9]|1[0-2])[0-3][0-9] '"
                    ),
                    "' +'",
                    "' '"
                ) }}
            ),
            ''
        ) as model_words
    from words
),

parsed as (
    select
        *,
        counts_tokens
        and model_words is not null
        and not is_provisioned
        and (detail_model is not null or {{ matches('model_words', "'[a-z].*[0-9]|[0-9].*[a-z]'") }}) as is_token_meter
    from flags
),

classified as (
    select
        *,
        case
            when not (is_token_meter or detail_direction is not null) then null
            when detail_direction like 'out%' or (detail_direction is null and says_output) then 'output'
            when detail_cache like 'read%' or detail_cache like 'hit%' or (detail_cache is null and says_cached)
                then 'cache_read'
            when detail_cache like 'write%' or (detail_cache is null and says_cache_write) then 'cache_write_5m'
            when detail_direction like 'in%' or says_input or {{ matches('model_words', "'embed'") }} then 'input_uncached'
        end as token_class
    from parsed
),

-- The price book's spelling of a model wins over the meter's: compared without punctuation, and with the family name
-- that meters leave out ('5.1 mini' is gpt-5.1-mini).
book as (
    select
        {{ replace_all('lower(model_name)', "'[^a-z0-9]'") }} as folded_name,
        min(model) as model
    from {{ source('config', 'model_price') }}
    group by 1
),

named as (
    select
        classified.*,
        case
            when is_token_meter or detail_model is not null or detail_direction is not null
                then coalesce(detail_model, model_words)
        end as reported_model
    from classified
)

select
    named.meter_id,
    named.sku_meter,
    named.sku_price_details,
    coalesce(by_name.model, by_family.model, replace(lower(named.reported_model), ' ', '-')) as model,
    named.token_class,
    case named.token_class
        when 'output' then 'output'
        when 'input_uncached' then 'input'
        when 'cache_read' then 'input'
        when 'cache_write_5m' then 'input'
    end as token_direction,
    named.is_batch,
    named.is_provisioned,
    named.is_fine_tuning,
    case
        when {{ matches('named.meter_words', "' (glbl|global|gl) '") }}
            or {{ matches('named.detail_deployment', "'global'") }} then 'global'
        when {{ matches('named.meter_words', "' (dz|dzone|dzn|data zone) '") }}
            or {{ matches('named.detail_deployment', "'data ?zone'") }} then 'data_zone'
        when {{ matches('named.meter_words', "' (regnl|regional|rgnl) '") }}
            or {{ matches('named.detail_deployment', "'regional|^standard'") }} then 'regional'
    end as deployment_type,
    case
        when {{ matches('named.meter_words', "' 1m tokens? '") }} then 1000000
        when {{ matches('named.meter_words', "' 1k tokens? '") }} then 1000
    end as tokens_per_unit,
    case
        when named.token_class is not null and named.reported_model is not null then 'parsed'
        when named.is_provisioned then 'provisioned'
        when named.counts_tokens or named.detail_model is not null then 'unparsed'
        else 'not_a_token_meter'
    end as parse_status
from named
left join book as by_name
    on {{ replace_all('lower(named.reported_model)', "'[^a-z0-9]'") }} = by_name.folded_name
left join book as by_family
    on 'gpt' || {{ replace_all('lower(named.reported_model)', "'[^a-z0-9]'") }} = by_family.folded_name
