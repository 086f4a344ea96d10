{{ config(materialized='view') }}

select
    source_id,
    snapshot_id,
    load_id,
    load_file,
    load_row,
    x_file,
    x_row,
    subscription_id,
    vendor,
    product,
    service_category,
    seats,
    unit_price,
    cast(seats * unit_price as decimal(38, 12)) as period_price,
    currency,
    billing_cadence,
    cadence_months,
    start_date,
    end_date,
    cancelled_on,
    refund_amount,
    tags
from {{ ref('base_saas__subscription') }}
where delivery_number = 1
