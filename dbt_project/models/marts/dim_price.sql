-- The price book of the models that are used or that prices.yml names: every list's price, best first.
with wanted as (
    select provider_name, model from {{ ref('dim_model') }}
)

select
    book.provider_name,
    book.model,
    book.token_class,
    book.price_source,
    cast(book.price_rank as integer) as price_rank,
    book.price_id,
    book.list_model,
    book.model_release,
    book.region_id,
    book.is_typical_region,
    book.deployment_type,
    book.service_tier,
    cast(book.min_input_tokens as bigint) as min_input_tokens,
    cast(book.max_input_tokens as bigint) as max_input_tokens,
    book.currency,
    cast(book.price_per_1m_tokens as decimal(38, 12)) as price_per_1m_tokens,
    nullif(book.valid_from, cast('1970-01-01' as date)) as valid_from,
    nullif(book.valid_to, cast('9999-12-31' as date)) as valid_to,
    book.price_basis,
    {{ whole_number('book.weight') }} as billed_tokens
from {{ ref('int_price__book') }} as book
inner join wanted on book.provider_name = wanted.provider_name and book.model = wanted.model
