{# Training spread over inference, by the policies of units.yml. #}

{# Dimensions of training: name in units.yml, which is the column too. #}
{% macro training_dimensions() -%}
    {{ return(['team', 'app', 'project', 'experiment', 'stage', 'ai_category']) }}
{%- endmacro %}

{# Joins that leave of `facts` what a policy is about: `role` training or served_by; `alias` has the dimensions as columns. #}
{% macro of_amortisation(policies, alias, role, dimensions) -%}
    {%- for dimension in dimensions %}
    left join {{ source('config', 'amortisation_dimension') }} as only_{{ dimension }}
        on
            {{ policies }}.amortisation_id = only_{{ dimension }}.amortisation_id
            and only_{{ dimension }}.role = '{{ role }}'
            and only_{{ dimension }}.dimension = '{{ dimension }}'
            and lower({{ alias }}.{{ dimension }}) = lower(only_{{ dimension }}.value)
    {%- endfor %}
    where
        true
        {%- for dimension in dimensions %}
        and (not {{ policies }}.has_{{ role }}_{{ dimension }} or only_{{ dimension }}.amortisation_id is not null)
        {%- endfor %}
{%- endmacro %}

{#
  What of an amount is used up after `part` of `whole` (whole numbers), rounded towards minus infinity in units of 1e-12: all
  of it when part is whole, so that the differences between one part and the next sum to the amount exactly. With
  A = q × T + r it is q × W + r × W ÷ T, which nothing makes overflow that split_exactly would not.
#}
{% macro used_up(amount, part, whole) -%}
    {%- set units = to_units(amount) -%}
    {%- set scaled = floor_modulo(units, whole) ~ ' * (' ~ part ~ ')' -%}
    {{ from_units(floor_divide(units, whole) ~ ' * (' ~ part ~ ') + ' ~ floor_divide(scaled, whole)) }}
{%- endmacro %}
