select
    load_id,
    min({{ utc_from_text('inserted_at') }}) as loaded_at
from {{ source('lake_loads', 'load') }}
where load_id is not null and status = 0
group by load_id
