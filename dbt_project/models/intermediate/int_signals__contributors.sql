-- What a scope's daily cost is made of, one row per value of each dimension, for saying where an anomaly comes from.
-- Only the newest days: a finding looks back a month, and what was usual before it two more.
{% set scopes = [('company', "'all'"), ('team', "coalesce(team, 'unallocated')"), ('app', 'app'), ('model', 'model')] %}
{% set dimensions = {
    'effective_cost': [
        'team', 'app', 'model', 'service_name', 'resource_name', 'sub_account_name', 'token_class', 'project', 'region_id'
    ],
    'estimated_cost': ['team', 'app', 'model', 'feature', 'token_class', 'resource_name', 'project', 'region_id']
} %}

{# A scope never explains itself, and an app's team is the same on every row of it. #}
{% set trivial = {'company': [], 'team': ['team'], 'app': ['app', 'team'], 'model': ['model']} %}

with settings as (
    select {{ add_days('as_of_date', -100) }} as first_day from {{ ref('stg_config__setting') }}
),

billed as (
    select
        'effective_cost' as metric, usage_date, team, app, model, service_name,
        coalesce(resource_name, resource_id) as resource_name, coalesce(sub_account_name, sub_account_id) as sub_account_name,
        token_class, project, region_id, cast(null as string) as feature, billing_currency as currency,
        sum(effective_cost) as cost
    from {{ ref('int_cost__union') }}
    where is_ai and usage_date >= (select first_day from settings)
    group by all
),

estimated as (
    select
        'estimated_cost' as metric, usage_date, team, app, model, cast(null as string) as service_name,
        {{ extract_group('resource_id', "'([^/]+)$'") }} as resource_name, cast(null as string) as sub_account_name,
        token_class, project, region_id, feature, currency,
        sum(estimated_cost) as cost
    from {{ ref('int_usage__daily') }}
    where is_attributable and price_status = 'priced' and usage_date >= (select first_day from settings)
    group by all
),

parts as (
    {% for metric, relation in [('effective_cost', 'billed'), ('estimated_cost', 'estimated')] %}
    {% set outer_loop = loop %}
    {% for scope_type, scope_value in scopes %}
    {% set scope_loop = loop %}
    {% for dimension in dimensions[metric] if dimension not in trivial[scope_type] %}
    select
        metric, usage_date, '{{ scope_type }}' as scope_type, {{ scope_value }} as scope_value, currency,
        '{{ dimension }}' as dimension,
        {{ "coalesce(team, 'unallocated')" if dimension == 'team' else dimension }} as value,
        sum(cost) as cost
    from {{ relation }}
    -- "No model" explains nothing; "no team" does.
    where
        {{ scope_value }} is not null
        and {{ "true" if dimension == 'team' else dimension ~ ' is not null' }}
    group by 1, 2, 3, 4, 5, 6, 7
    {{ 'union all' if not (loop.last and scope_loop.last and outer_loop.last) }}
    {% endfor %}
    {% endfor %}
    {% endfor %}
)

select
    metric,
    usage_date,
    scope_type,
    scope_value,
    currency,
    dimension,
    value,
    cast(cost as decimal(38, 12)) as cost
from parts
where cost <> 0
