-- Of each scope's AI spend what is priced in another currency than it is billed in, by the rate that the bill converts
-- prices at. What is billed follows that rate, which a forecast must not take for usage.
with priced as (
    select
        usage_date, business_unit, team, app, project, model, environment, service_name, region_id, provider_name,
        billing_currency as currency, pricing_currency, pricing_exchange_rate as exchange_rate, sum(effective_cost) as cost
    from {{ ref('int_cost__union') }}
    where is_ai and pricing_exchange_rate is not null
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
)

{% for scope_type, scope_value in history_scopes() %}
select
    usage_date,
    '{{ scope_type }}' as scope_type,
    {{ scope_value }} as scope_value,
    currency,
    pricing_currency,
    exchange_rate,
    cast(sum(cost) as decimal(38, 12)) as cost
from priced
where {{ scope_value }} is not null
group by 1, 2, 3, 4, 5, 6
{{ 'union all' if not loop.last }}
{% endfor %}
