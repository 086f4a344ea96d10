{{ config(materialized='view') }}

-- Outcomes that say neither when nor what, or not how many: they cannot be divided by. And those of a day and owner that
-- another row told again.
select
    source_id,
    'outcomes__record' as table_name,
    x_file,
    x_row,
    coalesce(missing_column, 'outcome') as column_name,
    case
        when missing_column is not null then missing_column || ' is missing'
        else outcome || ' of ' || cast(outcome_date as string) || ' and this owner is there again in row '
            || cast(counting_row as string) || ' of ' || counting_file || ', which counts'
    end as reason,
    case
        when missing_column is not null then 'Fill it in and deliver it again'
        else 'Deliver one row per day, outcome, team, app, feature and model'
    end as remedy,
    concat_ws(
        '; ',
        'outcome_date=' || cast(outcome_date as string),
        'outcome=' || outcome,
        'team=' || team,
        'app=' || app,
        'feature=' || feature,
        'model=' || model,
        'quantity=' || {{ amount_as_text('quantity') }},
        'value_amount=' || {{ amount_as_text('value_amount') }},
        'currency=' || currency
    ) as raw_row
from {{ ref('base_outcomes__record') }}
where delivery_number > 1 or missing_column is not null
