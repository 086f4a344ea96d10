{# Time: everything is UTC, days are calendar days of UTC, but where a time zone is named. #}

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

{% macro spark__utc_from_text(text) -%}
    cast(
        try_cast(case when {{ text }} rlike '^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}' then {{ text }} end as timestamp_ltz)
        as timestamp_ntz
    )
{%- endmacro %}

{# What clocks of a time zone (IANA name) show at a moment of UTC: a timestamp without zone. #}
{% macro local_time(moment, time_zone) -%}
    {{ return(adapter.dispatch('local_time')(moment, time_zone)) }}
{%- endmacro %}

{% macro duckdb__local_time(moment, time_zone) -%}
    timezone({{ time_zone }}, timezone('UTC', {{ moment }}))
{%- endmacro %}

{% macro spark__local_time(moment, time_zone) -%}
    cast(from_utc_timestamp(cast({{ moment }} as timestamp_ltz), {{ time_zone }}) as timestamp_ntz)
{%- endmacro %}

{#
  The moment, UTC, at which a day begins in a time zone. Where clocks leave midnight out, the first moment after it; where
  they show it twice, the first of the two, which DuckDB alone takes for the second.
#}
{% macro day_starts_at(day, time_zone) -%}
    {{ return(adapter.dispatch('day_starts_at')(day, time_zone)) }}
{%- endmacro %}

{% macro duckdb__day_starts_at(day, time_zone) -%}
    {%- set midnight = "timezone('UTC', timezone(" ~ time_zone ~ ", cast(" ~ day ~ " as timestamp)))" -%}
    {%- set hour_before = '(' ~ midnight ~ ' - interval 1 hour)' -%}
    case
        when cast({{ local_time(hour_before, time_zone) }} as date) = {{ day }} then {{ hour_before }}
        else {{ midnight }}
    end
{%- endmacro %}

{% macro spark__day_starts_at(day, time_zone) -%}
    cast(to_utc_timestamp(cast({{ day }} as timestamp_ltz), {{ time_zone }}) as timestamp_ntz)
{%- endmacro %}

{% macro hour_of(moment) -%}
    {{ return(adapter.dispatch('hour_of')(moment)) }}
{%- endmacro %}

{% macro default__hour_of(moment) -%}
    cast(date_trunc('hour', {{ moment }}) as timestamp)
{%- endmacro %}

{% macro month_of(day) -%}
    {{ return(adapter.dispatch('month_of')(day)) }}
{%- endmacro %}

{% macro duckdb__month_of(day) -%}
    cast(date_trunc('month', {{ day }}) as date)
{%- endmacro %}

{% macro spark__month_of(day) -%}
    trunc({{ day }}, 'month')
{%- endmacro %}

{% macro add_days(day, number) -%}
    {{ return(adapter.dispatch('add_days')(day, number)) }}
{%- endmacro %}

{% macro duckdb__add_days(day, number) -%}
    cast({{ day }} + to_days(cast({{ number }} as integer)) as date)
{%- endmacro %}

{% macro spark__add_days(day, number) -%}
    date_add({{ day }}, cast({{ number }} as int))
{%- endmacro %}

{% macro add_months(day, number) -%}
    {{ return(adapter.dispatch('add_months')(day, number)) }}
{%- endmacro %}

{% macro duckdb__add_months(day, number) -%}
    cast({{ day }} + to_months(cast({{ number }} as integer)) as date)
{%- endmacro %}

{% macro spark__add_months(day, number) -%}
    add_months({{ day }}, cast({{ number }} as int))
{%- endmacro %}

{% macro add_seconds(moment, number) -%}
    {{ return(adapter.dispatch('add_seconds')(moment, number)) }}
{%- endmacro %}

{% macro duckdb__add_seconds(moment, number) -%}
    ({{ moment }} + to_seconds(cast({{ number }} as double)))
{%- endmacro %}

{% macro spark__add_seconds(moment, number) -%}
    ({{ moment }} + make_dt_interval(0, 0, 0, cast({{ number }} as decimal(18, 6))))
{%- endmacro %}

{# Whole days from one date to a later one. #}
{% macro days_between(earlier, later) -%}
    {{ return(adapter.dispatch('days_between')(earlier, later)) }}
{%- endmacro %}

{% macro duckdb__days_between(earlier, later) -%}
    date_diff('day', {{ earlier }}, {{ later }})
{%- endmacro %}

{% macro spark__days_between(earlier, later) -%}
    cast(datediff({{ later }}, {{ earlier }}) as bigint)
{%- endmacro %}

{# Seconds from one timestamp to a later one, with their fraction. #}
{% macro seconds_between(earlier, later) -%}
    {{ return(adapter.dispatch('seconds_between')(earlier, later)) }}
{%- endmacro %}

{% macro duckdb__seconds_between(earlier, later) -%}
    (epoch({{ later }}) - epoch({{ earlier }}))
{%- endmacro %}

{% macro spark__seconds_between(earlier, later) -%}
    (cast(cast({{ later }} as timestamp_ltz) as double) - cast(cast({{ earlier }} as timestamp_ltz) as double))
{%- endmacro %}

{# Hours from one moment to a later one, with a fraction. #}
{% macro hours_between(earlier, later) -%}
    {{ return(adapter.dispatch('hours_between')(earlier, later)) }}
{%- endmacro %}

{% macro duckdb__hours_between(earlier, later) -%}
    (date_diff('second', {{ earlier }}, {{ later }}) / 3600.0)
{%- endmacro %}

{% macro spark__hours_between(earlier, later) -%}
    (
        (unix_seconds(cast({{ later }} as timestamp_ltz)) - unix_seconds(cast({{ earlier }} as timestamp_ltz)))
        / cast(3600 as double)
    )
{%- endmacro %}

{# 1 for Monday to 7 for Sunday. #}
{% macro iso_weekday(day) -%}
    {{ return(adapter.dispatch('iso_weekday')(day)) }}
{%- endmacro %}

{% macro duckdb__iso_weekday(day) -%}
    cast(isodow({{ day }}) as bigint)
{%- endmacro %}

{% macro spark__iso_weekday(day) -%}
    cast(weekday({{ day }}) + 1 as bigint)
{%- endmacro %}

{# A query of every day, `date_day`, from the first to the last, both included; both are expressions. #}
{% macro every_day(first_day, last_day) -%}
    {{ return(adapter.dispatch('every_day')(first_day, last_day)) }}
{%- endmacro %}

{% macro duckdb__every_day(first_day, last_day) -%}
    select cast(unnest(generate_series({{ first_day }}, {{ last_day }}, interval 1 day)) as date) as date_day
{%- endmacro %}

{% macro spark__every_day(first_day, last_day) -%}
    select explode(case when first_day <= last_day then sequence(first_day, last_day, interval 1 day) end) as date_day
    from (select cast({{ first_day }} as date) as first_day, cast({{ last_day }} as date) as last_day)
{%- endmacro %}

{# A timestamp or date as text, by a strftime pattern. #}
{% macro time_as_text(moment, pattern) -%}
    {{ return(adapter.dispatch('time_as_text')(moment, pattern)) }}
{%- endmacro %}

{% macro duckdb__time_as_text(moment, pattern) -%}
    strftime({{ moment }}, {{ pattern }})
{%- endmacro %}

{% macro spark__time_as_text(moment, pattern) -%}
    {%- set letters = [
        ('%Y', 'yyyy'), ('%m', 'MM'), ('%d', 'dd'), ('%H', 'HH'), ('%M', 'mm'), ('%S', 'ss'), ('%f', 'SSSSSS'),
        ('T', "''T''"), ('Z', "''Z''"),
    ] -%}
    {%- set form = namespace(text=pattern) -%}
    {%- for of_strftime, of_spark in letters -%}
        {%- set form.text = form.text | replace(of_strftime, of_spark) -%}
    {%- endfor -%}
    date_format({{ moment }}, {{ form.text }})
{%- endmacro %}
