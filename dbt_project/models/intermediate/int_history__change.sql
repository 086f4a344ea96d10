-- Everything that ever moved a month: a state of a bill that began to count, and one that stopped. Bills that are not
-- kept as snapshots have one state, the present one, which has always counted.
with states as (
    select
        amounts.*,
        snapshots.valid_to,
        snapshots.ended_by
    from {{ ref('int_history__amount') }} as amounts
    inner join {{ ref('int_history__snapshot') }} as snapshots
        on
            amounts.source_id = snapshots.source_id
            and amounts.table_name = snapshots.table_name
            and amounts.snapshot_id = snapshots.snapshot_id
            and amounts.snapshot_period is not distinct from snapshots.period_start
            and amounts.valid_from = snapshots.valid_from
),

without_history as (
    select
        charges.source_id,
        charges.provider_name,
        charges.billing_period_start,
        charges.sub_account_id,
        charges.service_name,
        charges.billing_currency,
        sum(charges.billed_cost) as billed_cost,
        sum(charges.effective_cost) as effective_cost,
        count(*) as row_count
    from {{ ref('stg_focus__cost_and_usage') }} as charges
    where
        charges.load_id not in (
            select snapshots.load_id from {{ ref('stg_lake__snapshot') }} as snapshots
            where snapshots.table_name = 'focus__cost_and_usage'
        )
    group by 1, 2, 3, 4, 5, 6
),

{% set dimensions = ['provider_name', 'billing_period_start', 'sub_account_id', 'service_name', 'billing_currency'] %}
changes as (
    select
        source_id, {{ dimensions | join(', ') }}, snapshot_id, valid_from as changed_at, true as is_start,
        billed_cost, effective_cost, row_count
    from states

    union all

    select
        source_id, {{ dimensions | join(', ') }}, ended_by as snapshot_id, valid_to as changed_at, false as is_start,
        -billed_cost, -effective_cost, -row_count
    from states
    where valid_to is not null

    union all

    select
        source_id, {{ dimensions | join(', ') }}, null as snapshot_id, null as changed_at, true as is_start,
        billed_cost, effective_cost, row_count
    from without_history
),

first_known as (
    select provider_name, billing_period_start, min(changed_at) as first_known_at
    from changes
    group by 1, 2
)

select
    changes.source_id,
    {%- for dimension in dimensions %}
    changes.{{ dimension }},
    {%- endfor %}
    {{ add_months('changes.billing_period_start', 1) }} as billing_period_end,
    changes.snapshot_id,
    changes.changed_at,
    changes.is_start,
    cast({{ add_days(
        add_months('changes.billing_period_start', 1), 'coalesce(rules.close_after_days, settings.close_after_days)'
    ) }} as timestamp) as due_to_close_at,
    first_known.first_known_at,
    -- A month that was unknown when it should have closed closes with what is known a day after its first delivery: the
    -- back-fill of several exports takes its time, and is no correction.
    greatest(
        cast({{ add_days(
            add_months('changes.billing_period_start', 1), 'coalesce(rules.close_after_days, settings.close_after_days)'
        ) }} as timestamp),
        case
            when
                first_known.first_known_at > cast({{ add_days(
                    add_months('changes.billing_period_start', 1),
                    'coalesce(rules.close_after_days, settings.close_after_days)'
                ) }} as timestamp)
                then {{ add_seconds('first_known.first_known_at', '86400') }}
        end
    ) as closed_at,
    changes.billed_cost,
    changes.effective_cost,
    changes.row_count
from changes
inner join first_known
    on
        changes.provider_name = first_known.provider_name
        and changes.billing_period_start = first_known.billing_period_start
cross join {{ ref('stg_config__setting') }} as settings
left join {{ source('config', 'closing_rule') }} as rules on changes.provider_name = rules.provider_name
