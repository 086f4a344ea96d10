{{ config(materialized='view') }}

select
    source_id,
    'saas__subscription' as table_name,
    x_file,
    x_row,
    'subscription_id' as column_name,
    subscription_id || ' from ' || cast(start_date as string) || ' was delivered again, later' as reason,
    'Keep each subscription in one file or table' as remedy,
    concat_ws(
        '; ',
        'subscription_id=' || subscription_id,
        'seats=' || cast(seats as string),
        'unit_price=' || {{ amount_as_text('unit_price') }},
        'start_date=' || cast(start_date as string)
    ) as raw_row
from {{ ref('base_saas__subscription') }}
where delivery_number > 1
