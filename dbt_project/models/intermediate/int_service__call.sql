-- Calls of the sources that tell them one by one and say what became of them, under the names of the price book and of the
-- organisation. Tables of usage say neither how long a call took nor whether it failed.
{{ config(materialized='view') }}

select
    calls.usage_key,
    cast(calls.used_at as date) as usage_date,
    calls.used_at,
    {{ service_columns('meanings') | join(', ') }},
    meanings.service_key,
    calls.error_count > 0 as is_error,
    -- A call that fails at once is not a fast one.
    case when calls.error_count = 0 then calls.duration_milliseconds end as answered_milliseconds,
    case when calls.error_count = 0 then calls.first_token_milliseconds end as first_token_milliseconds
from {{ ref('int_usage__token_classes') }} as calls
inner join {{ services_by('usage_key') }} as meanings on calls.usage_key = meanings.usage_key
where calls.is_call_level and calls.source in ('spans', 'litellm')
