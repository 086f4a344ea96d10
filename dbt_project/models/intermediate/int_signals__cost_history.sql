-- Daily cost per scope, as the statistical models read it: AI spend on the bill, and list-price estimates of usage,
-- which are days ahead of the bill. The two are never added up.
with billed as (
    select
        'effective_cost' as metric, usage_date, team, app, model, billing_currency as currency, effective_cost as cost
    from {{ ref('int_cost__union') }}
    where is_ai
),

estimated as (
    select 'estimated_cost' as metric, usage_date, team, app, model, currency, estimated_cost as cost
    from {{ ref('int_usage__daily') }}
    where is_attributable and price_status = 'priced'
),

costs as (
    select * from billed
    union all
    select * from estimated
)

{% for scope_type, scope_value in [('company', "'all'"), ('team', "coalesce(team, 'unallocated')"), ('app', 'app'), ('model', 'model')] %}
select
    metric,
    usage_date,
    '{{ scope_type }}' as scope_type,
    {{ scope_value }} as scope_value,
    currency,
    cast(sum(cost) as decimal(38, 12)) as cost
from costs
{% if scope_type in ['app', 'model'] %}where {{ scope_value }} is not null{% endif %}
group by 1, 2, 3, 4, 5
{{ 'union all' if not loop.last }}
{% endfor %}
