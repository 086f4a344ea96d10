{# Which delivered states of files count: in the models of the whole lake, and for a slice of usage in a part of it. #}

{# Rows of landing__snapshot, with how long each was the newest of its scope and period. #}
{% macro snapshot_versions(landing__snapshot) -%}
with deliveries as (
    select
        landed.*,
        cast(landed.submitted_at as timestamp) as made_at
    from {{ landing__snapshot }} as landed
    cross join {{ ref('stg_config__setting') }} as settings
    where
        settings.known_at is null
        or settings.known_basis = 'landed'
        or cast(landed.submitted_at as timestamp) <= settings.known_at
)

select
    load_id,
    source_id,
    table_name,
    scope,
    cast(period_start as date) as period_start,
    cast(period_end as date) as period_end,
    snapshot_id,
    made_at as submitted_at,
    format_version,
    cast(row_count as bigint) as row_count,
    cast(file_count as bigint) as file_count,
    cast(byte_count as bigint) as byte_count,
    cast(landed_at as timestamp) as landed_at,
    lead(made_at) over (
        partition by source_id, table_name, scope, period_start order by submitted_at, load_id
    ) as superseded_at,
    lead(snapshot_id) over (
        partition by source_id, table_name, scope, period_start order by submitted_at, load_id
    ) as superseded_by
from deliveries
{%- endmacro %}

{# Of snapshot_versions(), those that count now. #}
{% macro current_snapshots(versions) -%}
with by_content as (
    select
        *,
        row_number() over (
            partition by source_id, table_name, snapshot_id, period_start, case when period_start is not null then scope end
            order by submitted_at desc, load_id desc
        ) as content_age
    from {{ versions }}
    where superseded_at is null
)

select
    load_id,
    source_id,
    table_name,
    scope,
    period_start,
    period_end,
    snapshot_id,
    submitted_at,
    format_version,
    row_count,
    file_count,
    byte_count,
    landed_at
from by_content
where content_age = 1
{%- endmacro %}
