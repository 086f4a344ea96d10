{# Time: everything is UTC, days are calendar days of UTC. #}

{#
  A timestamp without zone, in UTC, from ISO 8601 text with or without offset; null where it cannot be read. The year has
  four digits: DuckDB alone takes 4/1/25 for the 25th of January of the year 4.
#}
{% macro utc_from_text(text) -%}
    {{ return(adapter.dispatch('utc_from_text')(text)) }}
{%- endmacro %}

{% macro duckdb__utc_from_text(text) -%}
    (try_cast(case when {{ text }} like '____-%' then {{ text }} end as timestamptz) at time zone 'UTC')
{%- endmacro %}

{% macro hour_of(moment) -%}
    {{ return(adapter.dispatch('hour_of')(moment)) }}
{%- endmacro %}

{% macro duckdb__hour_of(moment) -%}
    cast(date_trunc('hour', {{ moment }}) as timestamp)
{%- endmacro %}

{% macro month_of(day) -%}
    {{ return(adapter.dispatch('month_of')(day)) }}
{%- endmacro %}

{% macro duckdb__month_of(day) -%}
    cast(date_trunc('month', {{ day }}) as date)
{%- endmacro %}

{% macro add_days(day, number) -%}
    {{ return(adapter.dispatch('add_days')(day, number)) }}
{%- endmacro %}

{% macro duckdb__add_days(day, number) -%}
    cast({{ day }} + to_days(cast({{ number }} as integer)) as date)
{%- endmacro %}

{% macro add_months(day, number) -%}
    {{ return(adapter.dispatch('add_months')(day, number)) }}
{%- endmacro %}

{% macro duckdb__add_months(day, number) -%}
    cast({{ day }} + to_months(cast({{ number }} as integer)) as date)
{%- endmacro %}

{% macro add_seconds(moment, number) -%}
    {{ return(adapter.dispatch('add_seconds')(moment, number)) }}
{%- endmacro %}

{% macro duckdb__add_seconds(moment, number) -%}
    ({{ moment }} + to_seconds(cast({{ number }} as double)))
{%- endmacro %}

{# Whole days from one date to a later one. #}
{% macro days_between(earlier, later) -%}
    {{ return(adapter.dispatch('days_between')(earlier, later)) }}
{%- endmacro %}

{% macro duckdb__days_between(earlier, later) -%}
    date_diff('day', {{ earlier }}, {{ later }})
{%- endmacro %}

{# Seconds from one timestamp to a later one, with their fraction. #}
{% macro seconds_between(earlier, later) -%}
    {{ return(adapter.dispatch('seconds_between')(earlier, later)) }}
{%- endmacro %}

{% macro duckdb__seconds_between(earlier, later) -%}
    (epoch({{ later }}) - epoch({{ earlier }}))
{%- endmacro %}

{# Hours from one moment to a later one, with a fraction. #}
{% macro hours_between(earlier, later) -%}
    {{ return(adapter.dispatch('hours_between')(earlier, later)) }}
{%- endmacro %}

{% macro duckdb__hours_between(earlier, later) -%}
    (date_diff('second', {{ earlier }}, {{ later }}) / 3600.0)
{%- endmacro %}

{# 1 for Monday to 7 for Sunday. #}
{% macro iso_weekday(day) -%}
    {{ return(adapter.dispatch('iso_weekday')(day)) }}
{%- endmacro %}

{% macro duckdb__iso_weekday(day) -%}
    cast(isodow({{ day }}) as bigint)
{%- endmacro %}

{# A query of every day, `date_day`, from the first to the last, both included; both are expressions. #}
{% macro every_day(first_day, last_day) -%}
    {{ return(adapter.dispatch('every_day')(first_day, last_day)) }}
{%- endmacro %}

{% macro duckdb__every_day(first_day, last_day) -%}
    select cast(unnest(generate_series({{ first_day }}, {{ last_day }}, interval 1 day)) as date) as date_day
{%- endmacro %}

{# A timestamp or date as text, by a strftime pattern. #}
{% macro time_as_text(moment, pattern) -%}
    {{ return(adapter.dispatch('time_as_text')(moment, pattern)) }}
{%- endmacro %}

{% macro duckdb__time_as_text(moment, pattern) -%}
    strftime({{ moment }}, {{ pattern }})
{%- endmacro %}
