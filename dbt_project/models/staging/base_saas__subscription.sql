-- Subscriptions of the current files and tables. One subscription and start may be delivered twice (a copy with other
-- rows, a file beside a table): the newest delivery counts, the others are listed as refused.
select
    landed.source_id,
    landed.snapshot_id,
    landed.load_id,
    landed.load_file,
    landed.load_row,
    landed.x_file,
    cast(landed.x_row as bigint) as x_row,
    landed.subscription_id,
    landed.vendor,
    landed.product,
    landed.service_category,
    cast(landed.seats as bigint) as seats,
    {{ amount_from_text('landed.unit_price') }} as unit_price,
    landed.currency,
    landed.billing_cadence,
    case landed.billing_cadence when 'monthly' then 1 when 'quarterly' then 3 when 'annual' then 12 end as cadence_months,
    cast(landed.start_date as date) as start_date,
    cast(landed.end_date as date) as end_date,
    cast(landed.cancelled_on as date) as cancelled_on,
    {{ amount_from_text('landed.refund_amount') }} as refund_amount,
    landed.tags,
    row_number() over (
        partition by landed.subscription_id, landed.start_date
        order by snapshots.submitted_at desc, landed.load_id desc, landed.x_file desc, landed.x_row desc
    ) as delivery_number
from {{ lake('saas__subscription') }} as landed
inner join {{ ref('stg_lake__snapshot') }} as snapshots
    on
        landed.load_id = snapshots.load_id
        and landed.snapshot_id = snapshots.snapshot_id
        and landed.source_id = snapshots.source_id
        and snapshots.table_name = 'saas__subscription'
