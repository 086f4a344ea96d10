-- What usage says about itself: one row per distinct set of words. Names and owners are looked up for these, and usage
-- is summed by their key: adding up 50 million requests by one number takes half as long as by fifteen words.
{{ config(**with_new_of_usage()) }}

{% set columns = usage_said_columns() %}
{% set by_spans = usage_said_by_spans() %}

with sets as (
    select usage_key, any_value({{ row_of(columns) }}) as said
    from {{ ref('int_usage__token_classes') }}
    where source <> 'spans' and {{ is_in_days_of_usage('used_at') }}
    group by usage_key
),

told as (
    select
        usage_key,
        {%- for column in columns %}
        said.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from sets

    union all

    -- Distinct already; those that only refused calls said are left out.
    select
        {{ by_spans['usage_key'] }} as usage_key,
        {%- for column in columns %}
        {{ by_spans.get(column, 'cast(null as string)') }} as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('base_otel__genai_said') }}
    where
        said_key in (
            select calls.said_key from {{ ref('stg_otel__genai_span') }} as calls where {{ is_in_days_of_usage('calls.start_at') }}
        )
)

select *
from told
{% if is_usage_slice() %}
where usage_key not in (select known.usage_key from {{ this }} as known)
{% endif %}
