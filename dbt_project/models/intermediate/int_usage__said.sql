-- What usage says about itself: one row per distinct set of words. Names and owners are looked up for these, and usage
-- is summed by their key: adding up 50 million requests by one number takes half as long as by fifteen words.
{{ config(**with_new_of_usage()) }}

with sets as (
    select usage_key, any_value({{ row_of(usage_said_columns()) }}) as said
    from {{ ref('int_usage__token_classes') }}
    where {{ is_in_days_of_usage('used_at') }}
    group by usage_key
)

select
    usage_key,
    {%- for column in usage_said_columns() %}
    said.{{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
from sets
{% if is_usage_slice() %}
where usage_key not in (select known.usage_key from {{ this }} as known)
{% endif %}
