-- Objectives of units.yml by day: requests that kept to them and that did not, and how much of the error budget of the window
-- up to the day is burned. Usage that is told twice counts once: only attributable requests are judged.
{% set dimensions = ['team', 'app', 'model'] %}

with roles as (
    select
        objective_id
        {%- for dimension in dimensions %},
        max(case when dimension = '{{ dimension }}' then 1 else 0 end) as has_{{ dimension }}
        {%- endfor %}
    from {{ source('config', 'service_level_dimension') }}
    group by objective_id
),

requests as (
    select usage_date, team, app, model, sum(request_count) as request_count, sum(error_count) as error_count
    from {{ ref('int_usage__daily') }}
    where is_attributable and source in {{ service_sources() }}
    group by 1, 2, 3, 4
),

{% set matches_of = {'of_requests': '(select distinct team, app, model from requests)',
    'of_calls': '(select distinct usage_key, team, app, model from ' ~ ref('int_usage__meaning') ~ ')'} %}
{% for name, relation in matches_of.items() %}
{{ name }} as (
    select levels.objective_id, asked.*
    from {{ source('config', 'service_level') }} as levels
    cross join {{ relation }} as asked
    left join roles on levels.objective_id = roles.objective_id
    {%- for dimension in dimensions %}
    left join {{ source('config', 'service_level_dimension') }} as only_{{ dimension }}
        on
            levels.objective_id = only_{{ dimension }}.objective_id
            and only_{{ dimension }}.dimension = '{{ dimension }}'
            and lower(asked.{{ dimension }}) = lower(only_{{ dimension }}.value)
    {%- endfor %}
    where
        true
        {%- for dimension in dimensions %}
        and (coalesce(roles.has_{{ dimension }}, 0) = 0 or only_{{ dimension }}.objective_id is not null)
        {%- endfor %}
),
{% endfor %}

judged as (
    select
        requests.usage_date,
        levels.objective_id,
        'availability' as aspect,
        cast(null as bigint) as latency_target_milliseconds,
        levels.availability_target_ratio as target_ratio,
        sum(requests.request_count) as request_count,
        sum(requests.error_count) as bad_request_count
    from requests
    inner join of_requests on {{ agree_in('requests', 'of_requests', dimensions) }}
    inner join {{ source('config', 'service_level') }} as levels
        on of_requests.objective_id = levels.objective_id and levels.availability_target_ratio is not null
    group by 1, 2, 3, 4, 5

    union all

    select
        calls.usage_date,
        levels.objective_id,
        'latency' as aspect,
        levels.latency_target_milliseconds,
        levels.latency_target_ratio as target_ratio,
        count(*) as request_count,
        sum(case when calls.answered_milliseconds > levels.latency_target_milliseconds then 1 else 0 end)
            as bad_request_count
    from {{ ref('int_service__call') }} as calls
    inner join of_calls on calls.usage_key = of_calls.usage_key
    inner join {{ source('config', 'service_level') }} as levels
        on of_calls.objective_id = levels.objective_id and levels.latency_target_ratio is not null
    where calls.answered_milliseconds is not null
    group by 1, 2, 3, 4, 5
),

-- Windows of each objective's own length: a join, because a frame has one length for all.
windows as (
    select
        days.usage_date,
        days.objective_id,
        days.aspect
        {%- for name, number in {'window': '-levels.window_days', '7d': '-7', '28d': '-28'}.items() %}
        {%- for count in ['request_count', 'bad_request_count'] %},
        sum(case when earlier.usage_date > {{ add_days('days.usage_date', number) }} then earlier.{{ count }} else 0 end)
            as {{ count }}_{{ name }}
        {%- endfor %}
        {%- endfor %}
    from judged as days
    inner join {{ source('config', 'service_level') }} as levels on days.objective_id = levels.objective_id
    inner join judged as earlier
        on
            days.objective_id = earlier.objective_id
            and days.aspect = earlier.aspect
            and earlier.usage_date <= days.usage_date
            and earlier.usage_date > {{ add_days('days.usage_date', '-greatest(levels.window_days, 28)') }}
    group by 1, 2, 3
)

select
    judged.usage_date,
    judged.objective_id,
    levels.objective_name,
    judged.aspect,
    judged.latency_target_milliseconds,
    cast(judged.target_ratio as decimal(18, 6)) as target_ratio,
    judged.usage_date < settings.as_of_date as is_complete,
    cast(judged.request_count as bigint) as request_count,
    cast(judged.bad_request_count as bigint) as bad_request_count,
    {{ ratio('judged.request_count - judged.bad_request_count', 'judged.request_count') }} as good_ratio,
    levels.window_days,
    cast(windows.request_count_window as bigint) as window_request_count,
    cast(windows.bad_request_count_window as bigint) as window_bad_request_count,
    {{ ratio('windows.request_count_window - windows.bad_request_count_window', 'windows.request_count_window') }}
        as window_good_ratio,
    cast({{ error_budget('windows.request_count_window', 'judged.target_ratio') }} as double) as window_error_budget,
    {{ ratio('windows.bad_request_count_window', error_budget('windows.request_count_window', 'judged.target_ratio')) }} as budget_burned_ratio,
    {{ ratio('judged.bad_request_count', error_budget('judged.request_count', 'judged.target_ratio')) }} as burn_rate_1d,
    {{ ratio('windows.bad_request_count_7d', error_budget('windows.request_count_7d', 'judged.target_ratio')) }} as burn_rate_7d,
    {{ ratio('windows.bad_request_count_28d', error_budget('windows.request_count_28d', 'judged.target_ratio')) }} as burn_rate_28d,
    windows.bad_request_count_window <= {{ error_budget('windows.request_count_window', 'judged.target_ratio') }} as is_met
from judged
inner join windows on {{ agree_in('judged', 'windows', ['usage_date', 'objective_id', 'aspect']) }}
inner join {{ source('config', 'service_level') }} as levels on judged.objective_id = levels.objective_id
cross join {{ ref('stg_config__setting') }} as settings
where judged.request_count > 0
