-- Usage by hour and meaning.
{{ config(**in_days_of_usage('usage_date')) }}

with summed as (
    select
        meanings.meaning_key,
        usage.usage_hour,
        {{ largest_not_above('meanings.context_steps', 'usage.context_step') }} as context_tier,
        {%- for class in token_classes() %}
        cast(sum(usage.{{ class }}) as bigint) as {{ class }},
        {%- endfor %}
        cast(sum(usage.request_count) as bigint) as request_count,
        cast(sum(usage.error_count) as bigint) as error_count
    from {{ ref('int_usage__summed') }} as usage
    inner join {{ ref('int_usage__meaning') }} as meanings on usage.usage_key = meanings.usage_key
    where {{ is_in_days_of_usage('usage.usage_hour') }}
    group by 1, 2, 3
),

accounts as (
    select distinct meaning_key, resource_id, is_call_level from {{ ref('int_usage__meaning') }}
),

-- Accounts whose calls are told one by one that day: what their provider counts is the same calls again.
told_apart as (
    select distinct accounts.resource_id, cast(summed.usage_hour as date) as usage_date
    from summed
    inner join accounts on summed.meaning_key = accounts.meaning_key
    where accounts.is_call_level and accounts.resource_id is not null
)

select
    cast(summed.usage_hour as date) as usage_date,
    summed.*,
    accounts.is_call_level or told_apart.resource_id is null as is_attributable
from summed
inner join accounts on summed.meaning_key = accounts.meaning_key
left join told_apart
    on accounts.resource_id = told_apart.resource_id and cast(summed.usage_hour as date) = told_apart.usage_date
