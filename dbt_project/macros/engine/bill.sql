{# What bills write in ways of their own. #}

{#
  A calendar day as Azure's cost details write it: MM/DD/YYYY (files), YYYYMMDD (Query API) or ISO 8601; null where it is
  none of them. The month comes first whatever the language of the portal.
#}
{% macro day_from_text(text) -%}
    {{ return(adapter.dispatch('day_from_text')(text)) }}
{%- endmacro %}

{% macro duckdb__day_from_text(text) -%}
    case
        when regexp_matches({{ text }}, '^[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}')
            then cast(try_strptime(split_part({{ text }}, ' ', 1), '%m/%d/%Y') as date)
        when regexp_full_match({{ text }}, '[0-9]{8}') then cast(try_strptime({{ text }}, '%Y%m%d') as date)
        else cast(try_cast({{ text }} as timestamptz) at time zone 'UTC' as date)
    end
{%- endmacro %}

{% macro spark__day_from_text(text) -%}
    case
        when {{ text }} rlike '^[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}'
            then try_cast(
                regexp_replace(split_part({{ text }}, ' ', 1), '^([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})$', '$3-$1-$2') as date
            )
        when {{ text }} rlike '^[0-9]{8}$'
            then try_cast(regexp_replace({{ text }}, '^(....)(..)(..)$', '$1-$2-$3') as date)
        else cast({{ utc_from_text(text) }} as date)
    end
{%- endmacro %}

{#
  Quantity times unit price, both as text, exact to 19 digits, then rounded to 12; null where one of them is no amount or
  has more than 11 (quantity) or 8 (price) digits before the point.
#}
{% macro quantity_cost(quantity, price) -%}
    {{ return(adapter.dispatch('quantity_cost')(quantity, price)) }}
{%- endmacro %}

{% macro default__quantity_cost(quantity, price) -%}
    cast(try_cast({{ quantity }} as decimal(20, 9)) * try_cast({{ price }} as decimal(18, 10)) as decimal(38, 12))
{%- endmacro %}

{# The last part of a path-like id, lower case: how files and exports that name one account differently are matched. #}
{% macro last_part(text) -%}
    {{ return(adapter.dispatch('last_part')(text)) }}
{%- endmacro %}

{% macro duckdb__last_part(text) -%}
    lower(split_part(rtrim({{ text }}, '/'), '/', -1))
{%- endmacro %}

{% macro spark__last_part(text) -%}
    lower(split_part(trim(trailing '/' from {{ text }}), '/', -1))
{%- endmacro %}

{# The text before the first occurrence of a part; all of it where the part does not occur. #}
{% macro text_before(text, part) -%}
    {{ return(adapter.dispatch('text_before')(text, part)) }}
{%- endmacro %}

{% macro default__text_before(text, part) -%}
    split_part({{ text }}, {{ part }}, 1)
{%- endmacro %}
