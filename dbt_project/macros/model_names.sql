{# A model's name without folder and release date: openai/gpt-4.1-2025-04-14 → gpt-4.1, claude-opus-4-5@20251101 → claude-opus-4-5. #}
{% macro undated_model_name(name) -%}
    {{ replace_all(
        replace_all('lower(' ~ name ~ ')', "'^.*/'"),
        "'[-@_](20[0-9]{2}-[01][0-9]-[0-3][0-9]|20[0-9]{6}|[01][0-9][0-3][0-9])(-v[0-9]+(:[0-9]+)?)?$'"
    ) }}
{%- endmacro %}

{# Names that telemetry has used for a provider, as the price book calls it. #}
{% macro price_book_provider(name) -%}
    case lower({{ name }})
        when 'az.ai.openai' then 'azure.ai.openai'
        when 'az.ai.inference' then 'azure.ai.openai'
        when 'azure.ai.inference' then 'azure.ai.openai'
        when 'azure_openai' then 'azure.ai.openai'
        when 'azure-openai' then 'azure.ai.openai'
        when 'azure' then 'azure.ai.openai'
        else lower({{ name }})
    end
{%- endmacro %}
