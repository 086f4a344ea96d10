-- Every change of what the bill said a day cost, with the moment from which it was known: late days, restated ones, days that
-- were taken back. Amounts are those of then; which of them are AI, and whose, is what is known now.
-- The first state of a month may be a back-fill, and bills that are no snapshots say nothing of when they were known: their
-- days count as known bill_delay_hours after they end. Deliveries are seen together by the run at the end of their hour.
{% set cell = ['provider_name', 'usage_date', 'sub_account_id', 'service_name', 'billing_currency'] %}

with settings as (
    select as_of, as_of_date from {{ ref('stg_config__setting') }}
),

states as (
    select
        *,
        row_number() over (partition by source_id, scope, period_start order by valid_from, load_id) = 1 as is_first
    from {{ ref('int_history__snapshot') }}
    where period_start is not null
),

amounts as (
    select
        states.valid_from,
        states.valid_to,
        states.is_first,
        {{ add_seconds(
            'cast(' ~ add_days('amounts.usage_date', 1) ~ ' as timestamp)', 3600 * var('bill_delay_hours')
        ) }} as typically_known_from,
        {% for column in cell %}amounts.{{ column }}, {% endfor %}
        amounts.effective_cost
    from states
    inner join {{ ref('int_guardrail__bill_state') }} as amounts
        on states.source_id = amounts.source_id and states.load_id = amounts.load_id
),

started_and_ended as (
    select
        {{ cell | join(', ') }},
        case when is_first then least(valid_from, typically_known_from) else valid_from end as known_from,
        is_first and typically_known_from < valid_from as is_assumed,
        effective_cost as cost
    from amounts
    union all
    select {{ cell | join(', ') }}, valid_to as known_from, false as is_assumed, -effective_cost as cost
    from amounts
    where valid_to is not null
),

delivered as (
    select
        {{ cell | join(', ') }}, {{ seen_by_a_run('known_from') }} as known_from, bool_or(is_assumed) as is_assumed,
        sum(cost) as cost
    from started_and_ended
    cross join settings
    group by {{ cell | join(', ') }}, {{ seen_by_a_run('known_from') }}
    having sum(cost) <> 0
),

final_amounts as (
    select {{ cell | join(', ') }}, sum(cost) as final_cost
    from delivered
    group by {{ cell | join(', ') }}
    having sum(cost) <> 0
),

now_known as (
    select {{ cell | join(', ') }}, sum(effective_cost) as final_cost
    from {{ ref('int_cost__union') }}
    cross join settings
    where usage_date <= settings.as_of_date
    group by {{ cell | join(', ') }}
),

never_delivered as (
    select now_known.*
    from now_known
    left join final_amounts on {{ agree_in('now_known', 'final_amounts', cell) }}
    where final_amounts.final_cost is null and now_known.final_cost <> 0
)

select
    {% for column in cell %}delivered.{{ column }}, {% endfor %}
    delivered.known_from,
    delivered.is_assumed,
    cast(delivered.cost as decimal(38, 12)) as billed_delta,
    -- Of the day's amount as it is known now: what parts of it are scaled by. In whole units, because engines disagree on
    -- the last digits of doubles, and those are digits of money once they are multiplied.
    cast(
        {{ unit_price('abs(delivered.cost)', 'abs(final_amounts.final_cost)') }}
        * cast(sign(delivered.cost) * sign(final_amounts.final_cost) as decimal(1, 0))
        as decimal(38, 12)
    ) as share_delta
from delivered
inner join final_amounts on {{ agree_in('delivered', 'final_amounts', cell) }}

union all

select
    {{ cell | join(', ') }},
    least(
        {{ add_seconds('cast(' ~ add_days('usage_date', 1) ~ ' as timestamp)', 3600 * var('bill_delay_hours')) }}, settings.as_of
    ) as known_from,
    true as is_assumed,
    cast(final_cost as decimal(38, 12)) as billed_delta,
    cast(1 as decimal(38, 12)) as share_delta
from never_delivered
cross join settings
