-- Units of an Azure bill that another delivery tells as well, and which of the deliveries counts. In this order:
--   what covers the whole subscription before an export of one resource group; what Azure delivers before plain files;
--   what is still being delivered before what stopped; the wider billing scope (it has the purchases and credits that
--   belong to no subscription); FOCUS before cost details before API answers; the newest.
with units as (
    select
        coverage.*,
        snapshots.source_id,
        snapshots.delivery_id,
        snapshots.delivery_kind,
        snapshots.billing_scope,
        snapshots.scope_width,
        snapshots.scope_width = 1 as is_resource_group,
        snapshots.period_start is null as is_file,
        snapshots.submitted_at,
        -- An answer without a billing account is of the account that another delivery names for the subscription.
        coalesce(
            nullif(coverage.account_key, ''),
            case
                when coverage.sub_account_key <> ''
                    then max(nullif(coverage.account_key, '')) over (
                        partition by coverage.sub_account_key, coverage.billing_month
                    )
            end,
            ''
        ) as matched_account_key
    from {{ ref('stg_bill__coverage') }} as coverage
    inner join {{ ref('stg_bill__snapshot') }} as snapshots on coverage.load_id = snapshots.load_id
),

deliveries as (
    select
        delivery_id,
        matched_account_key,
        sub_account_key,
        billing_month,
        min(delivery_kind) as delivery_kind,
        min(billing_scope) as billing_scope,
        max(scope_width) as scope_width,
        bool_or(is_resource_group) as is_resource_group,
        bool_or(is_file) as is_file,
        max(submitted_at) as submitted_at
    from units
    group by delivery_id, matched_account_key, sub_account_key, billing_month
),

compared as (
    select
        *,
        max(scope_width) over (partition by matched_account_key, sub_account_key, billing_month) as widest,
        max(case when not is_file then submitted_at end) over (
            partition by matched_account_key, sub_account_key, billing_month
        ) as newest_submitted_at,
        {{ utc_from_text("billing_month || '-01'") }} as billing_month_start
    from deliveries
),

ranked as (
    select
        *,
        row_number() over same_unit as delivery_rank,
        first_value(delivery_id) over same_unit as kept_delivery_id,
        first_value(delivery_kind) over same_unit as kept_delivery_kind,
        first_value(billing_scope) over same_unit as kept_billing_scope
    from (
        select
            *,
            -- Exports of two resource groups complete each other, and so do the charges without a subscription of two
            -- invoice sections.
            case
                when widest = 1 or (sub_account_key = '' and widest < 5) then billing_scope else ''
            end as part_key,
            not is_file
            -- A run of the last closing day is final.
            and submitted_at < {{ add_days(add_months('billing_month_start', 1), closing_days() - 1) }}
            and submitted_at < {{ add_days('newest_submitted_at', -3) }} as has_stopped
        from compared
    ) as parted
    window same_unit as (
        partition by matched_account_key, sub_account_key, billing_month, part_key
        order by
            is_resource_group,
            is_file,
            coalesce(has_stopped, false),
            scope_width desc,
            case delivery_kind
                when 'focus_export' then 0 when 'cost_export' then 1 when 'cost_report' then 2 when 'cost_query' then 3
                when 'focus_file' then 4 else 5
            end,
            submitted_at desc,
            delivery_id
    )
)

select
    units.load_id,
    units.source_id,
    units.delivery_kind,
    units.billing_scope,
    units.account_key,
    units.sub_account_key,
    units.billing_month,
    units.billing_currency,
    units.row_count,
    units.billed_cost,
    ranked.kept_delivery_id,
    ranked.kept_delivery_kind,
    ranked.kept_billing_scope
from units
inner join ranked
    on
        units.delivery_id = ranked.delivery_id
        and units.matched_account_key = ranked.matched_account_key
        and units.sub_account_key = ranked.sub_account_key
        and units.billing_month = ranked.billing_month
where ranked.delivery_rank > 1
