-- What the bill charges for tokens, by account, day, model and token class. Only usage of token meters: capacity that is
-- rented by the hour has no estimate to compare with.
with charges as (
    select
        charges.provider_name,
        charges.source_id,
        coalesce(charges.resource_id, charges.sub_account_id) as account_id,
        charges.usage_date,
        meters.model,
        {{ billed_token_class('meters.token_class') }} as token_class,
        charges.billing_currency as currency,
        charges.billed_cost,
        case
            when {{ matches('charges.consumed_unit', "'^tokens?$'") }} then charges.consumed_quantity
            when meters.tokens_per_unit is not null
                then cast(charges.pricing_quantity * meters.tokens_per_unit as decimal(38, 12))
        end as tokens
    from {{ ref('stg_focus__cost_and_usage') }} as charges
    inner join {{ ref('int_focus__meter') }} as meters
        on {{ stable_id(['charges.sku_meter', 'charges.sku_price_details']) }} = meters.meter_id
    where
        meters.token_class is not null
        and meters.model is not null
        and not coalesce(meters.is_provisioned, false)
        and coalesce(charges.charge_category, 'Usage') = 'Usage'
)

select
    provider_name,
    source_id,
    account_id,
    usage_date,
    model,
    token_class,
    currency,
    cast(sum(billed_cost) as decimal(38, 12)) as billed_cost,
    -- One row without a quantity leaves the sum unknown.
    case when count(*) = count(tokens) then cast(sum(tokens) as decimal(38, 12)) end as billed_tokens
from charges
group by 1, 2, 3, 4, 5, 6, 7
