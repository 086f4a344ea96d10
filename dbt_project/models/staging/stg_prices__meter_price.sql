-- Prices of meters from price sheets and retail lists. A list says only today's prices, so all snapshots count: the newest
-- word on a meter, region and first day. Prices of the first unit on that everybody pays: no reservations, no prices
-- for development subscriptions, no later tiers of quantity.
with landed as (
    select
        *,
        {{ amount_from_text('unit_price') }} as unit_price_amount,
        row_number() over (
            partition by
                list_kind, agreement_id, coalesce(meter_id, lower(meter_name)), meter_product, sku_id, region_id,
                price_type, term, currency, cast(effective_from as date)
            order by load_id desc, load_row
        ) as age
    from {{ lake('prices__meter_price') }} as landed
    where
        term is null
        and coalesce(tier_minimum_units, 0) = 0
        and coalesce(lower(price_type), 'consumption') = 'consumption'
)

select
    {{ stable_id(['load_file', 'load_row']) }} as meter_price_id,
    source_id,
    snapshot_id,
    x_file,
    cast(x_row as bigint) as x_row,
    list_kind,
    agreement_id,
    meter_id,
    meter_name,
    meter_category,
    meter_product,
    region_id,
    unit_of_measure,
    cast(effective_from as date) as valid_from,
    -- A sheet says the last moment of a price, people and joins want the day after.
    {{ add_days('cast(effective_to as date)', 1) }} as valid_to,
    currency,
    unit_price_amount as unit_price
from landed
where age = 1
