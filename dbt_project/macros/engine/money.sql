{# Exact numbers. Money is decimal(38,12); where it is split it is counted in whole units of 0.000000000001. #}

{#
  An amount as billing files write it: a point, no separators, exponents allowed; null where it is anything else. What
  finops.money.parse_amount reads: digits after the twelfth are rounded, halves to even.
#}
{% macro amount_from_text(text) -%}
    {{ return(adapter.dispatch('amount_from_text')(text)) }}
{%- endmacro %}

{% macro duckdb__amount_from_text(text) -%}
    case
        when not regexp_full_match({{ text }}, '[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?') then null
        when contains(lower({{ text }}), 'e') then {{ _amount_from_digits(_without_exponent(text)) }}
        else {{ _amount_from_digits(text) }}
    end
{%- endmacro %}

{% macro spark__amount_from_text(text) -%}
    case
        when not {{ text }} rlike '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,4})?$' then null
        when lower({{ text }}) like '%e%' then {{ _spark_amount_from_digits(_spark_without_exponent(text)) }}
        else {{ _spark_amount_from_digits(text) }}
    end
{%- endmacro %}

{% macro _spark_amount_from_digits(text) -%}
    case
        when {{ text }} rlike '^[+-]?[0-9]*[.][0-9]{11}[02468]50*$'
            then try_cast(regexp_extract({{ text }}, '^([+-]?[0-9]*[.][0-9]{12})', 1) as decimal(38, 12))
        else try_cast({{ text }} as decimal(38, 12))
    end
{%- endmacro %}

{% macro _spark_without_exponent(text) -%}
    {%- set form = "'^([+-]?)([0-9]*)[.]?([0-9]*)[eE]([+-]?[0-9]+)$'" -%}
    transform(
        array(named_struct(
            'sign', regexp_extract({{ text }}, {{ form }}, 1),
            'digits', regexp_extract({{ text }}, {{ form }}, 2) || regexp_extract({{ text }}, {{ form }}, 3),
            'point', length(regexp_extract({{ text }}, {{ form }}, 2)) + cast(regexp_extract({{ text }}, {{ form }}, 4) as int)
        )),
        m -> m.sign || case
            when m.point <= 0 then '0.' || repeat('0', -m.point) || m.digits
            when m.point >= length(m.digits) then m.digits || repeat('0', m.point - length(m.digits))
            else left(m.digits, m.point) || '.' || substr(m.digits, m.point + 1)
        end
    )[0]
{%- endmacro %}

{# DuckDB rounds halves away from zero; a half above an even digit goes down. Short texts are spared the second look. #}
{% macro _amount_from_digits(text) -%}
    case
        when length({{ text }}) > 13 and regexp_full_match({{ text }}, '[+-]?[0-9]*\.[0-9]{11}[02468]50*')
            then try_cast(regexp_extract({{ text }}, '^([+-]?[0-9]*\.[0-9]{12})', 1) as decimal(38, 12))
        else try_cast({{ text }} as decimal(38, 12))
    end
{%- endmacro %}

{#
  1.5E-7 as 0.00000015, because DuckDB's own reading of exponents loses digits. The point is put among the digits, padded
  with as many zeros as can matter: an amount has at most 26 digits before the point.
#}
{% macro _without_exponent(text) -%}
    list_transform(
        [regexp_extract({{ text }}, '^([+-]?)([0-9]*)\.?([0-9]*)[eE]([+-]?[0-9]+)$', ['sign', 'whole', 'part', 'exponent'])],
        lambda n: list_transform(
            [{
                'sign': n.sign,
                'digits': n.whole || n.part,
                'point': length(n.whole) + cast(n.exponent as integer)
            }],
            lambda m: m.sign || case
                when m.point <= 0 then '0.' || repeat('0', cast(-m.point as bigint)) || m.digits
                when m.point >= length(m.digits) then m.digits || repeat('0', cast(m.point - length(m.digits) as bigint))
                else left(m.digits, m.point) || '.' || substr(m.digits, cast(m.point + 1 as bigint))
            end
        )[1]
    )[1]
{%- endmacro %}

{#
  An amount with separators for thousands in the form that amount_from_text reads; what is not written in the style is left
  as it is, and refused later. Styles are 1,234.56 and 1.234,56; currency signs go, (5.00) is -5.00.
#}
{% macro amount_without_separators(text, style) -%}
    {{ return(adapter.dispatch('amount_without_separators')(text, style)) }}
{%- endmacro %}

{% macro duckdb__amount_without_separators(text, style) -%}
    list_transform(
        [regexp_replace(trim(translate({{ text }}, '$€£¥', '')), '^\(\s*(.*?)\s*\)$', '-\1')],
        lambda bare: case
            when {{ style }} = '1,234.56' and regexp_full_match(bare, '[+-]?\s*[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?')
                then regexp_replace(bare, '[,\s]', '', 'g')
            when {{ style }} = '1.234,56' and regexp_full_match(bare, '[+-]?\s*([0-9]{1,3}(\.[0-9]{3})+|[0-9]+)(,[0-9]*)?')
                then replace(regexp_replace(bare, '[.\s]', '', 'g'), ',', '.')
            when {{ style }} = '1,234.56' then regexp_replace(bare, '^([+-])\s+', '\1')
            -- A point that groups no thousands would else be read as one that starts the decimals.
            when {{ style }} = '1.234,56' and contains(bare, '.') then 'not 1.234,56: ' || bare
            else {{ text }}
        end
    )[1]
{%- endmacro %}

{% macro spark__amount_without_separators(text, style) -%}
    transform(
        array(regexp_replace(trim(translate({{ text }}, '$€£¥', '')), '^[(]\\s*(.*?)\\s*[)]$', '-$1')),
        bare -> case
            when {{ style }} = '1,234.56' and bare rlike '^[+-]?\\s*[0-9]{1,3}(,[0-9]{3})+([.][0-9]*)?$'
                then regexp_replace(bare, '[,\\s]', '')
            when {{ style }} = '1.234,56' and bare rlike '^[+-]?\\s*([0-9]{1,3}([.][0-9]{3})+|[0-9]+)(,[0-9]*)?$'
                then replace(regexp_replace(bare, '[.\\s]', ''), ',', '.')
            when {{ style }} = '1,234.56' then regexp_replace(bare, '^([+-])\\s+', '$1')
            when {{ style }} = '1.234,56' and bare like '%.%' then 'not 1.234,56: ' || bare
            else {{ text }}
        end
    )[0]
{%- endmacro %}

{# Whole units of 1e-12 in an amount: exact, because a decimal(38,12) always prints twelve digits after the point. #}
{% macro to_units(amount) -%}
    {{ return(adapter.dispatch('to_units')(amount)) }}
{%- endmacro %}

{% macro duckdb__to_units(amount) -%}
    cast(replace(cast(cast({{ amount }} as decimal(38, 12)) as varchar), '.', '') as hugeint)
{%- endmacro %}

{% macro spark__to_units(amount) -%}
    cast(cast({{ amount }} as decimal(38, 12)) * cast(1000000000000 as decimal(13, 0)) as decimal(38, 0))
{%- endmacro %}

{% macro from_units(units) -%}
    {{ return(adapter.dispatch('from_units')(units)) }}
{%- endmacro %}

{% macro default__from_units(units) -%}
    cast(cast({{ units }} as decimal(38, 0)) * cast('0.000000000001' as decimal(13, 12)) as decimal(38, 12))
{%- endmacro %}

{# Integer division towards minus infinity, for a positive divisor. #}
{% macro floor_divide(dividend, divisor) -%}
    {{ return(adapter.dispatch('floor_divide')(dividend, divisor)) }}
{%- endmacro %}

{% macro duckdb__floor_divide(dividend, divisor) -%}
    (({{ dividend }}) - {{ floor_modulo(dividend, divisor) }}) // ({{ divisor }})
{%- endmacro %}

{% macro spark__floor_divide(dividend, divisor) -%}
    {{ _whole_quotient('(' ~ dividend ~ ' - ' ~ floor_modulo(dividend, divisor) ~ ')', '(' ~ divisor ~ ')') }}
{%- endmacro %}

{#
  Integer division of decimals without digits after the point, cut towards zero. Spark's `div` gives a bigint; where that is
  too small the divisor is, so that the quotient of decimals keeps every digit.
#}
{% macro _whole_quotient(dividend, divisor) -%}
    case
        when abs(cast({{ dividend }} as double)) < 9e18 * abs(cast({{ divisor }} as double))
            then cast({{ dividend }} div {{ divisor }} as decimal(38, 0))
        else cast(({{ dividend }} - {{ dividend }} % {{ divisor }}) / cast({{ divisor }} as decimal(19, 0)) as decimal(38, 0))
    end
{%- endmacro %}

{# What floor_divide leaves: never negative. #}
{% macro floor_modulo(dividend, divisor) -%}
    {{ return(adapter.dispatch('floor_modulo')(dividend, divisor)) }}
{%- endmacro %}

{% macro default__floor_modulo(dividend, divisor) -%}
    (((({{ dividend }}) % ({{ divisor }})) + ({{ divisor }})) % ({{ divisor }}))
{%- endmacro %}

{# A price such that price × quantity is the amount, cut to twelve digits; null where it would be negative or immense. #}
{% macro unit_price(amount, quantity) -%}
    {{ return(adapter.dispatch('unit_price')(amount, quantity)) }}
{%- endmacro %}

{% macro duckdb__unit_price(amount, quantity) -%}
    case
        when {{ quantity }} <> 0 and sign({{ amount }}) * sign({{ quantity }}) >= 0 and abs({{ amount }}) < 100000000000000
            then {{ from_units(
                "(" ~ to_units('abs(' ~ amount ~ ')') ~ " * cast(1000000000000 as hugeint)) // "
                ~ to_units('abs(' ~ quantity ~ ')')
            ) }}
    end
{%- endmacro %}

{% macro spark__unit_price(amount, quantity) -%}
    case
        when {{ quantity }} <> 0 and sign({{ amount }}) * sign({{ quantity }}) >= 0 and abs({{ amount }}) < 100000000000000
            then {{ from_units(_whole_quotient(
                "(" ~ to_units('abs(' ~ amount ~ ')') ~ " * cast(1000000000000 as decimal(13, 0)))", to_units('abs(' ~ quantity ~ ')')
            )) }}
    end
{%- endmacro %}

{# Two amounts multiplied and rounded to twelve digits; null where the product has more than fourteen before the point. #}
{% macro exact_product(amount, factor) -%}
    {{ return(adapter.dispatch('exact_product')(amount, factor)) }}
{%- endmacro %}

{% macro default__exact_product(amount, factor) -%}
    case
        when abs(cast({{ amount }} as double) * cast({{ factor }} as double)) < 1e13
            then cast(cast({{ amount }} as decimal(38, 12)) * cast({{ factor }} as decimal(38, 12)) as decimal(38, 12))
    end
{%- endmacro %}

{# Tokens times a price per 1M tokens, exact to 18 digits, then rounded to 12. Decimal division would give a float. #}
{% macro token_cost(tokens, price_per_1m_tokens) -%}
    {{ return(adapter.dispatch('token_cost')(tokens, price_per_1m_tokens)) }}
{%- endmacro %}

{% macro default__token_cost(tokens, price_per_1m_tokens) -%}
    cast(
        cast({{ tokens }} as decimal(19, 0))
        * (cast({{ price_per_1m_tokens }} as decimal(24, 12)) * cast('0.000001' as decimal(7, 6)))
        as decimal(38, 12)
    )
{%- endmacro %}

{#
  The price of one token where twelve decimals say it exactly, else null: tokens times it is what token_cost() gives, without
  the rounding, which takes longer than all the rest of pricing a row.
#}
{% macro exact_price_per_token(price_per_1m_tokens) -%}
    {{ return(adapter.dispatch('exact_price_per_token')(price_per_1m_tokens)) }}
{%- endmacro %}

{% macro default__exact_price_per_token(price_per_1m_tokens) -%}
    {%- set price -%}
        (cast({{ price_per_1m_tokens }} as decimal(24, 12)) * cast('0.000001' as decimal(7, 6)))
    {%- endset -%}
    case when {{ price }} = cast({{ price }} as decimal(19, 12)) then cast({{ price }} as decimal(19, 12)) end
{%- endmacro %}

{#
  A double as an exact number with so many digits. What is rounded is the product with a power of ten, as doubles have it,
  halves away from zero: 0.5 of the last digit may stand as 0.4999.
#}
{% macro decimal_of_double(value, precision=38, scale=12) -%}
    {{ return(adapter.dispatch('decimal_of_double')(value, precision, scale)) }}
{%- endmacro %}

{% macro duckdb__decimal_of_double(value, precision, scale) -%}
    cast({{ value }} as decimal({{ precision }}, {{ scale }}))
{%- endmacro %}

{#
  Spark's own cast rounds the shortest text of the double, which is another number. A product above 2⁵² is a whole number that
  a bigint may not hold, so it goes into a decimal in two parts.
#}
{% macro spark__decimal_of_double(value, precision, scale) -%}
    {%- set two_to_52 = '4503599627370496' -%}
    transform(
        array(round(({{ value }}) * 1e{{ scale }})),
        units -> cast(
            (
                cast(floor(units / {{ two_to_52 }}D) as decimal(21, 0)) * cast({{ two_to_52 }} as decimal(16, 0))
                + cast(units - floor(units / {{ two_to_52 }}D) * {{ two_to_52 }}D as bigint)
            ) * cast(1e-{{ scale }} as decimal({{ scale + 1 }}, {{ scale }}))
            as decimal({{ precision }}, {{ scale }})
        )
    )[0]
{%- endmacro %}

{# The nearest whole number; of a double in the middle the even one. #}
{% macro whole_number(value) -%}
    {{ return(adapter.dispatch('whole_number')(value)) }}
{%- endmacro %}

{% macro duckdb__whole_number(value) -%}
    cast({{ value }} as bigint)
{%- endmacro %}

{# Spark's cast cuts the digits off. #}
{% macro spark__whole_number(value) -%}
    cast(rint(cast({{ value }} as double)) as bigint)
{%- endmacro %}

{# A ratio for people and thresholds, six digits; null where there is nothing to divide by. #}
{% macro ratio(part, whole) -%}
    {{ decimal_of_double('cast(' ~ part ~ ' as double) / nullif(cast(' ~ whole ~ ' as double), 0)', 18, 6) }}
{%- endmacro %}

{# A token count in millions, exact. #}
{% macro tokens_in_millions(tokens) -%}
    cast(cast({{ tokens }} as decimal(32, 0)) * cast('0.000001' as decimal(7, 6)) as decimal(38, 12))
{%- endmacro %}

{# The middle one of a group's amounts: always one of them, never an average of two. #}
{% macro middle_amount(amount) -%}
    {{ return(adapter.dispatch('middle_amount')(amount)) }}
{%- endmacro %}

{% macro duckdb__middle_amount(amount) -%}
    quantile_disc({{ amount }}, 0.5)
{%- endmacro %}

{% macro spark__middle_amount(amount) -%}
    {{ return(quantile_of(amount, 0.5)) }}
{%- endmacro %}

{# The middle amount of a group, or what is half way between the two in the middle. #}
{% macro median_amount(amount) -%}
    {{ return(adapter.dispatch('median_amount')(amount)) }}
{%- endmacro %}

{% macro duckdb__median_amount(amount) -%}
    cast(median({{ amount }}) as decimal(38, 12))
{%- endmacro %}

{# As DuckDB has it: half of the difference in whole units, as a double, cut. Spark's own median is a double. #}
{% macro spark__median_amount(amount) -%}
    transform(
        array(sort_array(collect_list(cast({{ amount }} as decimal(38, 12))))),
        amounts -> case
            when size(amounts) % 2 = 1 then amounts[cast((size(amounts) - 1) / 2 as int)]
            when size(amounts) > 0
                then cast(
                    amounts[cast(size(amounts) / 2 - 1 as int)] + {{ from_units(
                        'cast(cast(' ~ to_units('amounts[cast(size(amounts) / 2 as int)] - amounts[cast(size(amounts) / 2 - 1 as int)]')
                        ~ ' as double) / 2 as bigint)'
                    ) }} as decimal(38, 12)
                )
        end
    )[0]
{%- endmacro %}

{# A decimal(38,12) with all its digits: text for people, and for ids. #}
{% macro amount_as_text(amount) -%}
    {{ return(adapter.dispatch('amount_as_text')(amount)) }}
{%- endmacro %}

{% macro duckdb__amount_as_text(amount) -%}
    cast({{ amount }} as varchar)
{%- endmacro %}

{# Outside of ANSI mode Spark writes small amounts with exponents, and zero as 0E-12. #}
{% macro spark__amount_as_text(amount) -%}
    replace(format_number({{ amount }}, 12), ',', '')
{%- endmacro %}
