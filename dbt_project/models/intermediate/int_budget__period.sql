-- Budgets that hold on the day of the report, with the period that contains it and what may be spent in it, but for what
-- the period before left over.
{% set fiscal = 'settings.fiscal_year_first_month' %}

with settings as (
    select * from {{ ref('stg_config__setting') }}
),

milestones as (
    -- Money of a milestone is there from its approval on, and nobody takes it back.
    select
        changes.budget_id,
        sum(changes.amount) filter (where changes.valid_from <= settings.as_of_date) as released_amount,
        max(changes.valid_to) filter (where changes.valid_from <= settings.as_of_date) as funded_through,
        min(changes.valid_to) as first_due_on,
        sum(changes.amount) filter (where changes.valid_from is null or changes.valid_from > settings.as_of_date)
            as unreleased_amount
    from {{ source('config', 'budget_change') }} as changes
    cross join settings
    where changes.kind = 'milestone'
    group by 1
),

increases as (
    select changes.budget_id, sum(changes.amount) as increase_amount
    from {{ source('config', 'budget_change') }} as changes
    cross join settings
    where changes.kind = 'increase' and settings.as_of_date between changes.valid_from and changes.valid_to
    group by 1
),

started as (
    select
        budgets.*,
        settings.as_of_date,
        case budgets.period
            when 'day' then settings.as_of_date
            when 'week' then {{ add_days('settings.as_of_date', '1 - ' ~ iso_weekday('settings.as_of_date')) }}
            when 'month' then {{ month_of('settings.as_of_date') }}
            when 'quarter'
                then {{ add_months(
                    month_of('settings.as_of_date'),
                    '-((extract(month from settings.as_of_date) - ' ~ fiscal ~ ' + 12) % 3)'
                ) }}
            when 'year'
                then {{ add_months(
                    month_of('settings.as_of_date'),
                    '-((extract(month from settings.as_of_date) - ' ~ fiscal ~ ' + 12) % 12)'
                ) }}
            when 'milestone' then budgets.valid_from
        end as period_start
    from {{ source('config', 'budget') }} as budgets
    cross join settings
    where
        (budgets.valid_from is null or budgets.valid_from <= settings.as_of_date)
        and (budgets.valid_to is null or budgets.valid_to >= settings.as_of_date)
)

select
    started.budget_id,
    started.scope_type,
    started.scope_value,
    started.period,
    started.currency,
    started.tier,
    started.owner,
    started.valid_from,
    started.roll_over_at_most,
    started.as_of_date,
    started.period_start,
    case started.period
        when 'day' then started.period_start
        when 'week' then {{ add_days('started.period_start', 6) }}
        when 'month' then {{ add_days(add_months('started.period_start', 1), -1) }}
        when 'quarter' then {{ add_days(add_months('started.period_start', 3), -1) }}
        when 'year' then {{ add_days(add_months('started.period_start', 12), -1) }}
        when 'milestone' then coalesce(milestones.funded_through, milestones.first_due_on)
    end as period_end,
    case started.period
        when 'day' then {{ add_days('started.period_start', -1) }}
        when 'week' then {{ add_days('started.period_start', -7) }}
        when 'month' then {{ add_months('started.period_start', -1) }}
        when 'quarter' then {{ add_months('started.period_start', -3) }}
        when 'year' then {{ add_months('started.period_start', -12) }}
    end as previous_start,
    cast(coalesce(started.amount, milestones.released_amount, 0) as decimal(38, 12)) as base_amount,
    cast(coalesce(increases.increase_amount, 0) as decimal(38, 12)) as increase_amount,
    cast(milestones.unreleased_amount as decimal(38, 12)) as unreleased_amount
from started
left join milestones on started.budget_id = milestones.budget_id
left join increases on started.budget_id = increases.budget_id
