-- Sets of weights that were measured, as far as a charge asks for them. Where idle capacity is spread, each user has a
-- second target: its part of what nobody used. A set is told once for each month whose charges ask for it.
with chosen as (
    select distinct weight_set, driver, scope, idle_policy, measured_from, measured_to
    from {{ ref('int_allocation__measured') }}
),

summed as (
    select
        chosen.weight_set,
        chosen.driver,
        chosen.idle_policy,
        measures.team,
        measures.app,
        measures.idle_kind,
        cast(sum(measures.driver_value) as decimal(38, 12)) as driver_value
    from chosen
    inner join {{ ref('int_allocation__measure') }} as measures
        on
            chosen.driver = measures.driver
            and chosen.scope = measures.scope
            and measures.usage_date between chosen.measured_from and chosen.measured_to
    group by 1, 2, 3, 4, 5, 6
),

users as (
    select
        weight_set,
        team,
        app,
        driver_value,
        sum(driver_value) over (partition by weight_set) as used_value,
        row_number() over (partition by weight_set order by team nulls last, app nulls last) as user_number
    from summed
    where idle_kind is null
),

scaled_users as (
    select *, {{ weight_units('driver_value', 'used_value') }} as weight_units from users
),

idle as (
    select
        summed.weight_set,
        summed.weight_set || ' | ' || summed.idle_kind as idle_id,
        summed.driver,
        summed.idle_kind,
        summed.driver_value,
        users.team,
        users.app,
        users.user_number,
        users.weight_units,
        sum(users.weight_units) over (partition by summed.weight_set, summed.idle_kind) as total_units
    from summed
    inner join scaled_users as users on summed.weight_set = users.weight_set
    where summed.idle_kind is not null and summed.idle_policy = 'spread'
),

spread as (
    {{ split_exactly(
        relation='idle', key='idle_id', measures=['driver_value'],
        carry=['weight_set', 'driver', 'team', 'app', 'idle_kind'], order_by='user_number'
    ) }}
),

spread_kinds as (
    select distinct weight_set, idle_kind from spread
),

targets as (
    select
        summed.weight_set, summed.driver, summed.team, summed.app, summed.idle_kind,
        cast(null as string) as target_pool_id, summed.driver_value
    from summed
    left join spread_kinds
        on summed.weight_set = spread_kinds.weight_set and summed.idle_kind = spread_kinds.idle_kind
    -- Idle that nobody is there to bear stays a row of its own.
    where spread_kinds.weight_set is null

    union all

    select weight_set, driver, team, app, idle_kind, cast(null as string) as target_pool_id, driver_value
    from spread
),

asked as (
    select distinct usage_month, weight_set from {{ ref('int_allocation__measured') }}
),

weights as (
    {{ as_weights('targets') }}
)

select
    asked.usage_month,
    weights.*
from weights
inner join asked on weights.weight_set = asked.weight_set
