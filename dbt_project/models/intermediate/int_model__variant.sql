-- Usage by the token of those models of an app that somebody judged: the variants that an app could choose from. Tokens of
-- provisioned capacity cost nothing each, so moving them saves nothing.
{% set price_columns = usage_price_columns() %}

with meanings as (
    select
        meanings.usage_key,
        meanings.meaning_key,
        meanings.app,
        meanings.price_key,
        meanings.context_steps,
        {%- for column in price_columns %}
        meanings.{{ column }},
        {%- endfor %}
        scores.usage_month
    from {{ ref('int_usage__meaning') }} as meanings
    inner join {{ ref('int_model__score') }} as scores
        on meanings.app = scores.app and lower(meanings.model) = scores.model
    left join {{ ref('int_usage__provisioned') }} as provisioned
        on meanings.resource_id = provisioned.resource_id and meanings.deployment_name = provisioned.deployment_name
    where
        meanings.deployment_type is distinct from 'provisioned'
        and meanings.service_tier <> 'provisioned'
        and provisioned.resource_id is null
),

attributable as (
    select distinct meaning_key, usage_date from {{ ref('int_usage__hourly') }} where is_attributable
)

select
    meanings.usage_month,
    cast(usage.usage_hour as date) as usage_date,
    meanings.app,
    meanings.price_key,
    {%- for column in price_columns %}
    meanings.{{ column }},
    {%- endfor %}
    usage.context_step,
    {{ largest_not_above('meanings.context_steps', 'usage.context_step') }} as context_tier,
    {%- for class in token_classes() %}
    cast(sum(usage.{{ class }}) as bigint) as {{ class }},
    {%- endfor %}
    cast(sum(usage.request_count) as bigint) as request_count,
    cast(sum(usage.error_count) as bigint) as error_count
from {{ ref('int_usage__summed') }} as usage
inner join meanings
    on usage.usage_key = meanings.usage_key and {{ month_of('cast(usage.usage_hour as date)') }} = meanings.usage_month
inner join attributable
    on meanings.meaning_key = attributable.meaning_key and cast(usage.usage_hour as date) = attributable.usage_date
group by {% for place in range(1, 7 + price_columns | length) %}{{ place }}{{ ', ' if not loop.last }}{% endfor %}
