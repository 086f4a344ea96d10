-- The price book: every list's prices under our names of models, with the rank of the list.
select
    names.provider_name,
    names.model,
    prices.token_class,
    prices.price_source,
    {{ price_rank('prices.price_source') }} as price_rank,
    prices.price_id,
    prices.model as list_model,
    prices.model_release,
    prices.region_id,
    prices.is_typical_region,
    prices.deployment_type,
    prices.service_tier,
    prices.min_input_tokens,
    prices.max_input_tokens,
    prices.currency,
    prices.price_per_1m_tokens,
    prices.valid_from,
    prices.valid_to,
    prices.price_basis,
    prices.weight
from {{ ref('int_price__model_name') }} as names
inner join {{ ref('int_price__list') }} as prices
    on
        names.provider_name = prices.provider_name
        and names.price_source = prices.price_source
        and names.list_model = prices.model
