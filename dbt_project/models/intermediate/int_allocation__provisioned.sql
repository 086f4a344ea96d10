-- Use of provisioned throughput by day and app, in hours of one unit (PTU-hours); what nobody used is a row of its own.
-- How much of an hour's capacity was used is what Azure measured, where the account has one provisioned deployment, else
-- it follows from the tokens as the model weighs them. Who used it always follows from the tokens.
with billed as (
    -- A day's units are there in each of its hours.
    select
        charges.resource_id,
        charges.usage_date,
        cast(sum(charges.consumed_quantity) as decimal(38, 12)) as unit_hours
    from {{ ref('int_focus__tagged') }} as charges
    inner join {{ source('config', 'pool') }} as pools on charges.pool_id = pools.pool_id
    where pools.driver = 'provisioned_units' and charges.charge_category = 'Usage' and charges.consumed_quantity > 0
    group by 1, 2
),

measured_deployments as (
    select
        point_hour as usage_hour,
        resource_id,
        deployment_name,
        -- Rounded, so that the order in which points are averaged changes nothing.
        {{ decimal_of_double('avg(value) / 100.0', 18, 5) }} as utilization_ratio
    from {{ ref('stg_azure_monitor__metric') }}
    where
        lower(metric_name) in ('{{ provisioned_metrics() | join("', '") }}')
        and lower(aggregation) = 'average'
        and deployment_name is not null
    group by 1, 2, 3
),

measured as (
    select
        usage_hour,
        resource_id,
        -- Each deployment has units of its own, and nothing says how many.
        case when count(*) = 1 then max(utilization_ratio) end as utilization_ratio
    from measured_deployments
    group by 1, 2
),

tokens as (
    select
        usage.usage_hour,
        usage.usage_date,
        usage.resource_id,
        usage.team,
        usage.app,
        sum(
            cast(usage.tokens as decimal(19, 0)) * case
                when {{ is_output_class('usage.token_class') }} then coalesce(models.output_weight, 1)
                when usage.token_class in ('cache_read', 'cache_read_audio') then coalesce(models.cached_weight, 1)
                else 1
            end
        ) as weighted_tokens,
        max(models.input_tokens_per_unit_minute) as tokens_per_unit_minute
    from {{ ref('int_usage__priced') }} as usage
    inner join (select distinct resource_id from billed) as accounts on usage.resource_id = accounts.resource_id
    left join {{ ref('int_usage__provisioned') }} as deployments
        on usage.resource_id = deployments.resource_id and usage.deployment_name = deployments.deployment_name
    left join {{ source('config', 'provisioned_model') }} as models on usage.model = models.model
    where
        usage.is_attributable
        and (
            deployments.deployment_name is not null
            or usage.service_tier = 'provisioned'
            or usage.deployment_type = 'provisioned'
        )
    group by usage.usage_hour, usage.usage_date, usage.resource_id, usage.team, usage.app, models.model
),

-- Without a model's weights its tokens still say who used how much of what was measured.
callers as (
    select
        usage_hour,
        resource_id,
        team,
        app,
        cast(sum(weighted_tokens) as decimal(38, 6)) as weighted_tokens,
        cast(sum(
            {{ decimal_of_double('cast(weighted_tokens as double) / (tokens_per_unit_minute * 60)') }}
        ) as decimal(38, 12)) as unit_hours,
        min(coalesce(tokens_per_unit_minute, 0)) > 0 as is_weighed
    from tokens
    group by 1, 2, 3, 4
),

hours as (
    select
        coalesce(measured.usage_hour, called.usage_hour) as usage_hour,
        coalesce(measured.resource_id, called.resource_id) as resource_id,
        measured.utilization_ratio,
        called.weighted_tokens,
        called.unit_hours,
        coalesce(called.is_weighed, true) as is_weighed
    from measured
    full join (
        select
            usage_hour,
            resource_id,
            sum(weighted_tokens) as weighted_tokens,
            sum(unit_hours) as unit_hours,
            bool_and(is_weighed) as is_weighed
        from callers
        group by 1, 2
    ) as called
        on measured.usage_hour = called.usage_hour and measured.resource_id = called.resource_id
),

used_hours as (
    select
        hours.usage_hour,
        billed.usage_date,
        hours.resource_id,
        billed.unit_hours as billed_unit_hours,
        hours.is_weighed,
        hours.weighted_tokens,
        hours.unit_hours as called_unit_hours,
        hours.utilization_ratio is not null or hours.is_weighed as is_known,
        {{ decimal_of_double(
            'least(cast(billed.unit_hours as double) / 24, coalesce('
            ~ 'cast(hours.utilization_ratio as double) * cast(billed.unit_hours as double) / 24, '
            ~ 'cast(hours.unit_hours as double), 0.0))'
        ) }} as used_unit_hours
    from hours
    inner join billed on hours.resource_id = billed.resource_id and cast(hours.usage_hour as date) = billed.usage_date
),

by_caller as (
    select
        used.usage_date,
        used.resource_id,
        callers.team,
        callers.app,
        case
            when callers.resource_id is null or used.weighted_tokens = 0 then used.used_unit_hours
            when used.is_weighed and used.called_unit_hours > 0
                then {{ decimal_of_double(
                    'cast(used.used_unit_hours as double) * cast(callers.unit_hours as double)'
                    ~ ' / cast(used.called_unit_hours as double)'
                ) }}
            else {{ decimal_of_double(
                'cast(used.used_unit_hours as double) * cast(callers.weighted_tokens as double)'
                ~ ' / cast(used.weighted_tokens as double)'
            ) }}
        end as used_unit_hours
    from used_hours as used
    left join callers on used.usage_hour = callers.usage_hour and used.resource_id = callers.resource_id
),

-- A day of which an hour is not known has no weights: idle would take what is only not known.
days as (
    select
        usage_date,
        resource_id,
        max(billed_unit_hours) as billed_unit_hours,
        bool_and(is_known) as is_known
    from used_hours
    group by 1, 2
),

used as (
    select
        usage_date,
        resource_id,
        team,
        app,
        cast(sum(used_unit_hours) as decimal(38, 12)) as unit_hours
    from by_caller
    group by 1, 2, 3, 4
)

select
    used.usage_date,
    used.resource_id,
    used.team,
    used.app,
    false as is_idle,
    used.unit_hours
from used
inner join days on used.usage_date = days.usage_date and used.resource_id = days.resource_id
where days.is_known

union all

select
    days.usage_date,
    days.resource_id,
    cast(null as string) as team,
    cast(null as string) as app,
    true as is_idle,
    cast(greatest(days.billed_unit_hours - coalesce(sum(used.unit_hours), 0), 0) as decimal(38, 12)) as unit_hours
from days
left join used on days.usage_date = used.usage_date and days.resource_id = used.resource_id
where days.is_known
group by days.usage_date, days.resource_id, days.billed_unit_hours
