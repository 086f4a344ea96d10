{#
  Tokens as landed, for comparing with tokens as priced: a path of its own from staging, so that no join between can lose or
  double a call. Whoever adds usage that it can tell adds its branch; Azure Monitor's two generations of metrics are left
  out, because they are merged before they are counted.
#}
{% macro landed_token_sources() -%}
    {{ return(['spans', 'litellm', 'usage_file', 'openai', 'anthropic']) }}
{%- endmacro %}

{# A query of `source`, `usage_date`, `tokens` and `requests`, one row per source and day. With `day`, a query of one date, it is of that
   day only: compared as bare timestamps, so that the engine reads no other day's calls. #}
{% macro landed_tokens(day=none) -%}
    select
        'spans' as source,
        cast(start_at as date) as usage_date,
        sum(input_tokens + output_tokens) as tokens,
        count(*) as requests
    from {{ ref('stg_otel__genai_span') }}
    where {{ is_of_day('start_at', day) }}
    group by 1, 2
    union all
    select
        'litellm' as source,
        cast(start_at as date) as usage_date,
        -- What the proxy's own cache answered is a request without tokens.
        sum(case when is_answered_by_proxy then 0 else prompt_tokens + completion_tokens end) as tokens,
        count(*) as requests
    from {{ ref('stg_litellm__spend_log') }}
    where {{ is_of_day('start_at', day) }}
    group by 1, 2
    union all
    select
        'usage_file' as source,
        cast(usage_at as date) as usage_date,
        sum(
            input_tokens + output_tokens + input_audio_tokens + cache_read_audio_tokens + output_audio_tokens
            + input_image_tokens + output_image_tokens
            + case
                when input_includes_cache then 0 else cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens
            end
        ) as tokens,
        sum(request_count) as requests
    from {{ ref('stg_usage__record') }}
    where {{ is_of_day('usage_at', day) }}
    group by 1, 2
    union all
    select
        'openai' as source,
        cast(bucket_start as date) as usage_date,
        sum(
            input_tokens + output_tokens
            + case when is_all_kinds then 0 else input_audio_tokens + output_audio_tokens end
        ) as tokens,
        sum(request_count) as requests
    from {{ ref('stg_openai__usage') }}
    where endpoint in ('completions', 'embeddings') and {{ is_of_day('bucket_start', day) }}
    group by 1, 2
    union all
    select
        'anthropic' as source,
        cast(bucket_start as date) as usage_date,
        sum(
            uncached_input_tokens + cache_read_input_tokens + cache_write_5m_tokens + cache_write_1h_tokens
            + output_tokens
        ) as tokens,
        0 as requests
    from {{ ref('stg_anthropic__usage') }}
    where {{ is_of_day('bucket_start', day) }}
    group by 1, 2
{%- endmacro %}

{% macro is_of_day(moment, day) -%}
    {%- if day is none -%}
    true
    {%- else -%}
    {{ moment }} >= cast(({{ day }}) as timestamp)
    and {{ moment }} < cast({{ add_days('(' ~ day ~ ')', 1) }} as timestamp)
    {%- endif -%}
{%- endmacro %}
