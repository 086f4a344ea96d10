-- Which price each used combination has: distinct provider, model, class, day and conditions against the price book, the
-- best candidate of each list with its place. Usage is priced by place 1. price_choices() says which is best.
{{ config(**in_days_of_usage('usage_date')) }}

with by_day as (
    select
        meaning_key,
        usage_date,
        context_tier,
        {%- for class in token_classes() %}
        sum({{ class }}) as {{ class }},
        {%- endfor %}
        sum(request_count) as request_count,
        sum(error_count) as error_count
    from {{ ref('int_usage__hourly') }}
    where {{ is_in_days_of_usage('usage_date') }}
    group by 1, 2, 3
),

meanings as (
    select distinct meaning_key, price_key, {{ usage_price_columns() | join(', ') }}
    from {{ ref('int_usage__meaning') }}
    where is_in_price_book
),

wanted as (
    select distinct
        meanings.price_key,
        {%- for column in usage_price_columns() %}
        meanings.{{ column }},
        {%- endfor %}
        usage.token_class,
        usage.usage_date,
        usage.context_tier
    from {{ usage_by_class('by_day', ['meaning_key', 'usage_date', 'context_tier']) }} as usage
    inner join meanings on usage.meaning_key = meanings.meaning_key
),

{{ price_choices('wanted') }}
