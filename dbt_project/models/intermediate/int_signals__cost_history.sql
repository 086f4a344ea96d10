-- Daily cost per scope, as the statistical models read it: AI spend on the bill, and list-price estimates of usage,
-- which are days ahead of the bill. The two are never added up.
with billed as (
    select
        'effective_cost' as metric, usage_date, business_unit, team, app, project, model, environment, service_name,
        region_id, provider_name, billing_currency as currency, effective_cost as cost
    from {{ ref('int_cost__union') }}
    where is_ai
),

estimated as (
    select
        'estimated_cost' as metric, usage.usage_date, teams.business_unit, usage.team, usage.app, usage.project,
        usage.model, usage.environment, cast(null as {{ dbt.type_string() }}) as service_name, usage.region_id,
        usage.provider_name, usage.currency, usage.estimated_cost as cost
    from {{ ref('int_usage__daily') }} as usage
    left join {{ ref('dim_team') }} as teams on usage.team = teams.team
    where usage.is_attributable and usage.price_status = 'priced'
),

costs as (
    select metric, usage_date, business_unit, team, app, project, model, environment, service_name, region_id,
        provider_name, currency, sum(cost) as cost
    from (select * from billed union all select * from estimated) as both_kinds
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
)

{% for scope_type, scope_value in history_scopes() %}
select
    metric,
    usage_date,
    '{{ scope_type }}' as scope_type,
    {{ scope_value }} as scope_value,
    currency,
    cast(sum(cost) as decimal(38, 12)) as cost
from costs
where {{ scope_value }} is not null
group by 1, 2, 3, 4, 5
{{ 'union all' if not loop.last }}
{% endfor %}
