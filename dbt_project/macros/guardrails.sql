{#
  The moment at which a run sees what was delivered at `moment`: the end of its hour, so that deliveries of minutes apart are seen
  together; never after the run that reads this, which has seen it. Needs the columns of stg_config__setting as `settings`.
#}
{% macro seen_by_a_run(moment) -%}
    case
        when {{ moment }} > settings.as_of then {{ moment }}
        else least({{ hour_of(add_seconds(moment, 3599.999)) }}, settings.as_of)
    end
{%- endmacro %}

{# The share of a reference that is used; null without one. Of no money at all, the first cent is all of it. #}
{% macro share_used(amount, reference) -%}
    case
        when {{ amount }} is not null and {{ reference }} is not null
            then coalesce({{ ratio(amount, reference) }}, case when {{ amount }} > 0 then 1 else 0 end)
    end
{%- endmacro %}
