-- What a meter of the bill says about model, token class and way of deploying. What SkuPriceDetails says wins over what
-- is read from the name.
with meters as (
    select
        sku_meter,
        sku_price_details,
        case when count(distinct sku_meter_product) = 1 then min(sku_meter_product) end as meter_product
    from {{ ref('int_focus__property_set') }}
    where sku_meter is not null or sku_price_details is not null
    group by sku_meter, sku_price_details
),

-- One name has one parse on the bill, whichever details come with it.
names as (
    select
        sku_meter,
        case when count(distinct sku_meter_product) = 1 then min(sku_meter_product) end as meter_product
    from {{ ref('int_focus__property_set') }}
    where sku_meter is not null
    group by sku_meter
),

detailed as (
    select
        {{ stable_id(['meters.sku_meter', 'meters.sku_price_details']) }} as meter_id,
        meters.sku_meter,
        names.meter_product,
        meters.sku_price_details,
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
        coalesce(
            {{ json_member('sku_price_details', "'$.x_DeploymentType'") }},
            {{ json_member('sku_price_details', "'$.DeploymentType'") }}
        ) as detail_deployment,
        {{ replace_all(
            'coalesce(' ~ json_member('sku_price_details', "'$.x_ModelVersion'") ~ ', '
            ~ json_member('sku_price_details', "'$.ModelVersion'") ~ ')',
            "'^20[0-9]{2}-|-'"
        ) }} as detail_release
    from meters
    left join names on meters.sku_meter = names.sku_meter
),

read as (
    select
        detailed.*,
        parsed.model as meter_model,
        parsed.model_release,
        parsed.token_class as meter_class,
        parsed.service_tier,
        coalesce(parsed.is_provisioned, false) or {{ matches('detailed.detail_deployment', "'provisioned'") }}
            as is_provisioned,
        coalesce(parsed.is_fine_tuning, false) as is_fine_tuning,
        parsed.fine_tuning,
        parsed.deployment_type as meter_deployment,
        parsed.context,
        parsed.meter_unit,
        parsed.tokens_per_unit,
        parsed.parse_status as meter_status,
        parsed.unparsed_reason,
        case
            when detailed.detail_direction is null then null
            -- Details say nothing of sound and pictures: the name does.
            when parsed.token_class in ('input_audio', 'cache_read_audio', 'output_audio', 'input_image', 'output_image')
                then parsed.token_class
            when detailed.detail_direction like 'out%' then 'output'
            when detailed.detail_cache like 'read%' or detailed.detail_cache like 'hit%' then 'cache_read'
            when detailed.detail_cache like 'write%' then coalesce(
                case when parsed.token_class = 'cache_write_1h' then 'cache_write_1h' end, 'cache_write_5m'
            )
            when detailed.detail_direction like 'in%' then coalesce(
                case when detailed.detail_cache is null then parsed.token_class end, 'input_uncached'
            )
        end as detail_class
    from detailed
    left join {{ ref('int_meter__parsed') }} as parsed
        on
            detailed.sku_meter = parsed.sku_meter
            and detailed.meter_product is not distinct from parsed.meter_product
),

-- SkuPriceDetails names a model as its maker does; the lists' spelling is what everything else is joined by.
known as (
    select folded, model from {{ ref('int_meter__known_model') }}
),

classified as (
    select
        read.*,
        case when is_provisioned then null else coalesce(detail_class, meter_class) end as token_class,
        coalesce(known.model, lower(read.detail_model), meter_model) as model
    from read
    left join known on {{ folded_name('read.detail_model') }} = known.folded
)

select
    meter_id,
    sku_meter,
    meter_product,
    sku_price_details,
    model,
    coalesce(case when length(detail_release) = 4 then detail_release end, model_release) as model_release,
    token_class,
    case
        when token_class in ('output', 'reasoning', 'output_audio', 'output_image') then 'output'
        when token_class is not null then 'input'
    end as token_direction,
    case
        when {{ matches('detail_deployment', "'batch'") }} then 'batch' else coalesce(service_tier, 'standard')
    end as service_tier,
    coalesce(service_tier = 'batch', false) or {{ matches('detail_deployment', "'batch'") }} as is_batch,
    is_provisioned,
    is_fine_tuning,
    fine_tuning,
    coalesce(
        case when not is_provisioned then {{ price_book_deployment('detail_deployment') }} end, meter_deployment,
        case when {{ matches('detail_deployment', "'global'") }} then 'global' end
    ) as deployment_type,
    context,
    coalesce(meter_unit, case when token_class is not null then 'tokens' end) as meter_unit,
    tokens_per_unit,
    case
        when token_class is not null and model is not null then 'parsed'
        when is_provisioned then 'provisioned'
        when detail_model is not null then 'unparsed'
        else coalesce(meter_status, 'not_a_token_meter')
    end as parse_status,
    case when token_class is null and not is_provisioned then unparsed_reason end as unparsed_reason
from classified
