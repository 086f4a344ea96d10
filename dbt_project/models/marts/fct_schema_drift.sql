select
    source_id, table_name, series, column_name, change, contract, expected_type, found_type, x_file, outcome, remedy, first_seen_date
from {{ ref('stg_lake__schema_drift') }}
