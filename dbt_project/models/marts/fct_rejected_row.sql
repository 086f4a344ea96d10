select source_id, table_name, x_file, x_row, column_name, reason, remedy, raw_row
from {{ ref('stg_lake__rejected') }}
union all
select source_id, 'focus__cost_and_usage' as table_name, x_file, x_row, column_name, reason, remedy, raw_row
from {{ ref('stg_focus__rejected') }}
union all
select source_id, table_name, x_file, x_row, column_name, reason, remedy, raw_row
from {{ ref('stg_usage__rejected') }}
