-- Every budget whose period contains the day of the report: billed so far, what usage since then is estimated to cost,
-- and where the forecast ends. Money of another currency than the budget's is left out, never converted.
{% set scopes = [
    ('company', "'all'"), ('business_unit', 'business_unit'), ('team', 'team'), ('app', 'app'), ('project', 'project'),
    ('model', 'model'), ('environment', 'environment')
] %}

with settings as (
    select * from {{ ref('stg_config__setting') }}
),

periods as (
    select
        budgets.*,
        settings.as_of_date,
        case budgets.period
            when 'day' then settings.as_of_date
            when 'month' then {{ month_of('settings.as_of_date') }}
            when 'quarter'
                then {{ add_months(
                    month_of('settings.as_of_date'),
                    '-((extract(month from settings.as_of_date) - settings.fiscal_year_first_month + 12) % 3)'
                ) }}
        end as period_start
    from {{ source('config', 'budget') }} as budgets
    cross join settings
),

current_budgets as (
    select
        *,
        case period
            when 'day' then period_start
            when 'month' then {{ add_days(add_months('period_start', 1), -1) }}
            when 'quarter' then {{ add_days(add_months('period_start', 3), -1) }}
        end as period_end
    from periods
    where
        (valid_from is null or valid_from <= as_of_date)
        and (valid_to is null or valid_to >= as_of_date)
),

bill as (
    -- A purchase may start in the future; the bill is complete through the newest day that is not.
    select max(usage_date) as billed_through, min(usage_date) as first_billed
    from {{ ref('fct_ai_cost_daily') }}
    where usage_date <= (select as_of_date from settings)
),

billed_days as (
    {% for scope_type, scope_value in scopes %}
    select
        '{{ scope_type }}' as scope_type, {{ scope_value }} as scope_value, billing_currency as currency, usage_date,
        sum(effective_cost) as cost
    from {{ ref('fct_ai_cost_daily') }}
    where is_ai
    group by 1, 2, 3, 4
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

usage as (
    select usage.*, teams.business_unit
    from {{ ref('int_reconcile__usage') }} as usage
    left join {{ ref('dim_team') }} as teams on usage.team = teams.team
),

estimated_days as (
    {% for scope_type, scope_value in scopes %}
    select
        '{{ scope_type }}' as scope_type, {{ scope_value }} as scope_value, currency, usage_date,
        sum(estimated_cost) as cost, sum(calibrated_estimated_cost) as calibrated_cost
    from usage
    group by 1, 2, 3, 4
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

billed as (
    select
        budgets.budget_id,
        coalesce(
            sum(days.cost) filter (where days.usage_date between budgets.period_start and budgets.period_end), 0
        ) as billed_to_date,
        sum(days.cost) filter (
            where days.usage_date between {{ add_days('bill.billed_through', -27) }} and bill.billed_through
        ) as last_28_days_cost
    from current_budgets as budgets
    cross join bill
    left join billed_days as days
        on
            budgets.scope_type = days.scope_type
            and budgets.scope_value = days.scope_value
            and budgets.currency = days.currency
    group by budgets.budget_id
),

estimated as (
    select
        budgets.budget_id,
        sum(days.cost) as estimated_since_billed,
        sum(days.calibrated_cost) as calibrated_estimated_since_billed
    from current_budgets as budgets
    cross join bill
    inner join estimated_days as days
        on
            budgets.scope_type = days.scope_type
            and budgets.scope_value = days.scope_value
            and budgets.currency = days.currency
            and days.usage_date between budgets.period_start and budgets.period_end
            and (bill.billed_through is null or days.usage_date > bill.billed_through)
            and days.usage_date <= budgets.as_of_date
    group by budgets.budget_id
),

forecast as (
    select
        budgets.budget_id,
        sum(days.expected_cost) as expected_cost,
        sum(days.lower_cost) as lower_cost,
        sum(days.upper_cost) as upper_cost
    from current_budgets as budgets
    cross join bill
    inner join {{ source('ml', 'forecast_daily') }} as days
        on
            budgets.scope_type = days.scope_type
            and budgets.scope_value = days.scope_value
            and budgets.currency = days.currency
            and days.is_future
            and days.forecast_date between budgets.period_start and budgets.period_end
            and (bill.billed_through is null or days.forecast_date > bill.billed_through)
    group by budgets.budget_id
),

measured as (
    select
        budgets.*,
        bill.billed_through,
        billed.billed_to_date,
        estimated.estimated_since_billed,
        estimated.calibrated_estimated_since_billed,
        {{ days_between('budgets.period_start', 'budgets.period_end') }} + 1 as period_days,
        case
            when bill.billed_through is null or bill.billed_through < budgets.period_start then 0
            else {{ days_between('budgets.period_start', 'least(bill.billed_through, budgets.period_end)') }} + 1
        end as billed_days,
        case
            when bill.billed_through is not null
                then least({{ days_between('bill.first_billed', 'bill.billed_through') }} + 1, 28)
        end as run_rate_days,
        forecast.expected_cost,
        forecast.lower_cost,
        forecast.upper_cost,
        billed.last_28_days_cost
    from current_budgets as budgets
    cross join bill
    left join billed on budgets.budget_id = billed.budget_id
    left join estimated on budgets.budget_id = estimated.budget_id
    left join forecast on budgets.budget_id = forecast.budget_id
),

projected as (
    select
        *,
        period_days - billed_days as remaining_days,
        case
            when expected_cost is not null then 'forecast'
            when period_days = billed_days then 'complete'
            when run_rate_days is not null then 'run_rate'
        end as projection_basis,
        case
            when expected_cost is not null then expected_cost
            when period_days = billed_days then 0
            -- No forecast for this scope: the average of the newest 28 billed days goes on.
            else cast(coalesce(last_28_days_cost, 0) as double) / run_rate_days * (period_days - billed_days)
        end as remaining_cost
    from measured
),

finished as (
    select
        *,
        cast(remaining_cost as decimal(38, 12)) as forecast_remaining,
        cast(billed_to_date + cast(remaining_cost as decimal(38, 12)) as decimal(38, 12)) as projected_cost
    from projected
)

select
    as_of_date,
    budget_id,
    scope_type,
    scope_value,
    period,
    period_start,
    period_end,
    currency,
    cast(amount as decimal(38, 12)) as budget_amount,
    cast(billed_to_date as decimal(38, 12)) as billed_to_date,
    billed_through,
    cast(estimated_since_billed as decimal(38, 12)) as estimated_since_billed,
    cast(calibrated_estimated_since_billed as decimal(38, 12)) as calibrated_estimated_since_billed,
    forecast_remaining,
    projected_cost,
    cast(case when projection_basis = 'forecast' then billed_to_date + lower_cost end as decimal(38, 12))
        as projected_lower,
    cast(case when projection_basis = 'forecast' then billed_to_date + upper_cost end as decimal(38, 12))
        as projected_upper,
    projection_basis,
    cast(amount - billed_to_date as decimal(38, 12)) as remaining_amount,
    cast(billed_to_date as double) / cast(amount as double) as used_ratio,
    cast(projected_cost as double) / cast(amount as double) as projected_ratio,
    (cast(billed_to_date as double) / cast(amount as double)) / nullif(cast(billed_days as double) / period_days, 0)
        as burn_rate_ratio,
    case
        when billed_to_date >= amount then 'over'
        when projected_cost > amount then 'at_risk'
        else 'on_track'
    end as status
from finished
