-- Rows of FOCUS files and exports, of the current snapshots, as delivered: read as their source's settings say.
{{ config(materialized='view') }}

with current_rows as (
    select
        landed.*,
        snapshots.source_id,
        snapshots.snapshot_id
    from {{ lake('focus__cost_and_usage') }} as landed
    inner join {{ ref('stg_lake__snapshot') }} as snapshots
        on landed.load_id = snapshots.load_id and snapshots.table_name = 'focus__cost_and_usage'
)

select
    {{ stable_id(['landed.load_file', 'landed.load_row']) }} as charge_id,
    landed.load_id,
    landed.load_file,
    landed.load_row,
    landed.source_id,
    landed.snapshot_id,
    landed.x_file,
    coalesce(cast(landed.x_row as bigint), landed.load_row + 1) as x_row,
    {%- for column in focus_text_columns() %}
    {{ focus_delivered(column) }} as {{ column }},
    {%- endfor %}
    case
        when reading.billing_currency is not null and {{ given('landed.BillingCurrency') }} is null then 'BillingCurrency'
    end as x_repairs
from current_rows as landed
left join {{ source('config', 'focus_source') }} as reading on landed.source_id = reading.source_id
