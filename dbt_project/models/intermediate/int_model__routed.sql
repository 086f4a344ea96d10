-- What the tokens of each variant of an app would have cost with each variant of it, itself included, at the price book's prices
-- of the day: the same tokens of the same classes, in requests of the same size, deployed the same way.
{% set price_columns = usage_price_columns() %}
{% set conditions = ['region_id', 'deployment_type', 'service_tier'] %}

with variants as (
    select distinct usage_month, app, provider_name, model from {{ ref('int_model__variant') }}
),

-- Requests that are larger than a size may cost more: sizes of the variant that is asked for, not of the one that was used.
steps as (
    select provider_name, model, {{ sorted_list('min_input_tokens') }} as context_steps
    from {{ ref('int_price__book') }}
    where min_input_tokens > 0
    group by 1, 2
),

moved as (
    select
        usage.usage_month,
        usage.usage_date,
        usage.app,
        usage.provider_name as from_provider_name,
        usage.model as from_model,
        targets.provider_name,
        targets.model,
        -- A release is a model's own.
        case
            when usage.provider_name = targets.provider_name and usage.model = targets.model then usage.model_release
        end as model_release,
        {%- for column in conditions %}
        usage.{{ column }},
        {%- endfor %}
        {{ largest_not_above('steps.context_steps', 'usage.context_step') }} as context_tier,
        {%- for class in token_classes() %}
        usage.{{ class }},
        {%- endfor %}
        usage.request_count,
        usage.error_count
    from {{ ref('int_model__variant') }} as usage
    inner join variants as targets on usage.usage_month = targets.usage_month and usage.app = targets.app
    left join steps on targets.provider_name = steps.provider_name and targets.model = steps.model
),

keyed as (
    select *, {{ row_hash(price_columns) }} as price_key from moved
),

by_class as (
    select *
    from {{ usage_by_class('keyed', [
        'usage_month', 'usage_date', 'app', 'from_provider_name', 'from_model', 'price_key', 'context_tier'
    ] + price_columns) }} as usage
),

wanted as (
    select distinct price_key, {{ price_columns | join(', ') }}, token_class, usage_date, context_tier
    from by_class
),

chosen as (
    select * from (with {{ price_choices('wanted') }}) as choices where place = 1
)

select
    by_class.usage_month,
    by_class.app,
    by_class.from_provider_name,
    by_class.from_model,
    by_class.provider_name,
    by_class.model,
    count(distinct chosen.currency) as currency_count,
    max(chosen.currency) as currency,
    cast(sum(by_class.request_count) as bigint) as request_count,
    cast(sum(by_class.tokens) as bigint) as tokens,
    cast(sum(case when {{ is_output_class('by_class.token_class') }} then 0 else by_class.tokens end) as bigint) as input_tokens,
    cast(sum(case when chosen.price_per_1m_tokens is null then by_class.tokens else 0 end) as bigint) as unpriced_tokens,
    cast(sum({{ token_cost('by_class.tokens', 'chosen.price_per_1m_tokens') }}) as decimal(38, 12)) as estimated_cost
from by_class
left join chosen
    on
        by_class.price_key = chosen.price_key
        and by_class.token_class = chosen.token_class
        and by_class.usage_date = chosen.usage_date
        and by_class.context_tier = chosen.context_tier
group by 1, 2, 3, 4, 5, 6
