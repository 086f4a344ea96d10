-- What each hour cost per team and app, until the next hour with cost takes its place, at most a day.
{% set scopes = ['team', 'app'] %}

with usage as (
    select *
    from {{ ref('int_usage__priced') }}
    where
        is_attributable and price_status = 'priced'
        and usage_date >= (select min(usage_date) from {{ ref('int_guardrail__day') }})
        and usage_hour < (select {{ hour_of('as_of') }} from {{ ref('stg_config__setting') }})
),

hours as (
    {% for scope in scopes %}
    select '{{ scope }}' as scope_type, {{ scope }} as scope_value, currency, usage_hour, sum(estimated_cost) as cost
    from usage
    where {{ scope }} is not null
    group by 1, 2, 3, 4
    having sum(estimated_cost) > 0
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

followed as (
    select
        *,
        lead(usage_hour) over (partition by scope_type, scope_value, currency order by usage_hour) as next_hour
    from hours
)

select
    'hourly_use' as kind,
    followed.scope_type,
    followed.scope_value,
    cast(null as string) as subject,
    {{ time_as_text('followed.usage_hour', "'%Y-%m-%dT%H'") }} as period,
    followed.usage_hour as period_starts_at,
    {{ add_seconds('followed.usage_hour', 3600) }} as period_ends_at,
    'estimated_cost' as metric,
    'currency' as unit,
    followed.cost as value,
    cast(null as decimal(38, 12)) as reference,
    followed.currency,
    followed.cost as increase_amount,
    {{ add_seconds('followed.usage_hour', 3600) }} as data_through,
    true as is_reconciled,
    {{ add_seconds('followed.usage_hour', 3600 + 3600 * var('usage_delay_hours')) }} as known_from,
    least(
        coalesce(
            {{ add_seconds('followed.next_hour', 3600 + 3600 * var('usage_delay_hours')) }},
            {{ add_seconds('followed.usage_hour', 25 * 3600 + 3600 * var('usage_delay_hours')) }}
        ),
        {{ add_seconds('followed.usage_hour', 25 * 3600 + 3600 * var('usage_delay_hours')) }}
    ) as known_to,
    followed.next_hour is null and followed.usage_hour >= {{ add_seconds('settings.as_of', -25 * 3600) }} as is_current
from followed
cross join {{ ref('stg_config__setting') }} as settings
