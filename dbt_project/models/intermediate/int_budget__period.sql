-- Budgets that hold on the day of the report, with the period that contains it and what may be spent in it, but for what
-- the period before left over. The day of the report is the one of the budget's time zone.
select
    budget_id,
    scope_type,
    scope_value,
    period,
    currency,
    tier,
    owner,
    valid_from,
    time_zone,
    roll_over_at_most,
    as_of_date,
    period_start,
    period_end,
    previous_start,
    base_amount,
    increase_amount,
    unreleased_amount
from {{ ref('int_budget__period_daily') }}
where is_reported
