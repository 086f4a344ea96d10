-- Prices and costs that the bill left out, each from a named source: only charges that lack one are here.
-- A cost of 0 beside money that was billed or amortised is one left out, as Azure does for Marketplace and reservations;
-- it stays 0 where the bill itself gives a price.
with charges as (
    select
        *,
        commitment_discount_status in ('Used', 'Unused') as is_covered,
        billed_cost <> 0 or effective_cost <> 0 as has_money
    from {{ ref('base_focus__cost_and_usage') }}
    where rejected_column is null
),

-- What the other rows of a price say, where they all say the same: per provider, currency, unit and billing month.
{% for kind in ['list', 'contracted'] %}
{{ kind }}_prices as (
    select
        provider_name,
        sku_price_id,
        billing_currency,
        pricing_unit,
        billing_period_start,
        min({{ kind }}_unit_price) as unit_price
    from charges
    where sku_price_id is not null and {{ kind }}_unit_price > 0
    group by all
    having min({{ kind }}_unit_price) = max({{ kind }}_unit_price)
),
{% endfor %}

lacking as (
    select
        *,
        {%- for kind in ['list', 'contracted'] %}
        {{ kind }}_cost is null or ({{ kind }}_cost = 0 and has_money and coalesce({{ kind }}_unit_price, 0) = 0)
            as lacks_{{ kind }}_cost,
        coalesce({{ kind }}_unit_price, 0) = 0 and pricing_quantity <> 0 and charge_category in ('Usage', 'Purchase')
        and coalesce({{ kind }}_cost, 0) = 0 and has_money
            as lacks_{{ kind }}_unit_price
        {{- ',' if not loop.last }}
        {%- endfor %}
    from charges
),

sourced as (
    select
        lacking.charge_id,
        {%- for kind in ['list', 'contracted'] %}
        lacks_{{ kind }}_cost,
        lacks_{{ kind }}_unit_price,
        lacking.{{ kind }}_cost as given_{{ kind }}_cost,
        lacking.{{ kind }}_unit_price as given_{{ kind }}_unit_price,
        case
            when lacking.{{ kind }}_unit_price > 0 then lacking.{{ kind }}_unit_price
            else {{ kind }}_prices.unit_price
        end as known_{{ kind }}_unit_price,
        case
            when lacking.{{ kind }}_unit_price > 0 then 'unit price × PricingQuantity'
            when {{ kind }}_prices.unit_price is not null then 'other rows of the SkuPriceId'
        end as known_{{ kind }}_source,
        {%- endfor %}
        lacking.pricing_quantity,
        lacking.billed_cost,
        lacking.effective_cost,
        lacking.is_covered
    from lacking
    {%- for kind in ['list', 'contracted'] %}
    left join {{ kind }}_prices
        on
            lacking.provider_name = {{ kind }}_prices.provider_name
            and lacking.sku_price_id = {{ kind }}_prices.sku_price_id
            and lacking.billing_currency = {{ kind }}_prices.billing_currency
            and lacking.pricing_unit is not distinct from {{ kind }}_prices.pricing_unit
            and lacking.billing_period_start = {{ kind }}_prices.billing_period_start
    {%- endfor %}
    where {% for kind in ['list', 'contracted'] %}lacks_{{ kind }}_cost or lacks_{{ kind }}_unit_price{{ ' or ' if not loop.last }}{% endfor %}
),

priced as (
    select
        *,
        {%- for kind in ['list', 'contracted'] %}
        {{ exact_product('known_' ~ kind ~ '_unit_price', 'pricing_quantity') }} as known_{{ kind }}_cost
        {{- ',' if not loop.last }}
        {%- endfor %}
    from sourced
)

select
    charge_id,
    {%- for kind, name in [('list', 'List'), ('contracted', 'Contracted')] %}
    case
        when not lacks_{{ kind }}_cost then given_{{ kind }}_cost
        when known_{{ kind }}_cost is not null then known_{{ kind }}_cost
        when coalesce(is_covered, false) then effective_cost
        else billed_cost
    end as {{ kind }}_cost,
    case
        when not lacks_{{ kind }}_unit_price then given_{{ kind }}_unit_price
        when known_{{ kind }}_cost is not null then known_{{ kind }}_unit_price
        when coalesce(is_covered, false) then {{ unit_price('effective_cost', 'pricing_quantity') }}
        else {{ unit_price('billed_cost', 'pricing_quantity') }}
    end as {{ kind }}_unit_price,
    {%- endfor %}
    nullif(concat_ws(
        '; '
        {%- for kind, name in [('list', 'List'), ('contracted', 'Contracted')] %}
        {%- for column, what in [('cost', 'Cost'), ('unit_price', 'UnitPrice')] %},
        case
            when lacks_{{ kind }}_{{ column }} then '{{ name }}{{ what }}: '
                || case
                    when known_{{ kind }}_cost is not null then known_{{ kind }}_source
                    when coalesce(is_covered, false) then 'EffectiveCost'
                    else 'billed unit price'
                end
                || case when given_{{ kind }}_{{ column }} = 0 then ', delivered as 0' else '' end
        end
        {%- endfor %}
        {%- endfor %}
    ), '') as repairs
from priced
