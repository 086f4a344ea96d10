-- Tokens per team, app and model: of each whole day, and of each day so far by the hour.
{% set scopes = ['team', 'app', 'model'] %}

with settings as (
    select * from {{ ref('stg_config__setting') }}
),

usage as (
    select
        usage.*,
        token_class in ('output', 'reasoning') or token_class like 'output%' as is_output
    from {{ ref('int_usage__priced') }} as usage
    where
        is_attributable
        and usage_date >= (select min(usage_date) from {{ ref('int_guardrail__day') }})
        and usage_hour < (select {{ hour_of('as_of') }} from settings)
),

hours as (
    {% for scope in scopes %}
    select
        '{{ scope }}' as scope_type, {{ scope }} as scope_value, usage_date, usage_hour, min(currency) as currency,
        sum(tokens) as total_tokens,
        sum(case when is_output then tokens else 0 end) as output_tokens,
        coalesce(sum(estimated_cost), 0) as total_cost,
        coalesce(sum(case when is_output then estimated_cost end), 0) as output_cost
    from usage
    where {{ scope }} is not null
    group by 1, 2, 3, 4
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

so_far as (
    select
        scope_type, scope_value, usage_date, usage_hour,
        {{ add_seconds('usage_hour', 3600) }} as data_through,
        max(currency) over day_so_far as currency,
        sum(total_tokens) over day_so_far as total_tokens,
        sum(output_tokens) over day_so_far as output_tokens,
        sum(total_cost) over day_so_far as total_cost,
        sum(output_cost) over day_so_far as output_cost,
        lead(usage_hour) over (partition by scope_type, scope_value order by usage_hour) as next_hour,
        lead(usage_hour) over (partition by scope_type, scope_value, usage_date order by usage_hour) is null as is_whole
    from hours
    window day_so_far as (
        partition by scope_type, scope_value, usage_date order by usage_hour
        rows between unbounded preceding and current row
    )
),

metrics as (
    {% for metric in ['output', 'total'] %}
    select
        so_far.*, '{{ metric }}_tokens_day' as metric, {{ metric }}_tokens as tokens, {{ metric }}_cost as cost
    from so_far
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    'tokens' as kind,
    metrics.scope_type,
    metrics.scope_value,
    cast(null as string) as subject,
    cast(metrics.usage_date as string) as period,
    days.starts_at as period_starts_at,
    days.ends_at as period_ends_at,
    metrics.metric,
    'tokens' as unit,
    cast(metrics.tokens as decimal(38, 12)) as value,
    cast(null as decimal(38, 12)) as reference,
    coalesce(metrics.currency, settings.reporting_currency) as currency,
    cast(metrics.cost as decimal(38, 12)) as increase_amount,
    metrics.data_through,
    days.is_usage_reconciled as is_reconciled,
    {{ add_seconds('metrics.data_through', 3600 * var('usage_delay_hours')) }} as known_from,
    least(
        coalesce(
            {{ add_seconds('metrics.next_hour', 3600 + 3600 * var('usage_delay_hours')) }}, days.usage_known_to
        ),
        days.usage_known_to
    ) as known_to,
    metrics.is_whole and metrics.usage_date >= {{ add_days('settings.as_of_date', -1) }} as is_current
from metrics
inner join {{ ref('int_guardrail__day') }} as days on metrics.usage_date = days.usage_date
cross join settings
