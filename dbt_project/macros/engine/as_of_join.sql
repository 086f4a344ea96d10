{#
  A left join to the row that was valid at a moment: same keys, and the newest `valid_from` that is not after it.
  `left_at` is an expression on the left alias; `keys` maps left expressions to columns of the right alias.
  Join small sides: aggregate facts to the day first (an as-of join per request took 26 s where the day took 2 s).
#}
{% macro as_of_left_join(right, right_alias, keys, left_at, valid_from) -%}
    {{ return(adapter.dispatch('as_of_left_join')(right, right_alias, keys, left_at, valid_from)) }}
{%- endmacro %}

{% macro duckdb__as_of_left_join(right, right_alias, keys, left_at, valid_from) -%}
    asof left join {{ right }} as {{ right_alias }}
        on {% for left, column in keys %}{{ left }} = {{ right_alias }}.{{ column }} and {% endfor %}
        {{ left_at }} >= {{ right_alias }}.{{ valid_from }}
{%- endmacro %}

{#
  Each row of the right side with the moment from which the next one of its keys is valid: then one row meets a moment, and
  the join stays a join on equal keys.
#}
{% macro spark__as_of_left_join(right, right_alias, keys, left_at, valid_from) -%}
    left join (
        select
            *,
            lead({{ valid_from }}) over (
                partition by {% for _, column in keys %}{{ column }}{{ ', ' if not loop.last }}{% endfor %} order by {{ valid_from }}
            ) as _next_valid_from
        from {{ right }}
    ) as {{ right_alias }}
        on {% for left, column in keys %}{{ left }} = {{ right_alias }}.{{ column }} and {% endfor %}
        {{ left_at }} >= {{ right_alias }}.{{ valid_from }}
        and ({{ right_alias }}._next_valid_from is null or {{ left_at }} < {{ right_alias }}._next_valid_from)
{%- endmacro %}
