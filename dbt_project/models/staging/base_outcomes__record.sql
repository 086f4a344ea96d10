-- Outcomes of the current files and tables. A day's outcome of one owner may be delivered twice (a copy, a correction in a
-- file beside the first, a repeated line): the newest delivery counts, in one file the last line.
select
    landed.source_id,
    landed.x_file,
    cast(landed.x_row as bigint) as x_row,
    cast(landed.outcome_date as date) as outcome_date,
    landed.outcome,
    {{ given('landed.team') }} as team,
    {{ given('landed.app') }} as app,
    {{ given('landed.feature') }} as feature,
    {{ given('landed.model') }} as model,
    cast(landed.quantity as decimal(38, 12)) as quantity,
    cast(landed.quality_score as decimal(38, 12)) as quality_score,
    cast(landed.value_amount as decimal(38, 12)) as value_amount,
    {{ given('landed.currency') }} as currency,
    case
        when landed.outcome_date is null then 'outcome_date'
        when landed.outcome is null then 'outcome'
        when landed.quantity is null then 'quantity'
    end as missing_column,
    row_number() over own as delivery_number,
    first_value(landed.x_file) over own as counting_file,
    first_value(cast(landed.x_row as bigint)) over own as counting_row
from {{ lake('outcomes__record') }} as landed
inner join {{ ref('stg_lake__snapshot') }} as snapshots
    on
        landed.load_id = snapshots.load_id
        and landed.snapshot_id = snapshots.snapshot_id
        and landed.source_id = snapshots.source_id
        and snapshots.table_name = 'outcomes__record'
window own as (
    partition by
        landed.source_id, cast(landed.outcome_date as date), landed.outcome, {{ given('landed.team') }},
        {{ given('landed.app') }}, {{ given('landed.feature') }}, {{ given('landed.model') }}
    order by
        case when landed.quantity is null then 1 else 0 end, snapshots.submitted_at desc, landed.load_id desc, landed.x_file desc, cast(landed.x_row as bigint) desc
)
