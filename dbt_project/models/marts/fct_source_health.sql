-- How every source is: how old its newest data is, and what should be there and is not. An export owes every month from
-- its first one, an API every hour from its first window; a plain file owes nothing.
with settings as (
    select * from {{ ref('stg_config__setting') }}
),

months as (
    select distinct source_id, scope, period_start
    from {{ ref('stg_lake__snapshot') }}
    where period_start is not null
),

month_spans as (
    select
        months.source_id,
        months.scope,
        coalesce({{ month_of('max(sources.expected_from)') }}, min(months.period_start)) as first_month,
        -- A month's first export comes on its second or third day.
        {{ month_of(add_days('max(settings.as_of_date)', -3)) }} as last_month
    from months
    cross join settings
    left join {{ source('config', 'source') }} as sources on months.source_id = sources.source_id
    group by 1, 2
),

calendar as (
    {{ every_day(
        '(select min(first_month) from month_spans)', '(select max(last_month) from month_spans)'
    ) }}
),

expected_months as (
    select
        spans.source_id,
        spans.scope,
        calendar.date_day as period_start,
        months.period_start is null as is_missing
    from month_spans as spans
    inner join calendar
        on
            calendar.date_day between spans.first_month and spans.last_month
            and calendar.date_day = {{ month_of('calendar.date_day') }}
    left join months
        on
            spans.source_id = months.source_id
            and spans.scope = months.scope
            and calendar.date_day = months.period_start
),

windows as (
    select
        landed.*,
        max(landed.window_end) over (
            partition by landed.source_id, landed.table_name, landed.scope
            order by landed.window_start, landed.window_end
            rows between unbounded preceding and 1 preceding
        ) as covered_until,
        cast(sources.expected_from as timestamp) as expected_from
    from {{ ref('stg_lake__window') }} as landed
    left join {{ source('config', 'source') }} as sources on landed.source_id = sources.source_id
),

window_gaps as (
    select
        source_id, table_name, scope,
        coalesce(covered_until, expected_from) as gap_start,
        window_start as gap_end
    from windows
    where window_start > coalesce(covered_until, expected_from)
),

window_spans as (
    select
        source_id, table_name, scope,
        {{ hours_between('least(min(window_start), coalesce(min(expected_from), min(window_start)))', 'max(window_end)') }}
            as hours
    from windows
    group by 1, 2, 3
),

missing as (
    select source_id, scope || ': ' || {{ time_as_text('period_start', "'%Y-%m'") }} as what, 1 as amount
    from expected_months
    where is_missing
    union all
    select
        source_id,
        scope || ': ' || {{ time_as_text('gap_start', "'%Y-%m-%dT%H:%MZ'") }} || ' to '
        || {{ time_as_text('gap_end', "'%Y-%m-%dT%H:%MZ'") }} as what,
        {{ hours_between('gap_start', 'gap_end') }} as amount
    from window_gaps
),

missing_by_source as (
    select source_id, {{ text_list('what') }} as missing, count(*) as missing_count, round(sum(amount), 2) as amount
    from missing
    group by 1
),

expected as (
    select source_id, 'month' as unit, cast(count(*) as double) as expected_count from expected_months group by 1
    union all
    -- To the minute: parts of hours add up to different last digits in different orders.
    select source_id, 'hour' as unit, round(sum(hours), 2) as expected_count from window_spans group by 1
),

-- A source of one kind only: what has a period or a window is told by it, else files are counted.
deliveries as (
    select source_id, max(submitted_at) as newest_data_at, max(landed_at) as last_landed_at, count(*) as file_count
    from {{ ref('stg_lake__snapshot') }}
    group by 1
    union all
    select source_id, max(window_end), max(requested_at), 0 from windows group by 1
),

delivered as (
    select
        source_id,
        max(newest_data_at) as newest_data_at,
        max(last_landed_at) as last_landed_at,
        sum(file_count) as file_count
    from deliveries
    group by 1
),

rejected as (
    select source_id, count(*) as rejected_rows from {{ ref('fct_rejected_row') }} group by 1
),

every_source as (
    select source_id from {{ source('config', 'source') }}
    union
    select source_id from delivered
),

measured as (
    select
        every_source.source_id,
        sources.type as source_type,
        sources.source_id is not null as is_configured,
        coalesce(sources.is_enabled, false) as is_enabled,
        delivered.newest_data_at,
        {{ add_seconds('settings.as_of', '-3600 * sources.freshness_hours') }} as expected_newest_at,
        greatest(0, {{ hours_between('delivered.newest_data_at', 'settings.as_of') }}) as lag_hours,
        sources.freshness_hours,
        delivered.last_landed_at,
        coalesce(expected.unit, case when delivered.file_count > 0 then 'file' end) as unit,
        coalesce(expected.expected_count, delivered.file_count, 0) as expected_count,
        coalesce(expected.expected_count, delivered.file_count, 0) - coalesce(missing_by_source.amount, 0) as landed_count,
        coalesce(missing_by_source.missing_count, 0) as missing_count,
        coalesce(missing_by_source.missing, '[]') as missing,
        coalesce(rejected.rejected_rows, 0) as rejected_rows
    from every_source
    cross join settings
    left join {{ source('config', 'source') }} as sources on every_source.source_id = sources.source_id
    left join delivered on every_source.source_id = delivered.source_id
    left join (
        select source_id, min(unit) as unit, max(expected_count) as expected_count from expected group by 1
    ) as expected on every_source.source_id = expected.source_id
    left join missing_by_source on every_source.source_id = missing_by_source.source_id
    left join rejected on every_source.source_id = rejected.source_id
)

select
    source_id,
    source_type,
    is_configured,
    is_enabled,
    case
        when not is_enabled then 'disabled'
        when newest_data_at is null then 'missing'
        when lag_hours > freshness_hours then 'late'
        when missing_count > 0 then 'incomplete'
        else 'fresh'
    end as status,
    newest_data_at,
    expected_newest_at,
    cast(lag_hours as double) as lag_hours,
    freshness_hours,
    last_landed_at,
    unit,
    cast(expected_count as double) as expected_count,
    cast(landed_count as double) as landed_count,
    missing_count,
    missing,
    rejected_rows
from measured
