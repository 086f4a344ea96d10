-- What the bill has for the requests of a day: of each account, app and model the effective cost, split exactly over what
-- served them in proportion to their estimate. Provisioned capacity goes to provisioned deployments, which the bill names no
-- model for. Only attributable usage has a part, so nothing is there twice; cost that no request explains is not here.
{% set own = service_columns() %}

with charges as (
    select
        usage_date,
        currency,
        resource_id,
        team,
        app,
        model,
        ai_category = 'provisioned_capacity' as is_provisioned,
        sum(effective_cost) as effective_cost
    from {{ ref('int_unit__cost') }}
    where cost_basis = 'bill' and measured_by = 'usage' and effective_cost is not null
    group by 1, 2, 3, 4, 5, 6, 7
),

provisioned as (
    select distinct cast(usage_hour as date) as usage_date, resource_id, deployment_name
    from {{ ref('fct_deployment_load_hourly') }}
    where provisioned_utilization_ratio is not null
),

served as (
    select
        usage.usage_date,
        {{ service_columns('usage') | join(', ') }},
        usage.deployment_type is not distinct from 'provisioned' or provisioned.usage_date is not null as is_provisioned,
        sum(coalesce(usage.estimated_cost, 0)) as estimated_cost
    from {{ ref('int_usage__daily') }} as usage
    left join provisioned
        on
            usage.usage_date = provisioned.usage_date
            and usage.resource_id = provisioned.resource_id
            and usage.deployment_name = provisioned.deployment_name
    where usage.is_attributable and usage.resource_id is not null and usage.source in {{ service_sources() }}
    group by usage.usage_date, {{ service_columns('usage') | join(', ') }}, 9
),

matched as (
    select
        served.usage_date,
        {{ service_columns('served') | join(', ') }},
        charges.currency,
        charges.effective_cost,
        {{ stable_id(['charges.usage_date', 'charges.currency', 'charges.resource_id', 'charges.team', 'charges.app',
            'charges.model', 'charges.is_provisioned']) }} as charge_key,
        {{ stable_id(service_columns('served')) }} as served_key,
        cast(served.estimated_cost as decimal(38, 12)) as weight
    from served
    inner join charges
        on
            served.usage_date = charges.usage_date
            and served.resource_id = charges.resource_id
            and served.team is not distinct from charges.team
            and served.app is not distinct from charges.app
            and (charges.model is null or served.model = charges.model)
            and served.is_provisioned = charges.is_provisioned
),

summed as (
    select *, cast(sum(weight) over (partition by charge_key) as decimal(38, 12)) as weight_sum
    from matched
),

weighted as (
    select *, sum(weight_units) over (partition by charge_key) as total_units
    from (
        select
            *,
            -- Without a price for any of them all have the same part.
            case when weight_sum > 0 then {{ weight_units('weight', 'weight_sum') }} else 1 end as weight_units
        from summed
    ) as whole
),

parts as (
    {{ split_exactly(
        relation='weighted', key='charge_key', measures=['effective_cost'],
        carry=['usage_date', 'currency'] + own, order_by='served_key'
    ) }}
)

select
    usage_date,
    {{ own | join(', ') }},
    currency,
    cast(sum(effective_cost) as decimal(38, 12)) as effective_cost
from parts
group by usage_date, {{ own | join(', ') }}, currency
