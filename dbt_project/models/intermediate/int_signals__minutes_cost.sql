-- What scopes cost in the newest slices of minutes, as a whole (no dimension) and by what they are made of. A view: what
-- `aifinops refresh` prices is in it at once.
{{ config(materialized='view') }}
{% set scopes = [('company', "'all'"), ('team', "coalesce(team, 'unallocated')"), ('app', 'app'), ('model', 'model')] %}
{% set dimensions = [
    ('team', "coalesce(team, 'unallocated')"), ('app', 'app'), ('model', 'model'), ('feature', 'feature'),
    ('token_class', 'token_class'), ('api_key', 'api_key_name'), ('customer', 'customer'), ('gpu_model', 'gpu_model'),
    ('pod', 'pod'),
] %}

{# A scope never explains itself, and an app's team is the same on every row of it. #}
{% set trivial = {'company': [], 'team': ['team'], 'app': ['app', 'team'], 'model': ['model']} %}

with newest as (
    select
        slice_at, case when slice_minutes = 60 then 'counts' else 'calls' end as told_by, slice_minutes, currency, team, app,
        model, feature, token_class, api_key_name, case when has_customer then 'named' else 'none' end as customer,
        cast(null as string) as gpu_model, cast(null as string) as pod, request_count, estimated_cost as cost
    from {{ ref('int_usage__minutes') }}
    union all
    select
        usage_hour as slice_at, 'gpus' as told_by, 60 as slice_minutes, currency, team, app, null as model, null as feature,
        null as token_class, null as api_key_name, null as customer, gpu_model, pod, 0 as request_count, cost
    from {{ ref('int_signals__gpu_hourly') }}
    where
        usage_date >= (
            select {{ add_days('as_of_date', 1 - var('usage_minutes_days')) }} from {{ ref('stg_config__setting') }}
        )
)

{% for scope_type, scope_value in scopes %}
select
    slice_at,
    told_by,
    slice_minutes,
    '{{ scope_type }}' as scope_type,
    {{ scope_value }} as scope_value,
    currency,
    cast(null as string) as dimension,
    cast(null as string) as value,
    cast(sum(request_count) as bigint) as request_count,
    cast(sum(cost) as decimal(38, 12)) as cost
from newest
where {{ scope_value }} is not null
group by 1, 2, 3, 4, 5, 6
{% for dimension, value in dimensions if dimension not in trivial[scope_type] %}
union all
select
    slice_at,
    told_by,
    slice_minutes,
    '{{ scope_type }}' as scope_type,
    {{ scope_value }} as scope_value,
    currency,
    '{{ dimension }}' as dimension,
    {{ value }} as value,
    cast(sum(request_count) as bigint) as request_count,
    cast(sum(cost) as decimal(38, 12)) as cost
from newest
where {{ scope_value }} is not null and {{ value }} is not null
group by 1, 2, 3, 4, 5, 6, 8
{% endfor %}
{{ 'union all' if not loop.last }}
{% endfor %}
