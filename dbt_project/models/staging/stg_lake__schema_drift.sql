-- Columns that are not what they were: each change of a series of deliveries once, where it was first seen.
select
    source_id,
    table_name,
    series,
    column_name,
    change,
    min_by(contract, landed_at) as contract,
    min_by(expected_type, landed_at) as expected_type,
    min_by(found_type, landed_at) as found_type,
    min_by(x_file, landed_at) as x_file,
    min_by(outcome, landed_at) as outcome,
    min_by(remedy, landed_at) as remedy,
    cast(min(landed_at) as date) as first_seen_date
from {{ lake('landing__schema_drift') }} as landed
where change <> 'baseline'
group by 1, 2, 3, 4, 5
