select source_id, table_name, x_file, x_row, column_name, reason, remedy, raw_row
from {{ ref('stg_lake__rejected') }}
union all
select
    refused.source_id,
    -- Bills of other formats than FOCUS are refused here too: the table that their rows came from.
    coalesce(tables.table_name, 'focus__cost_and_usage') as table_name,
    refused.x_file, refused.x_row, refused.column_name, refused.reason, refused.remedy, refused.raw_row
from {{ ref('stg_focus__rejected') }} as refused
left join {{ ref('base_focus__cost_and_usage') }} as charges on refused.charge_id = charges.charge_id
left join (
    select load_id, min(table_name) as table_name from {{ ref('stg_lake__snapshot') }} group by 1 having count(distinct table_name) = 1
) as tables on charges.load_id = tables.load_id
union all
select source_id, table_name, x_file, x_row, column_name, reason, remedy, raw_row
from {{ ref('stg_outcomes__rejected') }}
union all
select source_id, table_name, x_file, x_row, column_name, reason, remedy, raw_row
from {{ ref('stg_saas__rejected') }}
union all
select source_id, table_name, x_file, x_row, column_name, reason, remedy, raw_row
from {{ ref('stg_usage__rejected') }}
