{# Exact numbers. Money is decimal(38,12); where it is split it is counted in whole units of 0.000000000001. #}

{#
  An amount as billing files write it: a point, no separators, exponents allowed; null where it is anything else
  (finops.money.parse_amount refuses the same). Digits after the twelfth are rounded, halves away from zero.
#}
{% macro amount_from_text(text) -%}
    {{ return(adapter.dispatch('amount_from_text')(text)) }}
{%- endmacro %}

{% macro duckdb__amount_from_text(text) -%}
    case
        when regexp_full_match({{ text }}, '[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?')
            then try_cast({{ text }} as decimal(38, 12))
    end
{%- endmacro %}

{# Whole units of 1e-12 in an amount: exact, because a decimal(38,12) always prints twelve digits after the point. #}
{% macro to_units(amount) -%}
    {{ return(adapter.dispatch('to_units')(amount)) }}
{%- endmacro %}

{% macro duckdb__to_units(amount) -%}
    cast(replace(cast(cast({{ amount }} as decimal(38, 12)) as varchar), '.', '') as hugeint)
{%- endmacro %}

{% macro from_units(units) -%}
    {{ return(adapter.dispatch('from_units')(units)) }}
{%- endmacro %}

{% macro duckdb__from_units(units) -%}
    cast(cast({{ units }} as decimal(38, 0)) * cast('0.000000000001' as decimal(13, 12)) as decimal(38, 12))
{%- endmacro %}

{# Integer division towards minus infinity, for a positive divisor. #}
{% macro floor_divide(dividend, divisor) -%}
    {{ return(adapter.dispatch('floor_divide')(dividend, divisor)) }}
{%- endmacro %}

{% macro duckdb__floor_divide(dividend, divisor) -%}
    (({{ dividend }}) - {{ floor_modulo(dividend, divisor) }}) // ({{ divisor }})
{%- endmacro %}

{# What floor_divide leaves: never negative. #}
{% macro floor_modulo(dividend, divisor) -%}
    {{ return(adapter.dispatch('floor_modulo')(dividend, divisor)) }}
{%- endmacro %}

{% macro duckdb__floor_modulo(dividend, divisor) -%}
    (((({{ dividend }}) % ({{ divisor }})) + ({{ divisor }})) % ({{ divisor }}))
{%- endmacro %}

{# Tokens times a price per 1M tokens, exact to 18 digits, then rounded to 12. Decimal division would give a float. #}
{% macro token_cost(tokens, price_per_1m_tokens) -%}
    {{ return(adapter.dispatch('token_cost')(tokens, price_per_1m_tokens)) }}
{%- endmacro %}

{% macro duckdb__token_cost(tokens, price_per_1m_tokens) -%}
    cast(
        cast({{ tokens }} as decimal(19, 0))
        * (cast({{ price_per_1m_tokens }} as decimal(24, 12)) * cast('0.000001' as decimal(7, 6)))
        as decimal(38, 12)
    )
{%- endmacro %}

{# A ratio for people and thresholds, six digits; null where there is nothing to divide by. #}
{% macro ratio(part, whole) -%}
    cast(cast({{ part }} as double) / nullif(cast({{ whole }} as double), 0) as decimal(18, 6))
{%- endmacro %}

{# A token count in millions, exact. #}
{% macro tokens_in_millions(tokens) -%}
    cast(cast({{ tokens }} as decimal(32, 0)) * cast('0.000001' as decimal(7, 6)) as decimal(38, 12))
{%- endmacro %}
