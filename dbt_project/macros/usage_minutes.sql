{# Newest usage by slices of minutes: which sources tell when a call was, and the slice that a moment lies in. #}

{# What tells single calls; the others count by the hour, or by rows that may stand for one. #}
{% macro tells_single_calls(source) -%}
    {{ source }} in ('spans', 'litellm')
{%- endmacro %}

{% macro slice_of_minutes(moment, minutes=5) -%}
    cast({{ add_seconds(hour_of(moment), (60 * minutes) ~ ' * floor(extract(minute from ' ~ moment ~ ') / ' ~ minutes ~ ')') }} as timestamp)
{%- endmacro %}
