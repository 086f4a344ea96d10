-- What each judged model of an app costs, how fast and how good it is, and what sending its requests to a cheaper one that is
-- no worse would have saved. All at the price book's prices.
{% set own = ['usage_month', 'app', 'provider_name', 'model'] %}

with settings as (
    select cast(quality_tolerance as double) as quality_tolerance from {{ ref('stg_config__setting') }}
),

routed as (
    select *
    from {{ ref('int_model__routed') }}
),

variants as (
    select
        routed.usage_month,
        routed.app,
        routed.provider_name,
        routed.model,
        routed.currency,
        routed.request_count,
        routed.input_tokens,
        routed.tokens - routed.input_tokens as output_tokens,
        routed.unpriced_tokens,
        routed.estimated_cost,
        -- A cost that leaves tokens out compares with nothing.
        case
            when routed.unpriced_tokens = 0 and routed.currency_count = 1
                then {{ cost_per_unit('routed.estimated_cost', 'cast(routed.request_count as decimal(38, 12))') }}
        end as cost_per_request,
        latencies.timed_request_count,
        latencies.p50_latency_ms,
        latencies.p95_latency_ms,
        scores.scored_count,
        scores.quality_score,
        scores.quality_low,
        scores.quality_high
    from routed
    inner join {{ ref('int_model__score') }} as scores
        on
            routed.usage_month = scores.usage_month
            and routed.app = scores.app
            and lower(routed.model) = scores.model
    left join {{ ref('int_model__latency') }} as latencies on {{ agree_in('routed', 'latencies', own) }}
    where routed.from_provider_name = routed.provider_name and routed.from_model = routed.model
),

-- A variant is off the frontier where another is at least as good on all that is known of both, and better on one.
beaten as (
    select distinct
        variants.usage_month, variants.app, variants.provider_name, variants.model
    from variants
    inner join variants as others
        on
            variants.usage_month = others.usage_month
            and variants.app = others.app
            and variants.currency = others.currency
            and others.cost_per_request <= variants.cost_per_request
            and others.quality_score >= variants.quality_score
            and coalesce(others.p95_latency_ms <= variants.p95_latency_ms, true)
            and (
                others.cost_per_request < variants.cost_per_request
                or others.quality_score > variants.quality_score
                or others.p95_latency_ms < variants.p95_latency_ms
            )
),

-- How much better the other's answers are, and the least that it is with 95% confidence (Newcombe's interval of a difference).
compared as (
    select
        routed.usage_month,
        routed.app,
        routed.from_provider_name,
        routed.from_model,
        routed.provider_name,
        routed.model,
        routed.estimated_cost,
        routed.estimated_cost - variants.estimated_cost as cost_difference,
        cast(others.quality_score as double) - cast(variants.quality_score as double) as quality_difference,
        cast(others.quality_score as double) - cast(variants.quality_score as double) - sqrt(
            (cast(others.quality_score as double) - cast(others.quality_low as double))
            * (cast(others.quality_score as double) - cast(others.quality_low as double))
            + (cast(variants.quality_high as double) - cast(variants.quality_score as double))
            * (cast(variants.quality_high as double) - cast(variants.quality_score as double))
        ) as quality_difference_low
    from routed
    inner join variants
        on
            routed.usage_month = variants.usage_month
            and routed.app = variants.app
            and routed.from_provider_name = variants.provider_name
            and routed.from_model = variants.model
    inner join variants as others on {{ agree_in('routed', 'others', own) }}
    where
        routed.unpriced_tokens = 0
        and routed.currency_count = 1
        and routed.currency = variants.currency
        and variants.cost_per_request is not null
        and not (routed.provider_name = routed.from_provider_name and routed.model = routed.from_model)
),

placed as (
    select
        compared.*,
        row_number() over (
            partition by compared.usage_month, compared.app, compared.from_provider_name, compared.from_model
            order by compared.cost_difference, compared.quality_difference desc, compared.model, compared.provider_name
        ) as place
    from compared
    cross join settings
    where
        compared.cost_difference < 0
        -- The same model elsewhere is no worse.
        and (compared.model = compared.from_model or compared.quality_difference_low >= -settings.quality_tolerance)
)

select
    variants.usage_month,
    variants.app,
    variants.provider_name,
    variants.model,
    variants.currency,
    variants.request_count,
    cast(variants.input_tokens as bigint) as input_tokens,
    cast(variants.output_tokens as bigint) as output_tokens,
    variants.unpriced_tokens,
    variants.estimated_cost,
    cast(variants.cost_per_request as decimal(38, 12)) as cost_per_request,
    cast(variants.timed_request_count as bigint) as timed_request_count,
    variants.p50_latency_ms,
    variants.p95_latency_ms,
    variants.scored_count,
    variants.quality_score,
    variants.quality_low,
    variants.quality_high,
    case when variants.cost_per_request is not null then beaten.model is null end as is_on_frontier,
    placed.provider_name as route_to_provider_name,
    placed.model as route_to_model,
    cast(placed.estimated_cost as decimal(38, 12)) as routed_cost,
    case
        when variants.cost_per_request is not null
            then cast(coalesce(-placed.cost_difference, 0) as decimal(38, 12))
    end as routing_saves_cost,
    cast(placed.quality_difference as decimal(18, 6)) as quality_difference,
    cast(placed.quality_difference_low as decimal(18, 6)) as quality_difference_low
from variants
left join beaten on {{ agree_in('variants', 'beaten', own) }}
left join placed
    on
        variants.usage_month = placed.usage_month
        and variants.app = placed.app
        and variants.provider_name = placed.from_provider_name
        and variants.model = placed.from_model
