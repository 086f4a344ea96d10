-- One row per span of the current files. Delivery is at least once: of several copies the one landed last counts. What no
-- model adds up stays in the lake: text that differs from call to call takes most of the time to write. What many calls say
-- in the same words stands once in base_otel__genai_said. A span's ids are kept where it is refused, so that it can be found.
{{ config(**in_days_of_usage('start_at')) }}
-- depends_on: {{ ref('int_usage__new_day') }}

{% set delivered = delivered_spans() %}
{% set span_key = row_hash(['landed.trace_id', 'landed.span_id']) %}

-- Few spans come more than once: only those are put in order, which would take longer than all the rest. Spans without ids
-- cannot be told apart, so all of them go on, to be refused below.
with copied as (
    select {{ span_key }} as span_key
    from {{ delivered }}
    where landed.trace_id is not null and landed.span_id is not null
    group by 1
    having count(*) > 1
),

ordered as (
    select
        landed.load_file,
        landed.load_row,
        row_number() over (
            partition by landed.trace_id, landed.span_id order by landed.load_id desc, landed.load_file desc, landed.load_row desc
        ) as copy_number
    from {{ delivered }}
    inner join copied on {{ span_key }} = copied.span_key
),

delivered as (
    select landed.*
    from {{ delivered }}
    left join ordered
        on landed.load_file = ordered.load_file and landed.load_row = ordered.load_row and ordered.copy_number > 1
    where ordered.load_row is null
),

spans as (
    select
        source_id,
        x_file,
        cast(x_row as bigint) as x_row,
        trace_id,
        span_id,
        {{ row_hash(['trace_id', 'span_id']) }} as span_key,
        cast(start_at as timestamp) as start_at,
        cast(end_at as timestamp) as end_at,
        coalesce(cast(input_tokens as bigint), 0) as input_tokens,
        coalesce(cast(cache_read_tokens as bigint), 0) as cache_read_tokens,
        coalesce(cast(cache_write_tokens as bigint), 0) as cache_write_tokens,
        coalesce(cast(cache_write_1h_tokens as bigint), 0) as cache_write_1h_tokens,
        cast(repeated_prefix_tokens as bigint) as repeated_prefix_tokens,
        coalesce(cast(output_tokens as bigint), 0) as output_tokens,
        coalesce(cast(reasoning_tokens as bigint), 0) as reasoning_tokens,
        coalesce(cast(input_audio_tokens as bigint), 0) as input_audio_tokens,
        coalesce(cast(output_audio_tokens as bigint), 0) as output_audio_tokens,
        coalesce(cast(retry_count as bigint), 0) as retry_count,
        first_token_seconds,
        error_type,
        -- What usage of one key has in common; computed once, because every reader of all spans adds up by it.
        {{ said_key_of_span() }} as said_key
    from delivered
),

judged as (
    select
        *,
        case
            when trace_id is null then 'trace_id'
            when span_id is null then 'span_id'
            when start_at is null then 'start_at'
            when
                least(
                    input_tokens, cache_read_tokens, cache_write_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens,
                    input_audio_tokens, output_audio_tokens
                ) < 0
                then 'input_tokens'
            when cache_read_tokens + cache_write_tokens + input_audio_tokens > input_tokens then 'cache_read_tokens'
            when cache_write_1h_tokens > cache_write_tokens then 'cache_write_1h_tokens'
            when reasoning_tokens + output_audio_tokens > output_tokens then 'reasoning_tokens'
        end as rejected_column
    from spans
)

select
    source_id,
    x_file,
    case when rejected_column is not null then x_row end as x_row,
    case when rejected_column is not null then trace_id end as trace_id,
    case when rejected_column is not null then span_id end as span_id,
    {%- for column in [
        'span_key', 'start_at', 'end_at', 'input_tokens', 'cache_read_tokens', 'cache_write_tokens', 'cache_write_1h_tokens',
        'repeated_prefix_tokens', 'output_tokens', 'reasoning_tokens', 'input_audio_tokens', 'output_audio_tokens',
        'retry_count', 'first_token_seconds', 'error_type', 'said_key', 'rejected_column'
    ] %}
    {{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
from judged
