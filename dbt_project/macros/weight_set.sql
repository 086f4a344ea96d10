{# The name of a set of weights: literal words in quotes, then columns. Readable on purpose. #}
{% macro weight_set(parts) -%}
    {%- for part in parts -%}
        {%- if part.startswith("'") %}{{ part }}{% else %}cast({{ part }} as string){% endif -%}
        {{- " || ' | ' || " if not loop.last -}}
    {%- endfor -%}
{%- endmacro %}

{#
  Targets with the value of a driver as sets of weights for split_exactly.

  relation  weight_set, driver, team, app, idle_kind, target_pool_id, driver_value (decimal(38,12)); targets without a
            value are left out
  The result adds target_number (the order that decides who gets a left-over unit), target_count, driver_total, share,
  weight_units and total_units.
#}
{% macro as_weights(relation) -%}
    select
        weight_set,
        driver,
        team,
        app,
        idle_kind,
        target_pool_id,
        driver_value,
        target_number,
        target_count,
        cast(driver_total as decimal(38, 12)) as driver_total,
        {{ ratio('driver_value', 'driver_total') }} as share,
        weight_units,
        sum(weight_units) over (partition by weight_set) as total_units
    from (
        select
            *,
            {{ weight_units('driver_value', 'driver_total') }} as weight_units
        from (
            select
                *,
                sum(driver_value) over (partition by weight_set) as driver_total,
                count(*) over (partition by weight_set) as target_count,
                row_number() over (
                    partition by weight_set
                    order by
                        target_pool_id nulls first, idle_kind nulls first, team nulls last, app nulls last
                ) as target_number
            from {{ relation }}
            where driver_value > 0
        ) as summed
    ) as scaled
{%- endmacro %}
