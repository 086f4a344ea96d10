{#
  Splits amounts in proportion to integer weights so that the parts of a charge sum to it exactly, for charges and
  refunds alike: the largest-remainder method, as finops.money.split does it.

  Each part is rounded towards minus infinity in whole units of 1e-12; the units left over go one each to the parts that
  lost most, the earlier of two equals first. With A = q × T + r the exact part A × W ÷ T is q × W + r × W ÷ T, so no
  product exceeds T × T and nothing overflows as long as the weights of a set sum to less than 1.3e19 (weight_units
  keeps them below about 1e18).

  relation  one row per charge and target, with columns key, weight_units, total_units (the set's sum), order_by
  measures  decimal(38,12) columns to split; a null amount has null parts
  carry     other columns to keep
  The result has the carried columns and, under the measures' names, the target's parts.
#}
{% macro split_exactly(relation, key, measures, carry, order_by, weight='weight_units', total='total_units') -%}
    select
        {%- for column in carry %}
        {{ column }},
        {%- endfor %}
        {%- for measure in measures %}
        {{ from_units(
            '_' ~ measure ~ '_floor + case when row_number() over (partition by ' ~ key ~ ' order by _' ~ measure
            ~ '_lost desc, ' ~ order_by ~ ') <= _' ~ measure ~ '_units - sum(_' ~ measure
            ~ '_floor) over (partition by ' ~ key ~ ') then 1 else 0 end'
        ) }} as {{ measure }}{{ ',' if not loop.last }}
        {%- endfor %}
    from (
        select
            *,
            {%- for measure in measures %}
            {%- set units = '_' ~ measure ~ '_units' %}
            {%- set scaled = floor_modulo(units, total) ~ ' * ' ~ weight %}
            {{ floor_divide(units, total) }} * {{ weight }} + {{ floor_divide(scaled, total) }} as _{{ measure }}_floor,
            {{ floor_modulo(scaled, total) }} as _{{ measure }}_lost{{ ',' if not loop.last }}
            {%- endfor %}
        from (
            select
                *,
                {%- for measure in measures %}
                {{ to_units(measure) }} as _{{ measure }}_units{{ ',' if not loop.last }}
                {%- endfor %}
            from {{ relation }}
        )
    )
{%- endmacro %}

{#
  Weights as integers for split_exactly: whole units of 1e-12, divided down where a set's sum would pass 1e18.
  `value` and `set_sum` are decimal(38,12) expressions, not negative.
#}
{% macro weight_units(value, set_sum) -%}
    {{ floor_divide(to_units(value), '(' ~ floor_divide(to_units(set_sum), to_units('1000000')) ~ ' + 1)') }}
{%- endmacro %}
