-- How long answers took on a day. Percentiles are exact, each the time of a call that there was. Azure Monitor has means and
-- the longest only: they are of the deployment, in all its models.
-- depends_on: {{ ref('int_usage__summed') }}
{{ config(**in_days_of_calls('usage_date')) }}

with timed as (
    select
        usage_date,
        service_key,
        count(answered_milliseconds) as timed_request_count,
        avg(answered_milliseconds) as mean_milliseconds,
        {%- for share in ['0.5', '0.95', '0.99'] %}
        {{ quantile_of('answered_milliseconds', share) }} as p{{ (share | float * 100) | round | int }}_milliseconds,
        {%- endfor %}
        max(answered_milliseconds) as longest_milliseconds,
        count(first_token_milliseconds) as first_token_request_count,
        avg(first_token_milliseconds) as mean_first_token_milliseconds,
        {{ quantile_of('first_token_milliseconds', '0.5') }} as p50_first_token_milliseconds,
        {{ quantile_of('first_token_milliseconds', '0.95') }} as p95_first_token_milliseconds
    from {{ ref('int_service__call') }}
    where {{ is_in_days_of_calls('used_at') }}
    group by usage_date, service_key
)

select
    timed.usage_date,
    {{ service_columns('services') | join(', ') }},
    timed.timed_request_count,
    timed.mean_milliseconds,
    timed.p50_milliseconds,
    timed.p95_milliseconds,
    timed.p99_milliseconds,
    timed.longest_milliseconds,
    timed.first_token_request_count,
    timed.mean_first_token_milliseconds,
    timed.p50_first_token_milliseconds,
    timed.p95_first_token_milliseconds
from timed
inner join {{ services_by() }} as services on timed.service_key = services.service_key
