-- The delivered states of bills that count in the history of months. Of managed exports only those that counted after the
-- month was closed: what happens to an open month is no history.
with closing as (
    select
        settings.close_after_days,
        least(settings.close_after_days, coalesce(min(rules.close_after_days), settings.close_after_days)) as first_close
    from {{ ref('stg_config__setting') }} as settings
    left join {{ source('config', 'closing_rule') }} as rules on true
    group by settings.close_after_days
)

select snapshots.*
from {{ ref('int_history__snapshot') }} as snapshots
cross join closing
where
    snapshots.valid_to is null
    or snapshots.period_start is null
    or snapshots.valid_to > cast({{ add_days(add_months('snapshots.period_start', 1), 'closing.first_close') }} as timestamp)
