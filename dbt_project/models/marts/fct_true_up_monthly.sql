-- Closed months and everything that moved them afterwards: the amount at the close, then one row per later change, with
-- the delivery that caused it and the month in which it is reported.
{% set dimensions = ['provider_name', 'billing_period_start', 'sub_account_id', 'service_name', 'billing_currency'] %}

with changes as (
    select
        changes.*,
        changes.changed_at is null or changes.changed_at <= changes.closed_at as is_closing
    from {{ ref('int_history__change') }} as changes
    cross join {{ ref('stg_config__setting') }} as settings
    where changes.due_to_close_at <= settings.as_of
),

closing as (
    select
        {{ dimensions | join(', ') }}, closed_at,
        'closing' as row_kind,
        cast(null as string) as source_id,
        cast(null as string) as snapshot_id,
        cast(null as timestamp) as submitted_at,
        billing_period_start as reported_month,
        sum(billed_cost) as billed_cost,
        sum(effective_cost) as effective_cost,
        sum(row_count) as charge_count_change
    from changes
    where is_closing
    group by all
    having sum(row_count) <> 0
),

true_ups as (
    select
        {{ dimensions | join(', ') }}, closed_at,
        'true_up' as row_kind,
        source_id,
        snapshot_id,
        changed_at as submitted_at,
        {{ month_of('changed_at') }} as reported_month,
        sum(billed_cost) as billed_cost,
        sum(effective_cost) as effective_cost,
        sum(row_count) as charge_count_change
    from changes
    where not is_closing
    group by all
    having sum(billed_cost) <> 0 or sum(effective_cost) <> 0 or sum(row_count) <> 0
),

every_row as (
    select * from closing
    union all
    select * from true_ups
)

select
    {{ dimensions | join(', ') }},
    row_kind,
    cast(
        row_number() over (
            partition by {{ dimensions | join(', ') }} order by submitted_at nulls first, source_id, snapshot_id
        ) - case when min(row_kind) over (partition by {{ dimensions | join(', ') }}) = 'closing' then 1 else 0 end
        as bigint
    ) as true_up_number,
    closed_at,
    source_id,
    snapshot_id,
    submitted_at,
    reported_month,
    cast(billed_cost as decimal(38, 12)) as billed_cost,
    cast(effective_cost as decimal(38, 12)) as effective_cost,
    cast(charge_count_change as bigint) as charge_count_change
from every_row
