-- Meters of model services whose names could not be read, with their money: nothing is dropped, and nothing is guessed.
-- Grain: meter, provider, month, currency.
select
    meters.sku_meter,
    meters.meter_product,
    charges.provider_name,
    charges.billing_period_start,
    charges.billing_currency,
    coalesce(meters.unparsed_reason, 'the details of the price name a model, and nothing says which tokens') as reason,
    meters.model as read_model,
    meters.deployment_type as read_deployment_type,
    meters.service_tier as read_service_tier,
    sum(charges.billed_cost) as billed_cost,
    sum(charges.effective_cost) as effective_cost,
    count(*) as charge_count
from {{ ref('stg_focus__cost_and_usage') }} as charges
inner join {{ ref('int_focus__meter') }} as meters
    on
        {{ stable_id(['charges.sku_meter', 'charges.sku_price_details']) }} = meters.meter_id
        and meters.parse_status = 'unparsed'
group by 1, 2, 3, 4, 5, 6, 7, 8, 9
