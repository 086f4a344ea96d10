-- Which measurement answers a question for weights: the driver as close to the charge as it was measured on its day, else
-- what it was over the pool's look-back. Questions that nothing measured answers are absent.
with candidates as (
    select
        question_id,
        usage_date,
        driver,
        idle_policy,
        look_back_days,
        1 as preference,
        resource_id || ' | ' || model || ' | ' || token_class as scope
    from {{ ref('int_allocation__question') }}
    where driver = 'usage_cost' and measured_on is null

    union all

    select
        question_id, usage_date, driver, idle_policy, look_back_days, 2,
        case when measured_on is null then resource_id else 'pool ' || pool_id end
    from {{ ref('int_allocation__question') }}

    union all

    select question_id, usage_date, driver, idle_policy, look_back_days, 3, 'other nodes'
    from {{ ref('int_allocation__question') }}
    where
        {{ is_one_of('driver', gpu_drivers() | list) }}
        and measured_on is null
        -- Machines of which the samples say something on other days are not among the others.
        and coalesce(resource_id, '') not in (
            select seen.resource_id from {{ ref('int_gpu__hourly') }} as seen where seen.resource_id is not null
        )
),

days as (
    select distinct driver, scope, usage_date from {{ ref('int_allocation__measure') }}
),

found as (
    select
        candidates.*,
        'measured' as driver_basis,
        candidates.usage_date as measured_from,
        candidates.usage_date as measured_to,
        candidates.preference as basis_preference
    from candidates
    inner join days
        on
            candidates.driver = days.driver
            and candidates.scope = days.scope
            and candidates.usage_date = days.usage_date

    union all

    select
        candidates.*,
        'look_back' as driver_basis,
        min(days.usage_date) as measured_from,
        max(days.usage_date) as measured_to,
        10 + candidates.preference as basis_preference
    from candidates
    inner join days
        on
            candidates.driver = days.driver
            and candidates.scope = days.scope
            and candidates.usage_date > days.usage_date
            and {{ days_between('days.usage_date', 'candidates.usage_date') }} <= candidates.look_back_days
    where candidates.look_back_days > 0
    group by all
),

ranked as (
    select
        *,
        row_number() over (partition by question_id order by basis_preference) as place
    from found
)

select
    question_id,
    {{ month_of('usage_date') }} as usage_month,
    driver,
    scope,
    idle_policy,
    driver_basis,
    measured_from,
    measured_to,
    case when {{ is_one_of('driver', idle_drivers()) }}
        then {{ weight_set(['driver', 'idle_policy', 'scope', 'measured_from']) }}
        else {{ weight_set(['driver', 'scope', 'measured_from']) }}
    end || case when measured_from < measured_to then ' to ' || cast(measured_to as string) else '' end as weight_set
from ranked
where place = 1
