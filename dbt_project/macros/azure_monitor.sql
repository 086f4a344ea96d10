{#
  What Azure Monitor says about the load of deployments, one row per deployment and moment. A value without any point is
  null: that nothing was said is not that nothing happened. Two generations of names tell of the same thing; the older
  one is read first.
#}
{% macro deployment_load(relation, moment, moment_name) -%}
    {%- set names = {
        'requests': ['azureopenairequests', 'modelrequests'],
        'input': ['processedprompttokens', 'inputtokens'],
        'output': ['generatedtokens', 'outputtokens'],
        'utilization': provisioned_metrics(),
        'first': ['azureopenaitimetoresponse', 'timetoresponse'],
        'last': ['azureopenaittltinms', 'timetolastbyte'],
    } %}
    {%- set status = json_member('dimensions', "'$.StatusCode'") %}
    {%- set spilled = "lower(" ~ json_member('dimensions', "'$.IsSpillover'") ~ ") = 'true'" %}
with points as (
    select
        {{ moment }} as {{ moment_name }},
        resource_id,
        deployment_name,
        lower(metric_name) as metric_name,
        lower(aggregation) as aggregation,
        model_name,
        {{ status }} as status_code,
        {{ spilled }} as is_spillover,
        value
    from {{ relation }}
    where deployment_name is not null
),

loads as (
    select
        {{ moment_name }},
        resource_id,
        deployment_name,
        max(model_name) as reported_model,
        {%- for column, metric, condition in [
            ('request_count', 'requests', none),
            ('failed_request_count', 'requests', matches('status_code', "'^[45]'")),
            ('throttled_request_count', 'requests', "status_code = '429'"),
            ('spillover_request_count', 'requests', 'is_spillover'),
            ('input_tokens', 'input', none),
            ('output_tokens', 'output', none),
        ] %}
        {%- set counted -%}
            coalesce(
            {%- for name in names[metric] %}
            sum({% if condition %}case when {{ condition }} then value else 0 end{% else %}value{% endif %})
                filter (where metric_name = '{{ name }}'){{ ',' if not loop.last }}
            {%- endfor %}
            )
        {%- endset %}
        {{ whole_number(counted) }} as {{ column }},
        {%- endfor %}
        avg(value) filter (
            where metric_name = 'azureopenaicontexttokenscachematchrate' and aggregation = 'average'
        ) / 100.0 as cache_match_ratio,
        {%- for column, metric, aggregation, divisor in [
            ('provisioned_utilization_ratio', 'utilization', 'average', '100.0'),
            ('highest_provisioned_utilization_ratio', 'utilization', 'maximum', '100.0'),
            ('first_token_milliseconds', 'first', 'average', '1'),
            ('longest_first_token_milliseconds', 'first', 'maximum', '1'),
            ('last_token_milliseconds', 'last', 'average', '1'),
            ('longest_last_token_milliseconds', 'last', 'maximum', '1'),
        ] %}
        coalesce(
            {%- for name in names[metric] %}
            {{ 'avg' if aggregation == 'average' else 'max' }}(value)
                filter (where metric_name = '{{ name }}' and aggregation = '{{ aggregation }}'){{ ',' if not loop.last }}
            {%- endfor %}
        ) / {{ divisor }} as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from points
    group by 1, 2, 3
)

select
    {{ moment_name }},
    resource_id,
    deployment_name,
    reported_model,
    request_count,
    failed_request_count,
    throttled_request_count,
    spillover_request_count,
    input_tokens,
    output_tokens,
    cast(cache_match_ratio as double) as cache_match_ratio,
    cast(provisioned_utilization_ratio as double) as provisioned_utilization_ratio,
    cast(highest_provisioned_utilization_ratio as double) as highest_provisioned_utilization_ratio,
    cast(first_token_milliseconds as double) as first_token_milliseconds,
    cast(longest_first_token_milliseconds as double) as longest_first_token_milliseconds,
    cast(last_token_milliseconds as double) as last_token_milliseconds,
    cast(longest_last_token_milliseconds as double) as longest_last_token_milliseconds
from loads
{%- endmacro %}

{# Metrics that only provisioned deployments have, in lower case. #}
{% macro provisioned_metrics() -%}
    {{ return(['azureopenaiprovisionedmanagedutilizationv2', 'provisionedutilization']) }}
{%- endmacro %}
