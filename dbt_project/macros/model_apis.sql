{#
  Usage and cost reports of model vendors (OpenAI, Anthropic): what is current, and ids that bill and usage share.
#}

{# Rows of such a table that are current: each day as its newest complete answer gave it (stg_model_api__answer). #}
{% macro current_answers(table, scope) -%}
    (
        select landed.*
        from {{ lake(table) }} as landed
        inner join {{ ref('stg_model_api__answer') }} as answers
            on
                landed.load_id = answers.load_id
                and landed.source_id = answers.source_id
                and answers.table_name = '{{ table }}'
                and answers.scope = {{ scope }}
                and cast(landed.bucket_start as date) = answers.answer_date
    )
{%- endmacro %}

{# The account that is charged, as bills and usage name it alike: openai/<project>, anthropic/<workspace>. #}
{% macro model_api_resource(vendor, item_id) -%}
    '{{ vendor }}/' || lower({{ item_id }})
{%- endmacro %}

{# Whether a resource id is one of those. #}
{% macro is_model_api_resource(resource_id) -%}
    {{ matches(resource_id, "'^(openai|anthropic)/'") }}
{%- endmacro %}
