{#
  CTEs `<column>_matches` (value, id of the rule) for rules whose columns are patterns. A pattern is tried once per distinct
  value, because a regular expression costs a thousand times what a join does.

  properties  a CTE of the sets of properties that rules look at
  rules       a CTE of the rules, one column per pattern; a null pattern matches everything
  columns     column of the rules → column of the properties
#}
{% macro pattern_matches(properties, rules, rule_id, columns) -%}
    {%- for rule_column, property in columns.items() %}
{{ rule_column }}_matches as (
    select
        given.value,
        {{ rules }}.{{ rule_id }}
    from (select distinct {{ property }} as value from {{ properties }} where {{ property }} is not null) as given
    inner join {{ rules }}
        on {{ rules }}.{{ rule_column }} is not null and {{ matches('given.value', rules ~ '.' ~ rule_column) }}
),
    {%- endfor %}
{%- endmacro %}

{# The joins to them, after `from properties cross join rules`. #}
{% macro join_pattern_matches(properties, rules, rule_id, columns) -%}
    {%- for rule_column, property in columns.items() %}
    left join {{ rule_column }}_matches
        on
            {{ properties }}.{{ property }} = {{ rule_column }}_matches.value
            and {{ rules }}.{{ rule_id }} = {{ rule_column }}_matches.{{ rule_id }}
    {%- endfor %}
{%- endmacro %}

{# Whether all of a rule's patterns match, for the `where` after those joins. #}
{% macro all_patterns_match(rules, rule_id, columns) -%}
    {%- for rule_column in columns %}
    ({{ rules }}.{{ rule_column }} is null or {{ rule_column }}_matches.{{ rule_id }} is not null)
    {{- ' and ' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
