-- What drivers were on each day, by target: usage, GPU time and provisioned units of the resources that pools ask for. The
-- scope is what a driver was measured on: a resource, a model and token class of it, or all that a pool's measured_on
-- matches.
with asked as (
    select distinct driver, resource_id from {{ ref('int_allocation__question') }} where measured_on is null
),

-- Pools that measure elsewhere: the resources with usage or GPUs that their pattern matches.
elsewhere as (
    select distinct pool_id, driver, measured_on from {{ ref('int_allocation__question') }} where measured_on is not null
),

measurable as (
    select distinct resource_id from {{ ref('int_usage__daily') }} where resource_id is not null
    union
    select distinct resource_id from {{ ref('int_gpu__hourly') }} where resource_id is not null
),

scopes as (
    select driver, resource_id, resource_id as scope from asked
    union all
    select
        elsewhere.driver,
        measurable.resource_id,
        'pool ' || elsewhere.pool_id as scope
    from elsewhere
    inner join measurable on {{ matches('measurable.resource_id', 'elsewhere.measured_on') }}
),

asked_usage as (
    select distinct resource_id from scopes where {{ is_one_of('driver', usage_drivers()) }}
),

usage as (
    select
        priced.resource_id,
        priced.usage_date,
        priced.model,
        case priced.token_class when 'reasoning' then 'output' else priced.token_class end as meter_class,
        priced.team,
        priced.app,
        sum(case when priced.estimated_cost > 0 then priced.estimated_cost end) as usage_cost,
        sum(priced.tokens) as tokens,
        sum(priced.request_count) as requests
    from {{ ref('int_usage__daily') }} as priced
    inner join asked_usage on priced.resource_id = asked_usage.resource_id
    where priced.is_attributable
    group by 1, 2, 3, 4, 5, 6
),

-- Free time of a node on which somebody held a GPU cannot be given back with the node: it is fragmented, not free.
gpu_time as (
    select
        *,
        case
            when namespace is null
                then case
                    when sum(allocated_seconds) over (partition by node, usage_hour) > 0 then 'fragmented' else 'free'
                end
        end as free_kind
    from {{ ref('int_gpu__hourly') }}
),

gpu_days as (
    select
        coalesce(resource_id, 'other nodes') as resource_id,
        usage_date,
        case when free_kind is null then team end as team,
        case when free_kind is null then app end as app,
        free_kind,
        cast(sum(allocated_seconds + idle_seconds) as decimal(38, 12)) as gpu_seconds,
        -- To the millisecond: sums of fractions depend on their order.
        {%- for driver, measure in gpu_drivers().items() if driver != 'gpu_seconds' %}
        {{ decimal_of_double('round(sum(case when free_kind is null then ' ~ measure ~ ' end), 3)') }}
            as {{ driver }}{{ ',' if not loop.last }}
        {%- endfor %}
    from gpu_time
    group by 1, 2, 3, 4, 5
),

asked_gpus as (
    select driver, resource_id, scope from scopes where {{ is_one_of('driver', gpu_drivers() | list) }}
    union all
    -- Machines that no node's name points to share the nodes that point to none.
    select distinct driver, 'other nodes', 'other nodes' from asked where {{ is_one_of('driver', gpu_drivers() | list) }}
),

measured as (
    {% for driver in usage_drivers() %}
    select
        '{{ driver }}' as driver, scopes.scope, usage.usage_date, usage.team, usage.app,
        cast(null as string) as idle_kind, sum(usage.{{ driver }}) as driver_value
    from scopes
    inner join usage on scopes.resource_id = usage.resource_id
    where scopes.driver = '{{ driver }}'
    group by 2, 3, 4, 5

    union all
    {% endfor %}

    -- A charge of one meter is split by who used what that meter counts.
    select
        'usage_cost' as driver, scopes.scope || ' | ' || usage.model || ' | ' || usage.meter_class as scope,
        usage.usage_date, usage.team, usage.app, cast(null as string) as idle_kind, sum(usage.usage_cost) as driver_value
    from scopes
    inner join usage on scopes.resource_id = usage.resource_id
    where scopes.driver = 'usage_cost' and usage.model is not null
    group by 2, 3, 4, 5

    {% for driver in gpu_drivers() %}
    union all

    select
        '{{ driver }}' as driver, asked_gpus.scope, gpus.usage_date, gpus.team, gpus.app, gpus.free_kind as idle_kind,
        sum({{ 'gpus.gpu_seconds' if driver == 'gpu_seconds' else "coalesce(gpus." ~ driver ~ ", gpus.gpu_seconds)" }})
            as driver_value
    from asked_gpus
    inner join gpu_days as gpus on asked_gpus.resource_id = gpus.resource_id
    where asked_gpus.driver = '{{ driver }}'
    group by 2, 3, 4, 5, 6

    {% if driver != 'gpu_seconds' %}
    union all

    -- Held, and nothing was computed.
    select
        '{{ driver }}' as driver, asked_gpus.scope, gpus.usage_date, cast(null as string) as team,
        cast(null as string) as app, 'held_unused' as idle_kind,
        sum(greatest(gpus.gpu_seconds - gpus.{{ driver }}, 0)) as driver_value
    from asked_gpus
    inner join gpu_days as gpus on asked_gpus.resource_id = gpus.resource_id
    where asked_gpus.driver = '{{ driver }}' and gpus.free_kind is null
    group by 2, 3
    {% endif %}
    {% endfor %}

    union all

    select
        'provisioned_units' as driver, resource_id as scope, usage_date, team, app,
        case when is_idle then 'unused_units' end as idle_kind, unit_hours as driver_value
    from {{ ref('int_allocation__provisioned') }}
)

select
    driver,
    scope,
    usage_date,
    team,
    app,
    idle_kind,
    cast(driver_value as decimal(38, 12)) as driver_value
from measured
where driver_value > 0
