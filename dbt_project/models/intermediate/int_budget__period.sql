-- Budgets that hold on the day of the report, with the period that contains it and what may be spent in it, but for what
-- the period before left over. The day of the report is the one of the budget's time zone.
{% set fiscal = 'fiscal_year_first_month' %}

with budgets as (
    select
        budgets.budget_id,
        budgets.scope_type,
        budgets.scope_value,
        budgets.period,
        budgets.amount,
        budgets.currency,
        budgets.tier,
        budgets.owner,
        budgets.roll_over_at_most,
        budgets.valid_from,
        budgets.valid_to,
        -- A configuration of before there were time zones names none.
        coalesce(budgets.time_zone, 'UTC') as time_zone,
        cast({{ local_time('settings.as_of', "coalesce(budgets.time_zone, 'UTC')") }} as date) as as_of_date,
        settings.fiscal_year_first_month
    from {{ source('config', 'budget') }} as budgets
    cross join {{ ref('stg_config__setting') }} as settings
),

milestones as (
    -- Money of a milestone is there from its approval on, and nobody takes it back.
    select
        changes.budget_id,
        sum(changes.amount) filter (where changes.valid_from <= budgets.as_of_date) as released_amount,
        max(changes.valid_to) filter (where changes.valid_from <= budgets.as_of_date) as funded_through,
        min(changes.valid_to) as first_due_on,
        sum(changes.amount) filter (where changes.valid_from is null or changes.valid_from > budgets.as_of_date)
            as unreleased_amount
    from {{ source('config', 'budget_change') }} as changes
    inner join budgets on changes.budget_id = budgets.budget_id
    where changes.kind = 'milestone'
    group by 1
),

increases as (
    select changes.budget_id, sum(changes.amount) as increase_amount
    from {{ source('config', 'budget_change') }} as changes
    inner join budgets on changes.budget_id = budgets.budget_id
    where changes.kind = 'increase' and budgets.as_of_date between changes.valid_from and changes.valid_to
    group by 1
),

started as (
    select
        *,
        case period
            when 'day' then as_of_date
            when 'week' then {{ add_days('as_of_date', '1 - ' ~ iso_weekday('as_of_date')) }}
            when 'month' then {{ month_of('as_of_date') }}
            when 'quarter'
                then {{ add_months(
                    month_of('as_of_date'),
                    '-((extract(month from as_of_date) - ' ~ fiscal ~ ' + 12) % 3)'
                ) }}
            when 'year'
                then {{ add_months(
                    month_of('as_of_date'),
                    '-((extract(month from as_of_date) - ' ~ fiscal ~ ' + 12) % 12)'
                ) }}
            when 'milestone' then valid_from
        end as period_start
    from budgets
    where (valid_from is null or valid_from <= as_of_date) and (valid_to is null or valid_to >= as_of_date)
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
    started.time_zone,
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
