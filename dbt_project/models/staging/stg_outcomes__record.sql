{{ config(materialized='view') }}

select
    source_id, x_file, x_row, outcome_date, outcome, team, app, feature, model, quantity, quality_score, value_amount, currency
from {{ ref('base_outcomes__record') }}
where delivery_number = 1 and missing_column is null
