-- Budgets on every day of the history that guardrails can be replayed over, up to the day of the report, each with the period
-- that contains the day and what may be spent in it, but for what the period before left over. Days are those of the budget's
-- time zone.
{% set fiscal = 'fiscal_year_first_month' %}
{% set thursday = add_days('dated.period_start', 3) %}

with days as (
    {{ every_day(
        '(select ' ~ add_days('as_of_date', -var('guardrail_history_days')) ~ ' from ' ~ ref('stg_config__setting') ~ ')',
        '(select ' ~ add_days('as_of_date', 1) ~ ' from ' ~ ref('stg_config__setting') ~ ')'
    ) }}
),

reported as (
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
        cast({{ local_time('settings.as_of', "coalesce(budgets.time_zone, 'UTC')") }} as date) as reported_on,
        settings.fiscal_year_first_month
    from {{ source('config', 'budget') }} as budgets
    cross join {{ ref('stg_config__setting') }} as settings
),

budgets as (
    select reported.*, days.date_day as as_of_date
    from reported
    inner join days on days.date_day <= reported.reported_on
),

milestones as (
    -- Money of a milestone is there from its approval on, and nobody takes it back.
    select
        changes.budget_id,
        budgets.as_of_date,
        sum(changes.amount) filter (where changes.valid_from <= budgets.as_of_date) as released_amount,
        max(changes.valid_to) filter (where changes.valid_from <= budgets.as_of_date) as funded_through,
        min(changes.valid_to) as first_due_on,
        sum(changes.amount) filter (where changes.valid_from is null or changes.valid_from > budgets.as_of_date)
            as unreleased_amount,
        -- The milestone that a budget lives on: of those approved the one that lasts longest, else the next one due.
        coalesce(
            max_by(changes.name, changes.valid_to) filter (where changes.valid_from <= budgets.as_of_date),
            min_by(changes.name, changes.valid_to)
        ) as milestone_id
    from {{ source('config', 'budget_change') }} as changes
    inner join budgets on changes.budget_id = budgets.budget_id
    where changes.kind = 'milestone'
    group by 1, 2
),

increases as (
    select changes.budget_id, budgets.as_of_date, sum(changes.amount) as increase_amount
    from {{ source('config', 'budget_change') }} as changes
    inner join budgets on changes.budget_id = budgets.budget_id
    where changes.kind = 'increase' and budgets.as_of_date between changes.valid_from and changes.valid_to
    group by 1, 2
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
),

dated as (
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
        started.as_of_date = started.reported_on as is_reported,
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
        cast(milestones.unreleased_amount as decimal(38, 12)) as unreleased_amount,
        milestones.milestone_id
    from started
    left join milestones on started.budget_id = milestones.budget_id and started.as_of_date = milestones.as_of_date
    left join increases on started.budget_id = increases.budget_id and started.as_of_date = increases.as_of_date
)

select
    dated.budget_id,
    dated.scope_type,
    dated.scope_value,
    dated.period,
    dated.currency,
    dated.tier,
    dated.owner,
    dated.valid_from,
    dated.time_zone,
    dated.roll_over_at_most,
    dated.as_of_date,
    dated.is_reported,
    dated.period_start,
    dated.period_end,
    dated.previous_start,
    case dated.period
        when 'day' then cast(dated.period_start as string)
        -- A week has the number and the year that its Thursday has.
        when 'week'
            then
                cast(extract(year from {{ thursday }}) as string) || '-W'
                || lpad(cast(cast(floor((extract(doy from {{ thursday }}) - 1) / 7) as bigint) + 1 as string), 2, '0')
        when 'month' then {{ time_as_text('dated.period_start', "'%Y-%m'") }}
        when 'quarter' then cast(dates.fiscal_year as string) || '-Q' || cast(dates.fiscal_quarter as string)
        when 'year' then cast(dates.fiscal_year as string)
        when 'milestone' then dated.milestone_id
    end as period_name,
    dated.base_amount,
    dated.increase_amount,
    dated.unreleased_amount
from dated
-- The last day of a fiscal period is always there; its first may lie before the first fact.
left join {{ ref('dim_date') }} as dates on dated.period_end = dates.date_day
