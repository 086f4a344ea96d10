-- One row per invoice issuer and billing period. A month is closed 72 hours after its end, when providers have delivered it,
-- and final on the fifth day after: corrections come in later periods from then on.
with periods as (
    select
        coalesce(invoice_issuer_name, delivered_provider_name, service_provider_name, host_provider_name, provider_name)
            as invoice_issuer_name,
        cast(billing_period_start as timestamp) as billing_period_start,
        cast(billing_period_end as timestamp) as billing_period_end,
        source_id,
        load_id,
        count(*) as charge_count
    from {{ ref('base_focus__cost_and_usage') }}
    where rejected_column is null
    group by 1, 2, 3, 4, 5
),

-- The first delivery of a month, also of those that newer ones replaced.
first_seen as (
    select source_id, cast(period_start as date) as period_start, min(cast(submitted_at as timestamp)) as submitted_at
    from {{ lake('landing__snapshot') }} as landed
    where period_start is not null
    group by 1, 2
),

snapshots as (
    select load_id, source_id, max(submitted_at) as submitted_at
    from {{ ref('stg_lake__snapshot') }}
    group by 1, 2
),

-- A bill that an API told has no snapshot; when its load was complete says when it was seen.
delivered as (
    select
        periods.invoice_issuer_name,
        periods.billing_period_start,
        periods.billing_period_end,
        min(least(
            coalesce(first_seen.submitted_at, snapshots.submitted_at, loads.loaded_at),
            coalesce(snapshots.submitted_at, loads.loaded_at)
        )) as created_at,
        max(coalesce(snapshots.submitted_at, loads.loaded_at)) as last_delivered_at,
        sum(periods.charge_count) as charge_count
    from periods
    left join snapshots on periods.load_id = snapshots.load_id and periods.source_id = snapshots.source_id
    left join first_seen
        on
            periods.source_id = first_seen.source_id
            and cast(periods.billing_period_start as date) = first_seen.period_start
    left join {{ ref('stg_lake__load') }} as loads on periods.load_id = loads.load_id
    group by 1, 2, 3
),

judged as (
    select
        delivered.*,
        {{ add_seconds('delivered.billing_period_end', 72 * 3600) }} as closes_at,
        {{ add_seconds('delivered.billing_period_end', 5 * 86400) }} as final_at,
        settings.as_of
    from delivered
    cross join {{ ref('stg_config__setting') }} as settings
)

select
    cast(coalesce(created_at, billing_period_start) as timestamp) as billing_period_created,
    billing_period_end,
    -- The record changes twice: when it is made, and when the period closes.
    cast(case
        when as_of >= closes_at then greatest(coalesce(created_at, billing_period_start), closes_at)
        else coalesce(created_at, billing_period_start)
    end as timestamp) as billing_period_last_updated,
    billing_period_start,
    case when as_of >= closes_at then 'Closed' else 'Open' end as billing_period_status,
    invoice_issuer_name,
    cast(closes_at as timestamp) as x_closes_at,
    cast(final_at as timestamp) as x_final_at,
    as_of >= final_at as x_is_final,
    cast(last_delivered_at as timestamp) as x_last_delivered_at,
    cast(charge_count as bigint) as x_charge_count
from judged
