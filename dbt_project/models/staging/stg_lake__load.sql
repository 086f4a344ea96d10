-- Complete loads. Where a past day is rebuilt (setting known_at), only those that count for it:
--   landed     loads that were complete by then
--   delivered  loads whose answers of APIs had been asked for by then; files are judged by stg_lake__snapshot
-- Every reader of the lake goes through this model or that one, so all of them know the same.
with complete as (
    select
        load_id,
        min({{ utc_from_text('inserted_at') }}) as loaded_at
    from {{ source('lake_loads', 'load') }}
    where load_id is not null and status = 0
    group by load_id
),

asked as (
    select load_id, max(cast(requested_at as timestamp)) as requested_at
    from {{ lake_files('landing__window') }} as windows
    group by load_id
)

select
    complete.load_id,
    complete.loaded_at,
    asked.requested_at
from complete
left join asked on complete.load_id = asked.load_id
cross join {{ ref('stg_config__setting') }} as settings
where
    settings.known_at is null
    or (settings.known_basis = 'landed' and complete.loaded_at <= settings.known_at)
    or (
        settings.known_basis = 'delivered'
        and (asked.requested_at is null or asked.requested_at <= settings.known_at)
    )
