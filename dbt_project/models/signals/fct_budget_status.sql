-- Every budget whose period contains the day of the report: billed so far, what usage since then is estimated to cost,
-- and where the forecast ends. Money of another currency than the budget's is left out, never converted.
{% set windows = [1, 7, 28] %}
{% set days_to_spend = 'ceil(cast(amount - billed_to_date as double) / (cast(last_28_days_cost as double) / run_rate_days))' %}

with settings as (
    select * from {{ ref('stg_config__setting') }}
),

bill as (
    -- A purchase may start in the future; the bill is complete through the newest day that is not.
    select max(usage_date) as billed_through, min(usage_date) as first_billed
    from {{ ref('fct_ai_cost_daily') }}
    where usage_date <= (select as_of_date from settings)
),

spend as (
    select * from {{ ref('int_budget__spend_daily') }}
),

-- What the period before left over, where the bill knows all of that period and the budget held in it.
left_over as (
    select
        budgets.budget_id,
        least(
            max(budgets.roll_over_at_most),
            greatest(max(budgets.base_amount) - coalesce(sum(spend.effective_cost), 0), 0)
        ) as carried_amount
    from {{ ref('int_budget__period') }} as budgets
    cross join bill
    left join spend
        on
            budgets.budget_id = spend.budget_id
            and spend.usage_date >= budgets.previous_start
            and spend.usage_date < budgets.period_start
    where
        budgets.roll_over_at_most is not null
        and bill.first_billed <= budgets.previous_start
        and bill.billed_through >= {{ add_days('budgets.period_start', -1) }}
        and (budgets.valid_from is null or budgets.valid_from <= budgets.previous_start)
    group by 1
),

current_budgets as (
    select
        budgets.*,
        coalesce(left_over.carried_amount, 0) as carried_amount,
        budgets.base_amount + budgets.increase_amount + coalesce(left_over.carried_amount, 0) as amount
    from {{ ref('int_budget__period') }} as budgets
    left join left_over on budgets.budget_id = left_over.budget_id
),

estimated_days as (
    {% for scope_type, scope_value in budget_scopes() %}
    select
        '{{ scope_type }}' as scope_type, {{ scope_value }} as scope_value, time_zone, currency, local_date,
        sum(estimated_cost) as cost, sum(calibrated_estimated_cost) as calibrated_cost
    from {{ ref('int_budget__usage_daily') }}
    group by 1, 2, 3, 4, 5
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

billed as (
    select
        budgets.budget_id,
        coalesce(
            sum(spend.effective_cost) filter (
                where
                    spend.usage_date between budgets.period_start and budgets.period_end
                    and spend.usage_date <= budgets.as_of_date
            ), 0
        ) as billed_to_date,
        -- On the bill already, for days that are still to come: commitments, and what was paid for a month at once.
        coalesce(
            sum(spend.effective_cost) filter (
                where
                    spend.usage_date between budgets.period_start and budgets.period_end
                    and spend.usage_date > budgets.as_of_date
            ), 0
        ) as committed_cost
        {%- for days in windows %},
        sum(spend.effective_cost) filter (
            where spend.usage_date between {{ add_days('bill.billed_through', 1 - days) }} and bill.billed_through
        ) as last_{{ days }}_days_cost
        {%- endfor %}
    from current_budgets as budgets
    cross join bill
    left join spend on budgets.budget_id = spend.budget_id
    group by budgets.budget_id
),

estimated as (
    select
        budgets.budget_id,
        sum(days.cost) as estimated_since_billed,
        sum(days.calibrated_cost) as calibrated_estimated_since_billed
    from current_budgets as budgets
    inner join estimated_days as days
        on
            budgets.scope_type = days.scope_type
            and budgets.scope_value = days.scope_value
            and budgets.time_zone = days.time_zone
            and budgets.currency = days.currency
            and days.local_date between budgets.period_start and budgets.period_end
            and days.local_date <= budgets.as_of_date
    group by budgets.budget_id
),

-- Days of a budget's period that the bill does not have yet.
expected_days as (
    select budgets.budget_id, days.forecast_date, days.expected_cost
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
),

forecast as (
    select
        budget_id,
        count(*) as forecast_days,
        sum(expected_cost) as expected_cost
    from expected_days
    group by 1
),

measured as (
    select
        budgets.*,
        bill.billed_through,
        billed.billed_to_date,
        billed.committed_cost,
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
        forecast.forecast_days,
        forecast.expected_cost,
        {%- for days in windows %}
        billed.last_{{ days }}_days_cost{{ ',' if not loop.last }}
        {%- endfor %}
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
            when forecast_days >= period_days - billed_days then 'forecast'
            when forecast_days > 0 then 'forecast_extended'
            when period_days <= billed_days then 'complete'
            when run_rate_days is not null then 'run_rate'
        end as projection_basis,
        case
            -- Days that no forecast reaches are expected to be like those that one does.
            when forecast_days > 0
                then expected_cost * greatest(cast(period_days - billed_days as double) / forecast_days, 1)
            when period_days <= billed_days then 0
            -- No forecast for this scope: the average of the newest 28 billed days goes on.
            else cast(coalesce(last_28_days_cost, 0) as double) / run_rate_days * (period_days - billed_days)
        end as expected_remaining
    from measured
),

remaining as (
    -- What is expected is no less than what the bill charges for those days already; without a bill nothing is.
    select
        *,
        case
            when expected_remaining is not null
                then greatest({{ decimal_of_double('expected_remaining') }}, cast(committed_cost as decimal(38, 12)))
        end as forecast_remaining
    from projected
),

finished as (
    select *, cast(billed_to_date + forecast_remaining as decimal(38, 12)) as projected_cost
    from remaining
),

-- Where the period may end, path by path of the forecast; days that no path reaches are like those that one does.
endings as (
    select
        paths.budget_id,
        finished.amount,
        cast(
            finished.billed_to_date
            + greatest(
                {{ decimal_of_double(
                    'cast(paths.cost_so_far as double) * greatest(cast(finished.remaining_days as double) / finished.forecast_days, 1)'
                ) }},
                cast(finished.committed_cost as decimal(38, 12))
            ) as decimal(38, 12)
        ) as ending_cost
    from (
        select budget_id, path, max_by(cost_so_far, forecast_date) as cost_so_far
        from {{ ref('int_budget__path_daily') }}
        group by 1, 2
    ) as paths
    inner join finished on paths.budget_id = finished.budget_id
    where finished.forecast_days > 0
),

outlook as (
    select
        budget_id,
        {{ quantile_of('ending_cost', 0.1) }} as projected_lower,
        {{ quantile_of('ending_cost', 0.9) }} as projected_upper,
        {{ quantile_of('ending_cost', 0.025) }} as projected_lower_95,
        {{ quantile_of('ending_cost', 0.975) }} as projected_upper_95,
        cast(count(*) filter (where ending_cost > amount) as double) / count(*) as exceed_probability
    from endings
    group by 1
),

-- The budget's money day by day: billed, then expected.
course as (
    select budgets.budget_id, spend.usage_date, cast(spend.effective_cost as double) as cost, true as is_billed
    from current_budgets as budgets
    inner join spend on budgets.budget_id = spend.budget_id
    where
        spend.usage_date between budgets.period_start and budgets.period_end
        and spend.usage_date <= budgets.as_of_date

    union all

    select budget_id, forecast_date, expected_cost, false
    from expected_days
),

running as (
    select
        budget_id,
        usage_date,
        is_billed,
        sum(cost) over (partition by budget_id order by usage_date, is_billed desc) as cost_so_far
    from course
),

exhausted as (
    select running.budget_id, min(running.usage_date) as exhausted_on
    from running
    inner join current_budgets as budgets on running.budget_id = budgets.budget_id
    where running.cost_so_far >= cast(budgets.amount as double)
    group by 1
),

crossed as (
    select
        thresholds.budget_id,
        max(thresholds.share) as threshold_crossed,
        max_by(running.usage_date, thresholds.share) as threshold_crossed_on
    from {{ source('config', 'budget_threshold') }} as thresholds
    inner join current_budgets as budgets on thresholds.budget_id = budgets.budget_id
    inner join (
        select running.budget_id, thresholds.share, min(running.usage_date) as usage_date
        from running
        inner join current_budgets as budgets on running.budget_id = budgets.budget_id
        inner join {{ source('config', 'budget_threshold') }} as thresholds on running.budget_id = thresholds.budget_id
        where running.is_billed and running.cost_so_far >= cast(thresholds.share * budgets.amount as double)
        group by 1, 2
    ) as running on thresholds.budget_id = running.budget_id and thresholds.share = running.share
    group by 1
),

-- A budget can spend no more than the budgets above it have left.
capped as (
    select
        ancestors.budget_id,
        min(caps.amount - caps.billed_to_date) as cap_remaining,
        min_by(caps.budget_id, caps.amount - caps.billed_to_date) as capped_by
    from {{ source('config', 'budget_ancestor') }} as ancestors
    inner join finished as caps on ancestors.ancestor_id = caps.budget_id
    group by 1
)

select
    finished.as_of_date,
    finished.budget_id,
    scope_type,
    scope_value,
    period,
    period_start,
    period_end,
    time_zone,
    cast({{ day_starts_at('period_start', 'time_zone') }} as timestamp) as period_starts_at,
    cast({{ day_starts_at(add_days('period_end', 1), 'time_zone') }} as timestamp) as period_ends_at,
    currency,
    tier,
    owner,
    cast(amount as decimal(38, 12)) as budget_amount,
    cast(base_amount as decimal(38, 12)) as base_amount,
    cast(increase_amount as decimal(38, 12)) as increase_amount,
    cast(carried_amount as decimal(38, 12)) as carried_amount,
    unreleased_amount,
    cast(billed_to_date as decimal(38, 12)) as billed_to_date,
    billed_through,
    cast(committed_cost as decimal(38, 12)) as committed_cost,
    cast(estimated_since_billed as decimal(38, 12)) as estimated_since_billed,
    cast(calibrated_estimated_since_billed as decimal(38, 12)) as calibrated_estimated_since_billed,
    forecast_remaining,
    projected_cost,
    outlook.projected_lower,
    outlook.projected_upper,
    outlook.projected_lower_95,
    outlook.projected_upper_95,
    case
        when projection_basis = 'complete' then case when billed_to_date > amount then 1.0 else 0.0 end
        else outlook.exceed_probability
    end as exceed_probability,
    projection_basis,
    cast(amount - billed_to_date as decimal(38, 12)) as remaining_amount,
    cast(least(amount - billed_to_date, coalesce(capped.cap_remaining, amount - billed_to_date)) as decimal(38, 12))
        as available_amount,
    case when capped.cap_remaining < amount - billed_to_date then capped.capped_by end as capped_by,
    -- Without any money, the first cent is all of it.
    coalesce(
        cast(billed_to_date as double) / nullif(cast(amount as double), 0), case when billed_to_date > 0 then 1 else 0 end
    ) as used_ratio,
    coalesce(
        cast(projected_cost as double) / nullif(cast(amount as double), 0), case when projected_cost > 0 then 1 else 0 end
    ) as projected_ratio,
    (cast(billed_to_date as double) / nullif(cast(amount as double), 0))
    / nullif(cast(billed_days as double) / period_days, 0) as burn_rate_ratio,
    {%- for days in windows %}
    cast(last_{{ days }}_days_cost as double) / least({{ days }}, run_rate_days)
    / nullif(cast(amount as double) / period_days, 0) as burn_rate_ratio_{{ days }}d,
    {%- endfor %}
    case
        when exhausted.exhausted_on is not null then exhausted.exhausted_on
        when
            projection_basis = 'run_rate' and last_28_days_cost > 0
            and {{ days_to_spend }} <= {{ days_between('billed_through', 'period_end') }}
            then {{ add_days('billed_through', days_to_spend) }}
    end as exhaustion_date,
    cast(crossed.threshold_crossed as double) as threshold_crossed,
    crossed.threshold_crossed_on,
    case
        when billed_to_date >= amount and billed_to_date > 0 then 'over'
        when projected_cost > amount then 'at_risk'
        else 'on_track'
    end as status
from finished
left join exhausted on finished.budget_id = exhausted.budget_id
left join crossed on finished.budget_id = crossed.budget_id
left join capped on finished.budget_id = capped.budget_id
left join outlook on finished.budget_id = outlook.budget_id
