-- What the newest weeks cost per scope and hour before a bill says it: usage at list prices, and GPUs that workloads hold.
-- What the newest minutes are held against. Single calls, counts and GPUs are apart: the slices of each are of other
-- lengths, and each may be late alone. A view: what `aifinops refresh` prices is in it at once.
{{ config(materialized='view') }}

with estimated as (
    select
        usage_hour, team, app, model, currency, estimated_cost, request_count,
        case when {{ tells_single_calls('source') }} then 'calls' else 'counts' end as told_by
    from {{ ref('int_usage__priced') }}
    where
        is_attributable and price_status = 'priced'
        and usage_date >= (select {{ add_days('as_of_date', -var('usage_hours_days')) }} from {{ ref('stg_config__setting') }})
    union all
    select
        usage_hour, team, app, cast(null as string) as model, currency, cost as estimated_cost, 0 as request_count,
        'gpus' as told_by
    from {{ ref('int_signals__gpu_hourly') }}
)

{% for scope_type, scope_value in [('company', "'all'"), ('team', "coalesce(team, 'unallocated')"), ('app', 'app'), ('model', 'model')] %}
select
    usage_hour,
    told_by,
    '{{ scope_type }}' as scope_type,
    {{ scope_value }} as scope_value,
    currency,
    cast(sum(request_count) as bigint) as request_count,
    cast(sum(estimated_cost) as decimal(38, 12)) as cost
from estimated
{% if scope_type in ['app', 'model'] %}where {{ scope_value }} is not null{% endif %}
group by 1, 2, 3, 4, 5
{{ 'union all' if not loop.last }}
{% endfor %}
