{# Service levels: requests of a source, told apart by what serves them and who asks. #}

{# The columns that requests are told apart by, of a relation where one is named. #}
{% macro service_columns(relation=none) -%}
    {% set columns = [] %}
    {% for column in ['source', 'provider_name', 'resource_id', 'deployment_name', 'model', 'team', 'app'] %}
        {% do columns.append(relation ~ '.' ~ column if relation else column) %}
    {% endfor %}
    {{ return(columns) }}
{%- endmacro %}

{#
  What is told apart, with `service_key`, a number for it: calls are grouped by the number, because seven texts of each of a
  hundred million calls take four times as long. With `usage_key`: of each key of usage.
#}
{% macro services_by(key=none) -%}
    (
        select distinct
            {{ key ~ ',' if key }}
            {{ service_columns() | join(', ') }},
            {{ row_hash(service_columns()) }} as service_key
        from {{ ref('int_usage__meaning') }}
    )
{%- endmacro %}

{# The sources that say whether a request failed. #}
{% macro service_sources() -%}
    {{ return("('spans', 'litellm', 'azure_monitor')") }}
{%- endmacro %}

{# Requests that may be bad while the objective is kept to. The share that may be is exact, as the objective's is. #}
{% macro error_budget(requests, target_ratio) -%}
    (cast({{ requests }} as double) * cast(1 - cast({{ target_ratio }} as decimal(18, 12)) as double))
{%- endmacro %}
