-- Each day's usage against the same weekday in the four weeks before.
{% set scopes = ['team', 'app', 'model'] %}

with usage as (
    select *
    from {{ ref('int_usage__daily') }}
    where
        is_attributable and price_status = 'priced'
        and usage_date >= (select {{ add_days('min(usage_date)', -28) }} from {{ ref('int_guardrail__day') }})
),

usage_days as (
    {% for scope in scopes %}
    select '{{ scope }}' as scope_type, {{ scope }} as scope_value, currency, usage_date, sum(estimated_cost) as cost
    from usage
    where {{ scope }} is not null
    group by 1, 2, 3, 4
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

compared as (
    select
        newest.scope_type,
        newest.scope_value,
        newest.currency,
        newest.usage_date,
        newest.cost,
        {{ median_amount('earlier.cost') }} as typical_cost,
        count(*) as weeks
    from usage_days as newest
    inner join usage_days as earlier
        on
            newest.scope_type = earlier.scope_type
            and newest.scope_value = earlier.scope_value
            and newest.currency = earlier.currency
            and earlier.usage_date in (
                {%- for weeks in [1, 2, 3, 4] %}
                {{ add_days('newest.usage_date', -7 * weeks) }}{{ ',' if not loop.last }}
                {%- endfor %}
            )
    group by 1, 2, 3, 4, 5
),

-- A day without a call has no row: it used nothing, which is not twice of anything, and ends what stood.
told as (
    select
        'usage_doubled' as kind,
        compared.scope_type,
        compared.scope_value,
        compared.currency,
        compared.cost,
        compared.typical_cost,
        days.*
    from compared
    inner join {{ ref('int_guardrail__day') }} as days on compared.usage_date = days.usage_date
    -- One week says nothing about what is typical, and nothing is twice nothing.
    where compared.weeks >= 2 and compared.typical_cost > 0
)

select
    kind,
    scope_type,
    scope_value,
    cast(null as string) as subject,
    cast(usage_date as string) as period,
    starts_at as period_starts_at,
    ends_at as period_ends_at,
    'estimated_cost' as metric,
    'currency' as unit,
    cost as value,
    typical_cost as reference,
    currency,
    cost - typical_cost as increase_amount,
    usage_through as data_through,
    is_usage_reconciled as is_reconciled,
    usage_known_from as known_from,
    usage_known_to as known_to,
    is_last_whole_day as is_current
from told
