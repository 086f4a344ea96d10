-- What each hour cost per team and app. An hour counts for as long as a weekend between two working days, so that what ran when
-- nobody worked can be added up.
{% set hours_kept = 72 %}
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
)

select
    'hourly_use' as kind,
    hours.scope_type,
    hours.scope_value,
    cast(null as string) as subject,
    {{ time_as_text('hours.usage_hour', "'%Y-%m-%dT%H'") }} as period,
    hours.usage_hour as period_starts_at,
    {{ add_seconds('hours.usage_hour', 3600) }} as period_ends_at,
    'estimated_cost' as metric,
    'currency' as unit,
    hours.cost as value,
    cast(null as decimal(38, 12)) as reference,
    hours.currency,
    hours.cost as increase_amount,
    {{ add_seconds('hours.usage_hour', 3600) }} as data_through,
    true as is_reconciled,
    {{ add_seconds('hours.usage_hour', 3600 + 3600 * var('usage_delay_hours')) }} as known_from,
    {{ add_seconds('hours.usage_hour', 3600 * (1 + hours_kept) + 3600 * var('usage_delay_hours')) }} as known_to,
    hours.usage_hour >= {{ add_seconds('settings.as_of', -3600 * hours_kept) }} as is_current
from hours
cross join {{ ref('stg_config__setting') }} as settings
