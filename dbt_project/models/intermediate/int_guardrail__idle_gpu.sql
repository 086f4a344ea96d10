-- Money of GPU machines that nobody used, per team that bears it, of all money of the machines.
with charges as (
    select usage_date, billing_currency as currency, team, coalesce(resource_name, resource_id) as machine, is_idle,
        effective_cost
    from {{ ref('int_cost__union') }}
    where {{ is_one_of('driver', gpu_drivers() | list) }} and resource_id is not null
),

machines as (
    select usage_date, currency, machine, sum(effective_cost) as cost
    from charges
    group by 1, 2, 3
    having sum(effective_cost) > 0
),

borne as (
    select
        usage_date, currency, machine, team,
        sum(case when is_idle then effective_cost else 0 end) as idle_cost
    from charges
    where team is not null
    group by 1, 2, 3, 4
),

newest as (
    select max(days.usage_date) as usage_date
    from {{ ref('int_guardrail__day') }} as days
    where days.bill_known_from is not null
)

select
    'idle_gpu' as kind,
    'team' as scope_type,
    borne.team as scope_value,
    borne.machine as subject,
    cast(borne.usage_date as string) as period,
    days.starts_at as period_starts_at,
    days.ends_at as period_ends_at,
    'idle_effective_cost' as metric,
    'currency' as unit,
    borne.idle_cost as value,
    machines.cost as reference,
    borne.currency,
    borne.idle_cost as increase_amount,
    days.ends_at as data_through,
    true as is_reconciled,
    days.bill_known_from as known_from,
    days.bill_known_to as known_to,
    days.usage_date = newest.usage_date as is_current
from borne
inner join machines
    on
        borne.usage_date = machines.usage_date
        and borne.currency = machines.currency
        and borne.machine = machines.machine
inner join {{ ref('int_guardrail__day') }} as days
    on borne.usage_date = days.usage_date and days.bill_known_from is not null
cross join newest
