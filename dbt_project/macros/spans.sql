{#
  What calls say in words: whose model, which account, for whom. Many calls say the same, so that the words are kept once per
  distinct set (base_otel__genai_said) and calls have its number: writing fourteen texts of 100 million calls takes nearly half
  as long as reading, judging and writing all the rest of them.
#}

{# column → expression over a span as landed. #}
{% macro span_words() -%}
    {{ return({
        'provider_name': 'provider_name',
        'response_model': 'response_model',
        'request_model': 'request_model',
        'resource_id': 'lower(resource_id)',
        'deployment_name': 'deployment_name',
        'region_id': 'lower(' ~ given('region_id') ~ ')',
        'deployment_type': 'lower(' ~ given('deployment_type') ~ ')',
        'service_tier': usual_service_tier('service_tier'),
        'team': given('team'),
        'app': given('app'),
        'feature': given('feature'),
        'customer_hash': 'customer_hash',
        'environment': given('environment'),
        'api_key_name': 'api_key_name',
    }) }}
{%- endmacro %}

{# The number of a span's words, of a span as landed. #}
{% macro said_key_of_span() -%}
    {{ row_hash(span_words().values() | list) }}
{%- endmacro %}

{# The spans of the current files that count in this build, as `landed`: the part of a query that follows its `from`. Written
   out each time, because what is read more than once would be kept whole in between. #}
{% macro delivered_spans() -%}
    {{ lake_usage('otel__genai_span', 'start_at') }} as landed
    inner join {{ lake_usage_snapshots() }} as snapshots
        on
            landed.load_id = snapshots.load_id
            and landed.snapshot_id = snapshots.snapshot_id
            and landed.source_id = snapshots.source_id
            and snapshots.table_name = 'otel__genai_span'
{%- endmacro %}

{# What spans say, as usage_said_columns() name it: column → expression over stg_otel__genai_span or base_otel__genai_said. #}
{% macro usage_said_by_spans() -%}
    {% set said = {
        'usage_key': row_hash(["'spans'", 'said_key']),
        'source': "'spans'",
        'is_call_level': 'true',
        'reported_provider': 'provider_name',
    } %}
    {% for column in span_words() if column in usage_text_columns() %}
        {% do said.update({column: column}) %}
    {% endfor %}
    {{ return(said) }}
{%- endmacro %}
