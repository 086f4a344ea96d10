-- How each budget stood at every moment of the history at which anything of it changed: spend as the bill told it then, the
-- amount of then, the newest forecast made until then. The last row of a budget is how it stands now.
{{ config(tags=['signals']) }}
{% set cell = ['provider_name', 'usage_date', 'sub_account_id', 'service_name', 'billing_currency'] %}
{% set windows = [1, 3, 7, 28] %}

with settings as (
    select * from {{ ref('stg_config__setting') }}
),

budget_days as (
    select
        periods.*,
        cast({{ day_starts_at('periods.as_of_date', 'periods.time_zone') }} as timestamp) as day_starts_at,
        cast({{ day_starts_at(add_days('periods.as_of_date', 1), 'periods.time_zone') }} as timestamp) as day_ends_at
    from {{ ref('int_budget__period_daily') }} as periods
),

budgets as (
    select distinct budget_id, scope_type, scope_value, currency from budget_days
),

cells as (
    select
        {{ cell | join(', ') }}, business_unit, team, app, project, model, environment,
        sum(effective_cost) as effective_cost
    from {{ ref('int_cost__union') }}
    where is_ai and usage_date <= (select as_of_date from settings)
    group by {{ cell | join(', ') }}, business_unit, team, app, project, model, environment
),

scoped as (
    {% for scope_type, scope_value in budget_scopes() %}
    select
        '{{ scope_type }}' as scope_type, {{ scope_value }} as scope_value, {{ cell | join(', ') }},
        sum(effective_cost) as effective_cost
    from cells
    group by 1, 2, {{ cell | join(', ') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- Each budget's part of every change of the bill. Days before the history are known from its first moment on.
spend as (
    select
        budgets.budget_id,
        changes.usage_date,
        changes.known_from,
        bool_or(changes.is_assumed) as is_assumed,
        sum({{ exact_product('scoped.effective_cost', 'changes.share_delta') }}) as cost
    from budgets
    inner join scoped
        on
            budgets.scope_type = scoped.scope_type
            and budgets.scope_value = scoped.scope_value
            and budgets.currency = scoped.billing_currency
    inner join {{ ref('int_guardrail__bill_change') }} as changes on {{ agree_in('scoped', 'changes', cell) }}
    group by 1, 2, 3
),

billed_through_changes as (
    select known_from, max(usage_date) as usage_date
    from {{ ref('int_guardrail__bill_change') }}
    group by 1
),

-- The day that the bill had reached, from each moment on at which it reached one more.
reached as (
    select
        usage_date as billed_through,
        known_from,
        lead(known_from) over (order by known_from) as known_to
    from (
        select
            known_from,
            usage_date,
            max(usage_date) over (order by known_from rows between unbounded preceding and 1 preceding) as reached_before
        from billed_through_changes
    ) as ordered
    where reached_before is null or usage_date > reached_before
),

made as (
    select distinct scope_type, scope_value, currency, cast(as_of as timestamp) as made_at
    from {{ source('ml', 'forecast_made') }}
),

moments as (
    select budget_id, known_from from spend
    union
    select budgets.budget_id, reached.known_from from budgets cross join reached
    union
    select budget_id, day_starts_at as known_from from budget_days
    union
    select budgets.budget_id, made.made_at as known_from
    from budgets
    inner join made
        on
            budgets.scope_type = made.scope_type
            and budgets.scope_value = made.scope_value
            and budgets.currency = made.currency
),

standing as (
    select
        budget_days.*,
        moments.known_from,
        reached.billed_through
    from moments
    inner join budget_days
        on
            moments.budget_id = budget_days.budget_id
            and moments.known_from >= budget_days.day_starts_at
            and moments.known_from < budget_days.day_ends_at
    cross join settings
    left join reached
        on moments.known_from >= reached.known_from and (reached.known_to is null or moments.known_from < reached.known_to)
    where moments.known_from <= settings.as_of
),

spent as (
    select
        standing.budget_id,
        standing.known_from,
        sum(case when spend.usage_date <= standing.as_of_date and spend.usage_date >= standing.period_start then spend.cost end)
            as billed_to_date,
        {% for days in windows %}
        sum(
            case
                when
                    spend.usage_date > {{ add_days('standing.billed_through', -days) }}
                    and spend.usage_date <= standing.billed_through
                    then spend.cost
            end
        ) as last_{{ days }}_days_cost,
        {% endfor %}
        bool_or(spend.is_assumed) as is_assumed
    from standing
    inner join spend
        on
            standing.budget_id = spend.budget_id
            and spend.known_from <= standing.known_from
            and spend.usage_date >= least(standing.period_start, {{ add_days('standing.billed_through', -28) }})
    group by 1, 2
),

-- What the period before left over, as far as the bill knows it now.
carried as (
    select
        starts.budget_id,
        starts.period_start,
        least(
            max(starts.roll_over_at_most), greatest(max(starts.base_amount) - coalesce(sum(daily.effective_cost), 0), 0)
        ) as carried_amount
    from (
        select budget_id, period_start, previous_start, roll_over_at_most, max(base_amount) as base_amount
        from budget_days
        where
            roll_over_at_most is not null and previous_start is not null
            and (valid_from is null or valid_from <= previous_start)
        group by 1, 2, 3, 4
    ) as starts
    left join {{ ref('int_budget__spend_daily') }} as daily
        on
            starts.budget_id = daily.budget_id
            and daily.usage_date >= starts.previous_start
            and daily.usage_date < starts.period_start
    where starts.previous_start >= (
        select min(usage_date) from {{ ref('int_guardrail__bill_change') }}
    )
    group by 1, 2
),

newest_made as (
    select standing.budget_id, standing.known_from, max(made.made_at) as made_at
    from standing
    inner join made
        on
            standing.scope_type = made.scope_type
            and standing.scope_value = made.scope_value
            and standing.currency = made.currency
            and made.made_at <= standing.known_from
    group by 1, 2
),

expected as (
    select
        standing.budget_id,
        standing.known_from,
        count(*) as forecast_days,
        cast(sum(days.expected_cost) as double) as expected_cost
    from standing
    inner join newest_made
        on standing.budget_id = newest_made.budget_id and standing.known_from = newest_made.known_from
    inner join {{ source('ml', 'forecast_made') }} as days
        on
            standing.scope_type = days.scope_type
            and standing.scope_value = days.scope_value
            and standing.currency = days.currency
            and newest_made.made_at = cast(days.as_of as timestamp)
            and days.forecast_date > coalesce(standing.billed_through, {{ add_days('standing.period_start', -1) }})
            and days.forecast_date between standing.period_start and standing.period_end
    group by 1, 2
),

measured as (
    select
        standing.budget_id,
        standing.scope_type,
        standing.scope_value,
        standing.period,
        standing.period_name,
        standing.period_start,
        standing.period_end,
        standing.time_zone,
        standing.currency,
        standing.known_from,
        standing.billed_through,
        standing.base_amount + standing.increase_amount + coalesce(carried.carried_amount, 0) as amount,
        {{ days_between('standing.period_start', 'standing.period_end') }} + 1 as period_days,
        greatest({{ days_between('greatest(standing.billed_through, ' ~ add_days('standing.period_start', -1) ~ ')', 'standing.period_end') }}, 0)
            as remaining_days,
        coalesce(spent.billed_to_date, 0) as billed_to_date,
        {% for days in windows %}
        coalesce(spent.last_{{ days }}_days_cost, 0) as last_{{ days }}_days_cost,
        {% endfor %}
        coalesce(spent.is_assumed, false) as is_assumed,
        expected.forecast_days,
        expected.expected_cost
    from standing
    left join spent on standing.budget_id = spent.budget_id and standing.known_from = spent.known_from
    left join carried on standing.budget_id = carried.budget_id and standing.period_start = carried.period_start
    left join expected on standing.budget_id = expected.budget_id and standing.known_from = expected.known_from
),

bill_checks as (
    select billing_currency as currency, usage_date, bool_and(is_reconciled) as is_reconciled
    from {{ ref('fct_reconciliation_daily') }}
    group by 1, 2
),

checked as (
    select
        periods.budget_id, periods.period_start, periods.period_end,
        bool_and(checks.is_reconciled) as is_reconciled
    from (select distinct budget_id, currency, period_start, period_end from measured) as periods
    inner join bill_checks as checks
        on periods.currency = checks.currency and checks.usage_date between periods.period_start and periods.period_end
    group by 1, 2, 3
)

select
    measured.budget_id,
    measured.scope_type,
    measured.scope_value,
    measured.period,
    measured.period_name,
    measured.period_start,
    measured.period_end,
    cast({{ day_starts_at('measured.period_start', 'measured.time_zone') }} as timestamp) as period_starts_at,
    cast({{ day_starts_at(add_days('measured.period_end', 1), 'measured.time_zone') }} as timestamp) as period_ends_at,
    measured.period_days,
    measured.currency,
    measured.known_from,
    lead(measured.known_from) over (partition by measured.budget_id order by measured.known_from) as known_to,
    measured.billed_through,
    cast(measured.amount as decimal(38, 12)) as budget_amount,
    cast(measured.billed_to_date as decimal(38, 12)) as billed_to_date,
    {% for days in windows %}
    cast(measured.last_{{ days }}_days_cost as decimal(38, 12)) as last_{{ days }}_days_cost,
    {% endfor %}
    {{ decimal_of_double(
        "cast(measured.billed_to_date as double) + case"
        ~ " when measured.remaining_days = 0 then 0"
        ~ " when measured.forecast_days > 0"
        ~ " then measured.expected_cost * greatest(cast(measured.remaining_days as double) / measured.forecast_days, 1)"
        ~ " else cast(measured.last_28_days_cost as double) / 28 * measured.remaining_days end"
    ) }} as projected_cost,
    -- Nothing to reconcile is nothing to rely on.
    coalesce(checked.is_reconciled, false) as is_reconciled,
    measured.is_assumed
from measured
left join checked
    on
        measured.budget_id = checked.budget_id
        and measured.period_start = checked.period_start
        and measured.period_end = checked.period_end
