-- What spans say in words: one row per distinct set, with the number under which calls name it. A number that two sets had by
-- chance would be here twice, which a test refuses.
{{ config(**with_new_of_usage()) }}
-- depends_on: {{ ref('int_usage__new_day') }}

with said as (
    select distinct
        {{ said_key_of_span() }} as said_key,
        {%- for column, expression in span_words().items() %}
        {{ expression }} as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from (select landed.* from {{ delivered_spans() }}) as delivered
)

select *
from said
where
    -- Words of a copy that does not count are nobody's.
    said_key in (
        select told.said_key from {{ ref('base_otel__genai_span') }} as told where {{ is_in_days_of_usage('told.start_at') }}
    )
    {%- if is_usage_slice() %}
    and said_key not in (select known.said_key from {{ this }} as known)
    {%- endif %}
