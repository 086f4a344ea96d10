-- Windows of time that APIs were asked for, of complete loads.
select
    source_id,
    table_name,
    scope,
    cast(window_start as timestamp) as window_start,
    cast(window_end as timestamp) as window_end,
    max(cast(requested_at as timestamp)) as requested_at,
    max_by(cast(row_count as bigint), requested_at) as row_count
from {{ lake('landing__window') }} as landed
group by 1, 2, 3, 4, 5
