-- What subscriptions bill on which day, straight from the raw rows and by a way of its own (months are counted, billing
-- dates derived from them), for fct_reconciliation_daily: an error in base_saas__term cannot hide in both.
with landed as (
    select
        raw_rows.subscription_id,
        raw_rows.start_date,
        raw_rows.end_date,
        raw_rows.cancelled_on,
        raw_rows.vendor,
        raw_rows.currency,
        raw_rows.billing_cadence,
        raw_rows.seats * cast(raw_rows.unit_price as decimal(28, 12)) as price,
        cast(raw_rows.refund_amount as decimal(28, 12)) as refund,
        {{ time_as_text('snapshots.submitted_at', "'%Y-%m-%d %H:%M:%S.%f'") }} || raw_rows.load_id || raw_rows.x_file as delivery
    from {{ lake('saas__subscription') }} as raw_rows
    inner join {{ ref('stg_lake__snapshot') }} as snapshots
        on
            raw_rows.load_id = snapshots.load_id
            and raw_rows.snapshot_id = snapshots.snapshot_id
            and snapshots.table_name = 'saas__subscription'
),

newest as (
    select subscription_id, start_date, max(delivery) as delivery from landed group by 1, 2
),

months as (
    select date_day as month_start
    from (
        {{ every_day(
            '(select ' ~ month_of('min(start_date)') ~ ' from landed)', '(select last_day from ' ~ ref('base_saas__horizon') ~ ')'
        ) }}
    )
    where extract(day from date_day) = 1
),

dated as (
    select
        landed.*,
        least(
            {{ add_days('months.month_start', 'extract(day from landed.start_date) - 1') }},
            {{ add_days(add_months('months.month_start', 1), -1) }}
        ) as billed_on,
        row_number() over (
            partition by landed.subscription_id, landed.start_date, landed.delivery order by months.month_start
        ) - 1 as month_number
    from landed
    inner join newest
        on
            landed.subscription_id = newest.subscription_id
            and landed.start_date = newest.start_date
            and landed.delivery = newest.delivery
    inner join months on months.month_start >= {{ month_of('landed.start_date') }}
),

billed as (
    select *
    from dated
    where
        month_number % case billing_cadence when 'monthly' then 1 when 'quarterly' then 3 else 12 end = 0
        and billed_on <= (select last_day from {{ ref('base_saas__horizon') }})
        and (end_date is null or billed_on <= end_date)
        and (cancelled_on is null or billed_on < cancelled_on)
)

select vendor as provider_name, billed_on as usage_date, currency as billing_currency,
    cast(price as decimal(38, 12)) as billed_cost
from billed

union all

select vendor as provider_name, cancelled_on as usage_date, currency as billing_currency,
    cast(-min(refund) as decimal(38, 12)) as billed_cost
from billed
where
    refund is not null
    and cancelled_on <= (select last_day from {{ ref('base_saas__horizon') }})
    -- Of a subscription that ended by itself nothing comes back: its last period was over.
    and (end_date is null or cancelled_on <= {{ add_days('end_date', 1) }})
group by subscription_id, start_date, vendor, cancelled_on, currency
