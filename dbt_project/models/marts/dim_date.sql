-- Every day from the first fact to a year after the month of the report, with the organisation's fiscal calendar: a
-- fiscal year carries the number of the year it ends in (finops.periods.FiscalCalendar).
with bounds as (
    select
        least(
            coalesce((select min(usage_date) from {{ ref('int_cost__union') }}), settings.as_of_date),
            coalesce((select min(usage_date) from {{ ref('int_usage__daily') }}), settings.as_of_date),
            settings.as_of_date
        ) as first_day,
        settings.as_of_date,
        settings.fiscal_year_first_month as first_month
    from {{ ref('stg_config__setting') }} as settings
),

days as (
    {{ every_day(
        '(select ' ~ month_of('first_day') ~ ' from bounds)', '(select ' ~ add_days(add_months(month_of('as_of_date'), 13), -1) ~ ' from bounds)'
    ) }}
),

numbered as (
    select
        days.date_day,
        cast(extract(year from days.date_day) as bigint) as year_number,
        cast(extract(month from days.date_day) as bigint) as month_number,
        bounds.first_month,
        bounds.as_of_date
    from days
    cross join bounds
)

select
    date_day,
    year_number,
    month_number,
    {{ month_of('date_day') }} as month_start,
    {{ time_as_text('date_day', "'%Y-%m'") }} as year_month,
    {{ iso_weekday('date_day') }} as iso_weekday,
    {{ iso_weekday('date_day') }} >= 6 as is_weekend,
    year_number + case when first_month > 1 and month_number >= first_month then 1 else 0 end as fiscal_year,
    cast(floor(((month_number - first_month + 12) % 12) / 3) as bigint) + 1 as fiscal_quarter,
    (month_number - first_month + 12) % 12 + 1 as fiscal_month,
    date_day <= as_of_date as is_past
from numbered
