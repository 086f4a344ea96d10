{# A model's name without folder and release date: openai/gpt-4.1-2025-04-14 → gpt-4.1, claude-opus-4-5@20251101 → claude-opus-4-5. #}
{% macro undated_model_name(name) -%}
    {{ replace_all(
        replace_all('lower(' ~ name ~ ')', "'^.*/'"),
        "'[-@_](20[0-9]{2}-[01][0-9]-[0-3][0-9]|20[0-9]{6}|[01][0-9][0-3][0-9])(-v[0-9]+(:[0-9]+)?)?$'"
    ) }}
{%- endmacro %}

{# The tier that prices depend on, from the words that providers have for it; null where they leave it open. #}
{% macro usual_service_tier(name) -%}
    case lower({{ name }})
        when 'default' then 'standard'
        when 'standard' then 'standard'
        when 'auto' then null
        when '' then null
        when 'scale' then 'provisioned'
        else lower({{ name }})
    end
{%- endmacro %}
