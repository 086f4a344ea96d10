-- Usage by the hour: the newest week as it was, beside what was last expected of each hour before it was over, and the next
-- 48 hours as they are expected. Cost at list price; an hour that is running is in neither.
{% set keys = ['usage_hour', 'scope_type', 'scope_value', 'currency'] %}
{% set bounds = ['expected', 'lower', 'upper', 'lower_95', 'upper_95'] %}
{% set measures = {
    'cost': ['decimal(38, 12)', 'decimal(38, 12)'], 'tokens': ['bigint', 'double'], 'requests': ['bigint', 'double']
} %}

with settings as (
    select as_of, {{ add_days('as_of_date', -7) }} as first_day from {{ ref('stg_config__setting') }}
),

actual as (
    select
        {% for key in keys %}hourly.{{ key }}, {% endfor %}
        hourly.cost as actual_cost,
        hourly.tokens as actual_tokens,
        hourly.request_count as actual_requests
    from {{ ref('int_signals__hourly_usage') }} as hourly
    cross join settings
    where
        hourly.usage_hour >= cast(settings.first_day as timestamp)
        and {{ hours_between('hourly.usage_hour', 'settings.as_of') }} >= 1
),

newest as (
    select currency, max(usage_hour) as usage_hour from actual group by currency
),

expected as (
    select * from {{ source('ml_running', 'forecast_hourly') }}
),

-- What was expected of a scope in an hour without usage is beside 0, where the hour is known.
both_kinds as (
    select
        {% for key in keys %}coalesce(actual.{{ key }}, expected.{{ key }}) as {{ key }},
        {% endfor %}
        {%- for measure in measures %}
        actual.actual_{{ measure }},
        {%- for bound in bounds %}
        expected.{{ bound }}_{{ measure }},
        {%- endfor %}
        {%- endfor %}
        expected.as_of
    from actual
    full join expected on {% for key in keys %}{{ 'and ' if not loop.first }}actual.{{ key }} = expected.{{ key }} {% endfor %}
)

select
    {% for key in keys %}both_kinds.{{ key }},
    {% endfor %}
    {%- for measure, kinds in measures.items() %}
    cast(
        case when both_kinds.usage_hour <= newest.usage_hour then coalesce(both_kinds.actual_{{ measure }}, 0) end as {{ kinds[0] }}
    ) as actual_{{ measure }},
    {%- for bound in bounds %}
    cast(both_kinds.{{ bound }}_{{ measure }} as {{ kinds[1] }}) as {{ bound }}_{{ measure }},
    {%- endfor %}
    {%- endfor %}
    {{ hours_between('both_kinds.usage_hour', 'settings.as_of') }} < 1 as is_future,
    cast(both_kinds.as_of as timestamp) as as_of
from both_kinds
left join newest on both_kinds.currency = newest.currency
cross join settings
