{# An asset check of the model named here: Dagster shows a test of several models nowhere otherwise. #}
{{ config(meta={'dagster': {'ref': {'name': 'fct_training_amortisation_daily'}}}) }}

-- All days of a straight line cost what its training did, to the last digit; usage uses up no more than what is there, and what
-- is used up and what is left are the training. Training whose days are nowhere is missing here too.
with trainings as (
    select
        amortisation_id,
        method,
        currency,
        coalesce(sum(training_effective_cost), 0) as effective_cost,
        coalesce(sum(training_estimated_cost), 0) as estimated_cost,
        coalesce(sum(amortised_effective_cost), 0) as amortised_effective_cost,
        coalesce(sum(amortised_estimated_cost), 0) as amortised_estimated_cost
    from {{ ref('fct_training_balance') }}
    group by 1, 2, 3
),

days as (
    select
        amortisation_id,
        currency,
        sum(training_effective_cost) as effective_cost,
        sum(training_estimated_cost) as estimated_cost
    from {{ ref('fct_training_amortisation_daily') }}
    group by 1, 2
)

select trainings.amortisation_id, trainings.currency, 'effective' as basis
from trainings
left join days on trainings.amortisation_id = days.amortisation_id and trainings.currency = days.currency
where
    coalesce(days.effective_cost, 0)
    <> case when trainings.method = 'straight_line' then trainings.effective_cost else trainings.amortised_effective_cost end

union all

select trainings.amortisation_id, trainings.currency, 'estimated' as basis
from trainings
left join days on trainings.amortisation_id = days.amortisation_id and trainings.currency = days.currency
where
    coalesce(days.estimated_cost, 0)
    <> case when trainings.method = 'straight_line' then trainings.estimated_cost else trainings.amortised_estimated_cost end
