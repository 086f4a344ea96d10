-- Each training's days with the same part of it, all of them together exactly its cost; days to come are there too.
with trainings as (
    select * from {{ ref('int_amortisation__training') }} where method = 'straight_line'
),

days as (
    {{ every_day('(select min(training_date) from trainings)', '(select max(ends_before) from trainings)') }}
),

spread as (
    select
        trainings.*,
        days.date_day as usage_date,
        cast(1 as bigint) as weight_units,
        cast({{ days_between('trainings.training_date', 'trainings.ends_before') }} as bigint) as total_units
    from trainings
    inner join days on days.date_day >= trainings.training_date and days.date_day < trainings.ends_before
)

{{ split_exactly(
    relation='spread', key='training_key', measures=['training_effective_cost', 'training_estimated_cost'],
    carry=['training_key', 'amortisation_id', 'usage_date', 'currency'], order_by='usage_date'
) }}
