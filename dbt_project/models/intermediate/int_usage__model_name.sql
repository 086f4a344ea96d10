-- Which model of the price book a reported name means: as answered, then without its release date; the requested name
-- counts only where the answer does not say. One row per distinct pair of names.
with names as (
    select distinct
        reported_provider,
        response_model,
        request_model,
        {{ price_book_provider('reported_provider') }} as provider_name,
        coalesce(response_model, request_model) as reported_model
    from {{ ref('int_usage__token_classes') }}
),

candidates as (
    select *, 1 as preference, lower(response_model) as candidate from names
    union all
    select *, 2 as preference, {{ undated_model_name('response_model') }} as candidate from names
    union all
    select *, 3 as preference, lower(request_model) as candidate from names
    union all
    select *, 4 as preference, {{ undated_model_name('request_model') }} as candidate from names
),

book as (
    select distinct
        lower(provider) as provider_name,
        lower(model_name) as model_name,
        model
    from {{ source('config', 'model_price') }}
),

matched as (
    select
        candidates.reported_provider,
        candidates.response_model,
        candidates.request_model,
        min_by(book.model, candidates.preference) as model
    from candidates
    inner join book on candidates.provider_name = book.provider_name and candidates.candidate = book.model_name
    group by 1, 2, 3
)

select
    names.reported_provider,
    names.response_model,
    names.request_model,
    names.provider_name,
    names.reported_model,
    coalesce(matched.model, {{ undated_model_name('names.reported_model') }}) as model,
    matched.model is not null as is_in_price_book
from names
left join matched
    on
        names.reported_provider is not distinct from matched.reported_provider
        and names.response_model is not distinct from matched.response_model
        and names.request_model is not distinct from matched.request_model
