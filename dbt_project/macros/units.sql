{# Units of units.yml: finops/config/units.py says what each may look at. #}

{# Dimensions that a unit may be filtered by: name in units.yml → column. #}
{% macro unit_filter_dimensions() -%}
    {{ return({
        'team': 'team', 'app': 'app', 'project': 'project', 'feature': 'feature', 'model': 'model',
        'environment': 'environment', 'ai_category': 'ai_category', 'attribution_method': 'attribution_method'
    }) }}
{%- endmacro %}

{# Dimensions that a unit may be told apart by: name in units.yml → column. #}
{% macro unit_grain_dimensions() -%}
    {{ return({
        'team': 'team', 'app': 'app', 'project': 'project', 'feature': 'feature', 'customer': 'customer_hash',
        'model': 'model', 'environment': 'environment'
    }) }}
{%- endmacro %}

{#
  Facts of every unit that they are about: the unit's columns unit_id and those of its grain, null where the unit is not
  told apart by them, and `amounts` as they are. `known`: dimensions that the facts have; filters by others do not hold
  for them. `condition` is about the aliases units and facts.
#}
{% macro facts_of_units(facts, known, amounts, condition) -%}
    select
        units.unit_id,
        facts.usage_date,
        {%- for dimension, column in unit_grain_dimensions().items() %}
        {% if dimension in known -%}
            case when units.by_{{ dimension }} then facts.{{ column }} end
        {%- else -%}
            cast(null as string)
        {%- endif %} as {{ column }},
        {%- endfor %}
        {{ amounts | join(',\n        ') }}
    from {{ facts }} as facts
    inner join {{ ref('int_unit__definition') }} as units on {{ condition }}
    {%- for dimension, column in unit_filter_dimensions().items() if dimension in known %}
    left join {{ source('config', 'unit_dimension') }} as only_{{ dimension }}
        on
            units.unit_id = only_{{ dimension }}.unit_id
            and only_{{ dimension }}.role = 'filter'
            and only_{{ dimension }}.dimension = '{{ dimension }}'
            and lower(facts.{{ column }}) = lower(only_{{ dimension }}.value)
    {%- endfor %}
    where
        true
        {%- for dimension in unit_filter_dimensions() if dimension in known %}
        and (not units.has_{{ dimension }} or only_{{ dimension }}.unit_id is not null)
        {%- endfor %}
{%- endmacro %}

{# What one unit costs, exact and cut to twelve digits; null where there are none. Negative for a refund. #}
{% macro cost_per_unit(cost, quantity) -%}
    case
        when {{ quantity }} > 0
            then case when {{ cost }} < 0 then -1 else 1 end * {{ unit_price('abs(' ~ cost ~ ')', quantity) }}
    end
{%- endmacro %}
