-- What one unit costs: tokens on the estimate and on the bill, GPU hours three ways, and business outcomes. Costs and
-- quantities of a row always cover the same things; where they cannot, there is no row.
{% set scopes = [('company', "'all'"), ('team', 'team'), ('app', 'app'), ('model', 'model')] %}

with usage as (
    select * from {{ ref('int_usage__daily') }} where is_attributable
),

-- Accounts and days with measured tokens: billed token cost of others would make every token look dearer.
measured as (
    select distinct resource_id, usage_date from usage where resource_id is not null
),

token_charges as (
    select costs.*
    from {{ ref('int_cost__union') }} as costs
    inner join measured on costs.resource_id = measured.resource_id and costs.usage_date = measured.usage_date
    where
        costs.is_ai
        and (
            costs.ai_category in ('inference', 'provisioned_capacity')
            -- Tokens of an experiment are measured like any other.
            or (costs.ai_category = 'experimentation' and costs.token_class is not null)
        )
),

charged as (
    select distinct resource_id, usage_date, billing_currency from token_charges
),

tokens_estimated as (
    {% for scope_type, scope_value in scopes %}
    select
        usage_date, '1m_tokens' as unit, '{{ scope_type }}' as scope_type, {{ scope_value }} as scope_value, currency,
        sum(estimated_cost) as cost, sum(cast(tokens as decimal(38, 0))) as tokens, 'estimated' as cost_basis
    from usage
    where price_status = 'priced'
    group by 1, 2, 3, 4, 5
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

tokens_billed as (
    {% for scope_type, scope_value in scopes %}
    select
        costs.usage_date, '1m_tokens' as unit, '{{ scope_type }}' as scope_type, costs.scope_value, costs.currency,
        costs.cost, coalesce(counts.tokens, 0) as tokens, 'billed' as cost_basis
    from (
        select usage_date, {{ scope_value }} as scope_value, billing_currency as currency, sum(effective_cost) as cost
        from token_charges
        group by 1, 2, 3
    ) as costs
    left join (
        select
            usage.usage_date, {{ "'all'" if scope_type == 'company' else 'usage.' ~ scope_value }} as scope_value,
            charged.billing_currency as currency, sum(cast(usage.tokens as decimal(38, 0))) as tokens
        from usage
        inner join charged on usage.resource_id = charged.resource_id and usage.usage_date = charged.usage_date
        group by 1, 2, 3
    ) as counts
        on
            costs.usage_date = counts.usage_date
            and costs.scope_value = counts.scope_value
            and costs.currency = counts.currency
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

gpu_time as (
    select
        gpus.usage_date,
        case when gpus.namespace is null then pools.idle_team else gpus.team end as team,
        gpus.app,
        gpus.resource_id,
        gpus.allocated_seconds,
        gpus.idle_seconds,
        gpus.busy_gpu_seconds
    from {{ ref('int_gpu__hourly') }} as gpus
    left join {{ ref('int_gpu__pool') }} as pools on gpus.resource_id = pools.resource_id
),

gpu_charges as (
    select * from {{ ref('int_cost__union') }} where {{ is_one_of('driver', gpu_drivers() | list) }} and driver_basis = 'measured'
),

gpu_resources as (
    select distinct resource_id, usage_date from gpu_charges
),

gpu_hours as (
    {% for scope_type, scope_value in scopes[:3] %}
    select
        costs.usage_date, '{{ scope_type }}' as scope_type, costs.scope_value, costs.currency, costs.cost,
        hours.allocated_seconds, hours.idle_seconds, hours.busy_gpu_seconds
    from (
        select usage_date, {{ scope_value }} as scope_value, billing_currency as currency, sum(effective_cost) as cost
        from gpu_charges
        group by 1, 2, 3
    ) as costs
    inner join (
        select
            gpu_time.usage_date, {{ "'all'" if scope_type == 'company' else 'gpu_time.' ~ scope_value }} as scope_value,
            sum(gpu_time.allocated_seconds) as allocated_seconds, sum(gpu_time.idle_seconds) as idle_seconds,
            sum(gpu_time.busy_gpu_seconds) as busy_gpu_seconds
        from gpu_time
        left join gpu_resources
            on gpu_time.resource_id = gpu_resources.resource_id and gpu_time.usage_date = gpu_resources.usage_date
        where gpu_time.resource_id is null or gpu_resources.resource_id is not null
        group by 1, 2
    ) as hours
        on costs.usage_date = hours.usage_date and costs.scope_value = hours.scope_value
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- The cost of an outcome is the AI cost of the app that produced it, or of its team where no app is named.
outcomes as (
    select
        records.outcome_date as usage_date,
        records.outcome as unit,
        apps.app,
        coalesce(records.team, apps.team) as team,
        case when records.app is not null then 'app' else 'team' end as owner_type,
        coalesce(records.app, records.team) as owner_value,
        sum(records.quantity) as quantity
    from {{ ref('stg_outcomes__record') }} as records
    left join {{ ref('dim_app') }} as apps on records.app = apps.app
    -- A score is no outcome: it says how good some of them were.
    where records.quality_score is null
    group by 1, 2, 3, 4, 5, 6
),

owner_costs as (
    select usage_date, 'app' as owner_type, app as owner_value, billing_currency as currency, sum(effective_cost) as cost
    from {{ ref('int_cost__union') }}
    where is_ai and app is not null
    group by 1, 2, 3, 4
    union all
    select usage_date, 'team' as owner_type, team as owner_value, billing_currency as currency, sum(effective_cost) as cost
    from {{ ref('int_cost__union') }}
    where is_ai and team is not null
    group by 1, 2, 3, 4
),

outcome_costs as (
    select outcomes.*, owner_costs.currency, owner_costs.cost
    from outcomes
    inner join owner_costs
        on
            outcomes.usage_date = owner_costs.usage_date
            and outcomes.owner_type = owner_costs.owner_type
            and outcomes.owner_value = owner_costs.owner_value
),

everything as (
    select
        usage_date, unit, scope_type, scope_value, currency, cost,
        {{ tokens_in_millions('tokens') }} as quantity,
        cost_basis
    from (select * from tokens_estimated union all select * from tokens_billed)

    {% for unit, seconds in [
        ('gpu_hour_billed', 'allocated_seconds + idle_seconds'), ('gpu_hour_allocated', 'allocated_seconds'),
        ('gpu_hour_busy', 'busy_gpu_seconds')
    ] %}
    union all
    select
        usage_date, '{{ unit }}' as unit, scope_type, scope_value, currency, cost,
        {{ decimal_of_double('cast(' ~ seconds ~ ' as double) / 3600') }} as quantity, 'billed' as cost_basis
    from gpu_hours
    where {{ seconds }} is not null
    {% endfor %}

    {% for scope_type, scope_value in scopes[:3] %}
    union all
    select
        usage_date, unit, '{{ scope_type }}' as scope_type, {{ scope_value }} as scope_value, currency, sum(cost) as cost,
        sum(quantity) as quantity, 'billed' as cost_basis
    from outcome_costs
    group by 1, 2, 3, 4, 5
    {% endfor %}
)

select
    usage_date,
    unit,
    scope_type,
    scope_value,
    currency,
    cast(cost as decimal(38, 12)) as cost,
    cast(quantity as decimal(38, 12)) as quantity,
    {{ decimal_of_double('cast(cost as double) / nullif(cast(quantity as double), 0)') }} as unit_cost,
    cost_basis
from everything
where scope_value is not null and currency is not null and cost is not null
