-- Which model of the price book a reported name means: as answered, then without its release date; the requested name
-- counts only where the answer does not say. One row per distinct pair of names, with where its prices have steps.
{{ config(**with_new_of_usage()) }}

with names as (
    select distinct
        reported_provider,
        response_model,
        request_model,
        {{ price_book_provider('reported_provider') }} as provider_name,
        coalesce(response_model, request_model) as reported_model
    from {{ ref('int_usage__said') }} as usage
    {% if is_usage_slice() %}
    where
        not exists (
            select 1
            from {{ this }} as known
            where
                known.reported_provider is not distinct from usage.reported_provider
                and known.response_model is not distinct from usage.response_model
                and known.request_model is not distinct from usage.request_model
        )
    {% endif %}
),

candidates as (
    select *, 1 as preference, lower(response_model) as candidate from names
    union all
    select *, 3 as preference, {{ undated_model_name('response_model') }} as candidate from names
    union all
    select *, 5 as preference, lower(request_model) as candidate from names
    union all
    select *, 7 as preference, {{ undated_model_name('request_model') }} as candidate from names
),

-- prices.yml's names and aliases first, then the names of the lists.
book as (
    select
        lower(provider) as provider_name,
        lower(model_name) as model_name,
        model,
        0 as later
    from {{ source('config', 'model_price') }}
    union
    select provider_name, lower(list_model) as model_name, model, 1 as later
    from {{ ref('int_price__model_name') }}
),

spelt as (
    select
        candidates.reported_provider,
        candidates.response_model,
        candidates.request_model,
        candidates.preference + book.later as preference,
        book.model
    from candidates
    inner join book on candidates.provider_name = book.provider_name and candidates.candidate = book.model_name
),

-- Last, the vendors' own rules for names, for what was answered and for what was asked.
by_rule as (
    select
        candidates.reported_provider,
        candidates.response_model,
        candidates.request_model,
        candidates.preference + 10 as preference,
        min_by(lists.model, lists.model_order) as list_model,
        candidates.provider_name
    from candidates
    left join spelt
        on
            candidates.reported_provider is not distinct from spelt.reported_provider
            and candidates.response_model is not distinct from spelt.response_model
            and candidates.request_model is not distinct from spelt.request_model
    inner join (
        select distinct provider_name, model, model_order, model_pattern, exclude_pattern
        from {{ ref('stg_prices__model_price') }}
    ) as lists
        on
            candidates.provider_name = lists.provider_name
            and {{ matches('candidates.candidate', 'lists.model_pattern') }}
            and not {{ matches('candidates.candidate', "coalesce(lists.exclude_pattern, 'a^')") }}
    where spelt.model is null
    group by 1, 2, 3, 4, 6
),

all_matches as (
    select * from spelt
    union all
    select
        by_rule.reported_provider,
        by_rule.response_model,
        by_rule.request_model,
        by_rule.preference,
        models.model
    from by_rule
    inner join {{ ref('int_price__model_name') }} as models
        on
            by_rule.provider_name = models.provider_name
            and lower(by_rule.list_model) = models.list_model
            and models.price_source = 'genai_prices'
),

matched as (
    select reported_provider, response_model, request_model, min_by(model, preference) as model
    from all_matches
    group by 1, 2, 3
),

-- Prices that depend on the size of a request: the sizes at which they change.
steps as (
    select provider_name, model, {{ sorted_list('min_input_tokens') }} as context_steps
    from {{ ref('int_price__book') }}
    where min_input_tokens > 0
    group by 1, 2
)

select
    names.reported_provider,
    names.response_model,
    names.request_model,
    names.provider_name,
    names.reported_model,
    coalesce(matched.model, {{ undated_model_name('names.reported_model') }}) as model,
    {{ release_of_name('names.reported_model') }} as model_release,
    matched.model is not null as is_in_price_book,
    steps.context_steps
from names
left join matched
    on
        names.reported_provider is not distinct from matched.reported_provider
        and names.response_model is not distinct from matched.response_model
        and names.request_model is not distinct from matched.request_model
left join steps on names.provider_name = steps.provider_name and matched.model = steps.model
