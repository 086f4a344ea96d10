-- What the name of a meter says: model, token class, tier, way of deploying, unit. Grain: name and product. Names are
-- abbreviated and change without notice, so a meter of a model service that nothing could be read from stays visible as
-- 'unparsed'.
with fields as (
    select
        meter_name_id,
        sku_meter,
        meter_product,
        meter_words,
        min_by(value, position) filter (where field = 'direction') as direction,
        min_by(value, position) filter (where field = 'cache') as first_cache,
        bool_or(field = 'cache' and value = 'write') as says_cache_write,
        min_by(value, position) filter (where field = 'cache_ttl') as cache_ttl,
        min_by(value, position) filter (where field = 'tier' and value <> 'standard') as tier,
        min_by(value, position) filter (where field = 'deployment') as deployment_type,
        coalesce(bool_or(field = 'provisioned'), false) as is_provisioned,
        min_by(value, position) filter (where field = 'fine_tuning') as fine_tuning,
        -- 'gpt-4o-aud-1217-txt Inp': what comes later narrows down what came before.
        max_by(value, position) filter (where field = 'modality') as modality,
        min_by(value, position) filter (where field = 'context') as context,
        min_by(value, position) filter (where field = 'unit') as unit,
        {{ joined_text('value', "' '", 'position') }} filter (
            where field = 'model' or (field is null and not {{ matches('value', "'^((0[1-9]|1[0-2])[0-3][0-9]|[0-9]{8})$'") }})
        ) as model_words,
        min_by(value, position) filter (
            where field is null and {{ matches('value', "'^((0[1-9]|1[0-2])[0-3][0-9]|[0-9]{8})$'") }}
        ) as model_release
    from {{ ref('int_meter__word') }}
    group by 1, 2, 3, 4
),

-- Marketplace meters of AWS name the model only in their product: Claude Sonnet 4.6 (Amazon Bedrock Edition).
named as (
    select
        fields.*,
        coalesce(
            fields.model_words,
            {{ replace_all(
                'lower(' ~ extract_group('fields.meter_product', "'^(.*) .amazon bedrock edition.$'") ~ ')', "'[^a-z0-9.]+'", "' '"
            ) }}
        ) as own_words,
        products.prefix,
        -- Line items of vendors' bills: 'gpt-4o-2024-08-06, cached input'.
        {{ matches('fields.sku_meter', "', *(batch )?(cached )?(input|output)'") }} as is_line_item
    from fields
    left join {{ source('config', 'meter_product') }} as products
        on {{ matches('fields.meter_product', 'products.pattern') }}
),

candidates as (
    select
        meter_name_id,
        own_words,
        prefix,
        model_release,
        {{ folded_name('own_words') }} as folded,
        {{ folded_name("prefix || own_words") }} as folded_with_prefix,
        {{ word_key('own_words') }} as word_key,
        {{ word_key("coalesce(prefix || ' ', '') || own_words") }} as word_key_with_prefix
    from named
    where own_words is not null
),

-- The lists' spelling of a model wins over the meter's. Without a product, a name that begins with a number is OpenAI's
-- only where a list knows it so.
matched as (
    select
        candidates.meter_name_id,
        coalesce(
            by_name.model,
            by_prefix.model,
            by_family.model,
            by_words.model,
            by_words_with_prefix.model,
            replace(
                case
                    when
                        candidates.prefix is not null
                        and not {{ matches('candidates.own_words', "'^' || candidates.prefix") }}
                        and {{ matches(
                            'candidates.own_words',
                            "'^[vr]?[0-9]|^(large|small|medium|nano|mini|sonnet|opus|haiku|image)'"
                        ) }}
                        and not (candidates.prefix = 'gpt' and {{ matches('candidates.own_words', "'^image'") }})
                        then candidates.prefix || ' ' || candidates.own_words
                    else candidates.own_words
                end,
                ' ',
                '-'
            )
        ) as model,
        coalesce(by_name.model, by_prefix.model, by_family.model, by_words.model, by_words_with_prefix.model) is not null
            as is_known_model
    from candidates
    left join {{ ref('int_meter__known_model') }} as by_name on candidates.folded = by_name.folded
    left join {{ ref('int_meter__known_model') }} as by_prefix on candidates.folded_with_prefix = by_prefix.folded
    left join {{ ref('int_meter__known_model') }} as by_family
        on 'gpt' || candidates.folded = by_family.folded and candidates.prefix is null
    left join (
        select word_key, min(model) as model from {{ ref('int_meter__known_model') }} group by word_key
    ) as by_words on candidates.word_key = by_words.word_key
    left join (
        select word_key, min(model) as model from {{ ref('int_meter__known_model') }} group by word_key
    ) as by_words_with_prefix on candidates.word_key_with_prefix = by_words_with_prefix.word_key
),

judged as (
    select
        named.*,
        matched.model as meter_model,
        case when says_cache_write then 'write' else first_cache end as cache,
        (unit in ('tokens', '1000 tokens', '1000000 tokens') or is_line_item)
        and not is_provisioned
        and coalesce(fine_tuning, 'inference') <> 'hosting' as counts_tokens,
        matched.model is not null
        -- Products of one maker hold nothing but models; elsewhere a name is one that a list knows, or letters and digits.
        and (
            is_known_model
            or coalesce(prefix <> 'gpt', false)
            or {{ matches('matched.model', "'[a-z].*[0-9]|[0-9].*[a-z]'") }}
        ) as names_model
    from named
    left join matched on named.meter_name_id = matched.meter_name_id
),

classified as (
    select
        *,
        case
            when not (counts_tokens and names_model) or fine_tuning = 'training' then null
            when direction = 'output' and modality = 'audio' then 'output_audio'
            when direction = 'output' and modality = 'image' then 'output_image'
            when direction = 'output' and coalesce(modality, 'text') = 'text' then 'output'
            when cache = 'read' and modality = 'audio' then 'cache_read_audio'
            when cache = 'read' and coalesce(modality, 'text') = 'text' then 'cache_read'
            when cache = 'write' and coalesce(modality, 'text') = 'text'
                then case when cache_ttl = '1h' then 'cache_write_1h' else 'cache_write_5m' end
            when cache is not null then null
            when direction = 'input' and modality = 'audio' then 'input_audio'
            when direction = 'input' and modality = 'image' then 'input_image'
            when (direction = 'input' or {{ matches('meter_model', "'embed'") }}) and coalesce(modality, 'text') = 'text'
                then 'input_uncached'
        end as token_class
    from judged
)

select
    meter_name_id,
    sku_meter,
    meter_product,
    case when counts_tokens or is_provisioned or fine_tuning is not null then meter_model end as model,
    model_release,
    token_class,
    case when token_class is not null then coalesce(direction, 'input') end as token_direction,
    coalesce(tier, 'standard') as service_tier,
    coalesce(tier = 'batch', false) as is_batch,
    is_provisioned,
    fine_tuning is not null as is_fine_tuning,
    fine_tuning,
    deployment_type,
    context,
    case
        when unit = '1000000 tokens' then 'tokens'
        when unit = '1000 tokens' then 'tokens'
        when unit is null and is_line_item then 'tokens'
        else unit
    end as meter_unit,
    case when unit = '1000000 tokens' then 1000000 when unit = '1000 tokens' then 1000 end as tokens_per_unit,
    case
        when token_class is not null then 'parsed'
        when is_provisioned then 'provisioned'
        when counts_tokens and fine_tuning = 'training' then 'training'
        when counts_tokens then 'unparsed'
        else 'not_a_token_meter'
    end as parse_status,
    case
        when token_class is not null or not counts_tokens or fine_tuning = 'training' then null
        when not names_model then 'the name says no model'
        when cache is not null and modality is not null then 'cached tokens of ' || modality || ' have no class of their own'
        when modality = 'video' then 'tokens of video have no class'
        else 'the name says neither input nor output'
    end as unparsed_reason
from classified
