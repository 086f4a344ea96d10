-- What a scope's hourly cost is made of on the newest day and the same weekdays before it, with the day before each: an
-- hour's window may begin there. A view, as the hourly cost is.
{{ config(materialized='view') }}
{% set scopes = [('company', "'all'"), ('team', "coalesce(team, 'unallocated')"), ('app', 'app'), ('model', 'model')] %}
{% set dimensions = ['team', 'app', 'model', 'feature', 'token_class'] %}

{# A scope never explains itself, and an app's team is the same on every row of it. #}
{% set trivial = {'company': [], 'team': ['team'], 'app': ['app', 'team'], 'model': ['model']} %}

with newest as (
    select max(usage_date) as usage_date from {{ ref('int_usage__priced') }}
),

estimated as (
    select
        priced.usage_hour, priced.team, priced.app, priced.model, priced.feature, priced.token_class, priced.currency,
        sum(priced.estimated_cost) as cost
    from {{ ref('int_usage__priced') }} as priced
    cross join newest
    where
        priced.is_attributable and priced.price_status = 'priced'
        and priced.usage_date >= {{ add_days('newest.usage_date', -29) }}
        and mod({{ days_between('priced.usage_date', 'newest.usage_date') }}, 7) in (0, 1)
    group by 1, 2, 3, 4, 5, 6, 7
)

{% for scope_type, scope_value in scopes %}
{% set scope_loop = loop %}
{% for dimension in dimensions if dimension not in trivial[scope_type] %}
select
    usage_hour,
    '{{ scope_type }}' as scope_type,
    {{ scope_value }} as scope_value,
    currency,
    '{{ dimension }}' as dimension,
    {{ "coalesce(team, 'unallocated')" if dimension == 'team' else dimension }} as value,
    cast(sum(cost) as decimal(38, 12)) as cost
from estimated
-- "No model" explains nothing; "no team" does.
where
    {{ scope_value }} is not null
    and {{ "true" if dimension == 'team' else dimension ~ ' is not null' }}
group by 1, 2, 3, 4, 5, 6
{{ 'union all' if not (loop.last and scope_loop.last) }}
{% endfor %}
{% endfor %}
