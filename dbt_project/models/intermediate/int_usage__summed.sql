-- Usage by hour and what it says about itself. The only model that adds up calls: what is looked up for usage is looked up
-- for these sums.
-- Two models that read every call at once take longer than one after the other:
-- depends_on: {{ ref('int_usage__said') }}
{{ config(**in_days_of_usage('usage_hour')) }}

-- What a request costs may depend on its size, and after this sum nobody knows it any more: so requests are summed
-- between the sizes at which any price of the book changes.
with book as (
    select {{ sorted_list('min_input_tokens') }} as steps, min(min_input_tokens) as first_step
    from {{ ref('int_price__book') }}
    where min_input_tokens > 0
)

select
    usage.usage_key,
    {{ hour_of('usage.used_at') }} as usage_hour,
    {{ summed_usage_columns() }}
from {{ ref('int_usage__token_classes') }} as usage
cross join book
where {{ is_in_days_of_usage('usage.used_at') }}
group by 1, 2, 3
