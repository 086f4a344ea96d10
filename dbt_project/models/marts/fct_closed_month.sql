-- Every closed month of every provider: what it closed with, what has moved it since, what it is now.
with known_snapshots as (
    select distinct provider_name, billing_period_start, source_id, snapshot_id, closed_at, changed_at
    from {{ ref('int_history__change') }}
    where is_start and changed_at <= closed_at
),

-- Of each source, scope and month the state that counted at the close.
closing_states as (
    select distinct known_snapshots.provider_name, known_snapshots.billing_period_start, known_snapshots.snapshot_id
    from known_snapshots
    inner join {{ ref('int_history__snapshot') }} as snapshots
        on
            known_snapshots.source_id = snapshots.source_id
            and known_snapshots.snapshot_id = snapshots.snapshot_id
            and known_snapshots.changed_at = snapshots.valid_from
    where snapshots.valid_to is null or snapshots.valid_to > known_snapshots.closed_at
),

states as (
    select
        provider_name,
        billing_period_start,
        {{ text_list('snapshot_id') }} as snapshot_ids,
        count(*) as snapshot_count
    from closing_states
    group by 1, 2
),

known as (
    select
        provider_name, billing_period_start, min(first_known_at) as first_known_at, max(due_to_close_at) as due_to_close_at
    from {{ ref('int_history__change') }}
    group by 1, 2
)

select
    months.provider_name,
    months.billing_period_start,
    {{ add_months('months.billing_period_start', 1) }} as billing_period_end,
    months.billing_currency,
    months.closed_at,
    case
        when known.first_known_at is null then 'current_only'
        when known.first_known_at > known.due_to_close_at then 'first_known'
        else 'known_at_close'
    end as closing_basis,
    coalesce(states.snapshot_ids, '[]') as snapshot_ids,
    coalesce(states.snapshot_count, 0) as snapshot_count,
    cast(coalesce(sum(months.billed_cost) filter (where months.row_kind = 'closing'), 0) as decimal(38, 12))
        as closing_billed_cost,
    cast(coalesce(sum(months.effective_cost) filter (where months.row_kind = 'closing'), 0) as decimal(38, 12))
        as closing_effective_cost,
    count(*) filter (where months.row_kind = 'true_up') as true_up_count,
    cast(coalesce(sum(months.billed_cost) filter (where months.row_kind = 'true_up'), 0) as decimal(38, 12))
        as true_up_billed_cost,
    cast(coalesce(sum(months.effective_cost) filter (where months.row_kind = 'true_up'), 0) as decimal(38, 12))
        as true_up_effective_cost,
    max(months.submitted_at) as last_true_up_at,
    cast(sum(months.billed_cost) as decimal(38, 12)) as current_billed_cost,
    cast(sum(months.effective_cost) as decimal(38, 12)) as current_effective_cost
from {{ ref('fct_true_up_monthly') }} as months
inner join known
    on months.provider_name = known.provider_name and months.billing_period_start = known.billing_period_start
left join states
    on months.provider_name = states.provider_name and months.billing_period_start = states.billing_period_start
group by 1, 2, 3, 4, 5, 6, 7, 8
