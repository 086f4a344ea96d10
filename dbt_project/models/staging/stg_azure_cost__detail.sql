-- Rows of Azure's actual and amortised cost datasets of the current snapshots, with the part that each plays:
--   plain       the same charge is in both datasets
--   covered     usage that a reservation or savings plan covers, or left unused: free in the actual dataset, at its share
--               of the commitment in the amortised one
--   commitment  bought, exchanged or refunded reservations and savings plans: only in the actual dataset
-- What a load said does not change, so each is read once; again only where it counts as another delivery than before.
{{ config(**told_by_load('load_id', reads={
    'stg_bill__snapshot': "case when table_name = 'azure_cost__detail' then load_id else 'of other tables' end",
    'azure_cost__detail': none,
    'stg_lake__load': none,
})) }}

with current_rows as (
    select
        landed.*,
        snapshots.source_id,
        snapshots.delivery_id,
        snapshots.delivery_kind
    from {{ lake('azure_cost__detail') }} as landed
    inner join {{ ref('stg_bill__snapshot') }} as snapshots
        on landed.load_id = snapshots.load_id and snapshots.table_name = 'azure_cost__detail'
    where {{ is_told_load('landed.load_id') }}
),

cleaned as (
    select
        {{ stable_id(['load_file', 'load_row']) }} as charge_id,
        load_id,
        load_file,
        load_row,
        source_id,
        delivery_id,
        delivery_kind,
        x_file,
        cast(x_row as bigint) as x_row,
        x_dataset as dataset,
        {%- for column in azure_cost_columns() %}
        {{ given(column) }} as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from current_rows
),

dated as (
    select
        *,
        {{ day_from_text(adapter.quote('Date')) }} as usage_date,
        {{ day_from_text('BillingPeriodStartDate') }} as period_first_day,
        {{ day_from_text('BillingPeriodEndDate') }} as period_last_day,
        lower(ChargeType) as charge_type,
        lower(replace(PricingModel, ' ', '')) as pricing_model,
        coalesce(lower(ConsumedService) in ('microsoft.capacity', 'microsoft.billingbenefits'), false)
            as is_commitment_service
    from cleaned
),

judged as (
    select
        *,
        coalesce({{ month_of('period_first_day') }}, {{ month_of('usage_date') }}) as billing_month_start,
        coalesce(charge_type in ('purchase', 'refund'), false) as is_bought,
        coalesce(charge_type in ('unusedreservation', 'unusedsavingsplan'), false) as is_unused,
        -- Older EA files have no PricingModel: what the charge belongs to says it.
        coalesce(
            pricing_model in ('reservation', 'savingsplan'), ReservationId is not null or BenefitId is not null, false
        ) as is_committed
    from dated
)

select
    *,
    case
        when is_bought and (is_committed or is_commitment_service) then 'commitment'
        when is_unused or (is_committed and charge_type = 'usage') then 'covered'
        else 'plain'
    end as charge_role
from judged
