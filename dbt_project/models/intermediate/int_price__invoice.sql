-- What the bill itself says a token costs: the contracted price of a parsed meter whose unit is plain. Grain: model,
-- class, conditions and the days on which a rate held without a break by another one.
with lines as (
    select
        {{ price_book_provider_of_bill('charges.provider_name') }} as provider_name,
        charges.usage_date,
        charges.region_id,
        charges.billing_currency as currency,
        meters.model,
        meters.model_release,
        meters.token_class,
        meters.deployment_type,
        meters.service_tier,
        meters.context,
        charges.sku_meter,
        charges.pricing_quantity,
        charges.contracted_unit_price as unit_price,
        {{ tokens_in_unit('charges.pricing_unit') }} as tokens_by_unit,
        meters.tokens_per_unit as tokens_by_name
    from {{ ref('stg_focus__cost_and_usage') }} as charges
    inner join {{ ref('int_focus__meter') }} as meters
        on {{ stable_id(['charges.sku_meter', 'charges.sku_price_details']) }} = meters.meter_id
    where
        meters.parse_status = 'parsed'
        and not meters.is_fine_tuning
        and charges.charge_category = 'Usage'
        and charges.charge_class is null
        and charges.commitment_discount_id is null
        and coalesce(charges.pricing_category, 'Standard') = 'Standard'
        and charges.pricing_quantity > 0
        -- A day's amount says nothing about a token's.
        and charges.pricing_unit is distinct from 'Days'
        and charges.contracted_unit_price > 0
),

per_1m as (
    select
        *,
        coalesce(tokens_by_unit, tokens_by_name) as tokens_in_unit,
        cast(
            unit_price * case coalesce(tokens_by_unit, tokens_by_name)
                when 1 then 1000000 when 1000 then 1000 when 1000000 then 1
            end as decimal(38, 12)
        ) as price_per_1m_tokens
    from lines
    -- Two units that contradict each other say nothing.
    where coalesce(tokens_by_unit = tokens_by_name, true) and coalesce(tokens_by_unit, tokens_by_name) is not null
),

daily as (
    select
        provider_name,
        model,
        model_release,
        token_class,
        region_id,
        deployment_type,
        service_tier,
        context,
        currency,
        usage_date,
        max_by(price_per_1m_tokens, pricing_quantity * tokens_in_unit) as price_per_1m_tokens,
        min(sku_meter) as sku_meter,
        sum(cast(pricing_quantity * tokens_in_unit as double)) as billed_tokens
    from per_1m
    -- No model costs so little or so much: such a unit was misread.
    where price_per_1m_tokens between 0.0001 and 10000
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
),

{% set key = 'provider_name, model, model_release, token_class, region_id, deployment_type, service_tier, context, currency' %}
turns as (
    select
        *,
        case
            when price_per_1m_tokens = lag(price_per_1m_tokens) over (partition by {{ key }} order by usage_date) then 0 else 1
        end as is_new
    from daily
),

runs as (
    select
        *,
        sum(is_new) over (
            partition by {{ key }} order by usage_date rows between unbounded preceding and current row
        ) as run_number
    from turns
),

rates as (
    select
        {{ key }},
        run_number,
        price_per_1m_tokens,
        min(usage_date) as valid_from,
        max(usage_date) as last_billed_on,
        min(sku_meter) as sku_meter,
        sum(billed_tokens) as billed_tokens
    from runs
    group by {{ key }}, run_number, price_per_1m_tokens
),

-- A rate outlives its last bill, since bills are late, but not for ever: a list that was made for us and that begins
-- later knows more.
announced as (
    select
        lower(provider) as provider_name,
        lower(model) as model,
        token_class,
        valid_from
    from {{ source('config', 'model_price') }}
    where not is_fallback
)

select
    rates.*,
    coalesce(
        lead(rates.valid_from) over (
            partition by
                rates.provider_name, rates.model, rates.model_release, rates.token_class, rates.region_id,
                rates.deployment_type, rates.service_tier, rates.context, rates.currency
            order by rates.run_number
        ),
        least(
            {{ add_days('rates.last_billed_on', var('invoice_rate_days')) }},
            coalesce(min(announced.valid_from), {{ add_days('rates.last_billed_on', var('invoice_rate_days')) }})
        )
    ) as valid_to
from rates
left join announced
    on
        rates.provider_name = announced.provider_name
        and lower(rates.model) = announced.model
        and rates.token_class = announced.token_class
        and announced.valid_from > rates.last_billed_on
group by
    rates.provider_name, rates.model, rates.model_release, rates.token_class, rates.region_id, rates.deployment_type,
    rates.service_tier, rates.context, rates.currency, rates.run_number, rates.price_per_1m_tokens, rates.valid_from,
    rates.last_billed_on, rates.sku_meter, rates.billed_tokens
