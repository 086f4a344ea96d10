{# Comparing what usage was estimated to cost with what the bill says. #}

{# Who bills for a provider of the price book, as bills name it where nothing of the account was billed yet. #}
{% macro billing_provider(name) -%}
    case
        when {{ name }} like 'azure.%' then 'Microsoft'
        when {{ name }} = 'openai' then 'OpenAI'
        when {{ name }} = 'anthropic' then 'Anthropic'
        when {{ name }} like 'aws.%' then 'AWS'
        when {{ name }} like 'gcp.%' then 'Google Cloud'
        else {{ name }}
    end
{%- endmacro %}

{# Bills know output tokens only: whether they were spent on reasoning makes no difference to the price. #}
{% macro billed_token_class(name) -%}
    case {{ name }} when 'reasoning' then 'output' else {{ name }} end
{%- endmacro %}
