{#
  Three ways of building the models from usage as landed to usage as priced.

  The whole: from all that the lake holds. Every hourly run does that.
  A slice: only the days that loads since the last build touch. Each model forgets those days and tells them again, from
  every load since the first of them began: what happened on a day is never landed before it. So a slice tells of its days
  what the whole would, whatever else there is; the environment variable AIFINOPS_USAGE_SLICE asks for one ("true").
  The whole of all that is looked up for usage, and a slice of what is only read from the lake ("staging"): writing out every
  call takes longer than all the rest, and what a call told does not depend on prices, owners or bills. What builds have taken
  in is told by every load that they do not have, however old; where a load was taken out of the lake, it fails.

  int_usage__new_load, int_usage__new_day: what a slice is about. int_usage__built_load: what builds have taken in.
  A price, a rule or an exchange rate that changed reaches the days before only with the whole.
#}
{% macro is_usage_slice() -%}
    {{ return(
        env_var('AIFINOPS_USAGE_SLICE', '') == 'true' or (keeps_staged_usage() and model.name in models_of_staged_usage())
    ) }}
{%- endmacro %}

{% macro keeps_staged_usage() -%}
    {{ return(env_var('AIFINOPS_USAGE_SLICE', '') == 'staging') }}
{%- endmacro %}

{# What a slice of staging builds: calls as landed, and what is known of builds. #}
{% macro models_of_staged_usage() -%}
    {{ return([
        'int_usage__new_load', 'int_usage__new_day', 'base_otel__genai_span', 'base_otel__genai_said', 'base_usage__record',
        'int_usage__built_load'
    ]) }}
{%- endmacro %}

{# The lake tables that slices read, the column that says when, and the model whose rows a replaced file leaves behind. #}
{% macro usage_slice_tables() -%}
    {{ return([
        {'table': 'otel__genai_span', 'time': 'start_at', 'model': 'base_otel__genai_span', 'moment': 'start_at'},
        {'table': 'usage__record', 'time': 'usage_at', 'model': 'base_usage__record', 'moment': 'usage_at'},
        {'table': 'litellm__spend_log', 'time': 'start_at', 'model': none, 'moment': none},
        {'table': 'azure_monitor__metric', 'time': 'point_at', 'model': none, 'moment': none},
    ]) }}
{%- endmacro %}

{#
  Settings of a model that is told by day: a table, and for a slice an incremental one that first forgets the days that are
  told again. `day`: what a row's day is computed from in the model itself.
#}
{% macro in_days_of_usage(day) -%}
    {% if not is_usage_slice() %}
        {{ return({'materialized': 'table', 'tags': ['usage_slice']}) }}
    {% endif %}
    {{ return({
        'materialized': 'incremental',
        'tags': ['usage_slice'],
        'incremental_strategy': 'append',
        'on_schema_change': 'fail',
        'pre_hook': "{{ forget_days_of_usage('" ~ day ~ "') }}",
    }) }}
{%- endmacro %}

{#
  Settings of a model that is told by day from single calls, and keeps something of each while it computes: exact percentiles,
  calls by the minute. The whole is told month by month, so that it takes the memory of a month; a slice tells its days.
#}
{% macro in_days_of_calls(day) -%}
    {% set settings = in_days_of_usage(day) %}
    {% if not is_usage_slice() %}
        {% do settings.update(by_month_of_calls()) %}
    {% endif %}
    {{ return(settings) }}
{%- endmacro %}

{# Whether a call's moment counts in this build, and in the month that is being told. #}
{% macro is_in_days_of_calls(moment) -%}
    {{ is_in_days_of_usage(moment) }}
    {%- if not is_usage_slice() %}
    and {{ is_in_month_of_calls(moment) }}
    {%- endif %}
{%- endmacro %}

{# Settings of a model to which a slice only adds what it does not have. #}
{% macro with_new_of_usage() -%}
    {% if not is_usage_slice() %}
        {{ return({'materialized': 'table', 'tags': ['usage_slice']}) }}
    {% endif %}
    {{ return({
        'materialized': 'incremental',
        'tags': ['usage_slice'],
        'incremental_strategy': 'append',
        'on_schema_change': 'fail',
    }) }}
{%- endmacro %}

{% macro forget_days_of_usage(day) -%}
    {% if load_cached_relation(this) -%}
        delete from {{ this }} where {{ is_in_days_of_usage(day) }}
    {%- else -%}
        select 1
    {%- endif %}
{%- endmacro %}

{# The days of a slice, oldest first, and the id that loads had when they began; no days where there is nothing new. #}
{% macro days_of_usage() -%}
    {% set days = [] %}
    {% if execute %}
        {# No ref(): it would have to be repeated in every model that calls this. Those that read the lake have it. #}
        {% set told = api.Relation.create(database=target.database, schema='intermediate', identifier='int_usage__new_day') %}
        {% for row in run_query('select distinct usage_date from ' ~ told ~ ' order by 1') %}
            {% do days.append(row[0] | string) %}
        {% endfor %}
    {% endif %}
    {{ return(days) }}
{%- endmacro %}

{#
  Whether a moment (or day) counts in this build. In constants: so files, row groups and rows of other days are not read.
#}
{% macro is_in_days_of_usage(moment) -%}
    {%- if not is_usage_slice() -%}
        true
    {%- else -%}
        {%- set days = days_of_usage() -%}
        {%- if not days -%}
            false
        {%- else -%}
            {{ moment }} >= cast('{{ days[0] }}' as date) and {{ moment }} < {{ add_days("cast('" ~ days[-1] ~ "' as date)", 1) }}
            {%- if days | length > 1 %}
            and cast({{ moment }} as date) in (cast('{{ days | join("' as date), cast('") }}' as date))
            {%- endif %}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# Rows of a usage table of the lake that count in this build, as lake() has them. #}
{% macro lake_usage(table, time) -%}
    {%- if not is_usage_slice() -%}
        {{ lake(table) }}
    {%- else -%}
        {%- set days = days_of_usage() -%}
        (
            select *
            from {{ lake_files_since(table, load_id_at(days[0]) if days else none) }} as files
            where
                load_id in ({{ complete_loads_since(load_id_at(days[0]) if days else none) }})
                and {{ is_in_days_of_usage(time) }}
        )
    {%- endif -%}
{%- endmacro %}

{# The newest states of files, for the rows of lake_usage(). #}
{% macro lake_usage_snapshots() -%}
    {%- if not is_usage_slice() -%}
        {{ ref('stg_lake__snapshot') }}
    {%- else -%}
        {%- set days = days_of_usage() -%}
        {%- set since = load_id_at(days[0]) if days else none -%}
        {%- set landed -%}
            (
                select *
                from {{ lake_files_since('landing__snapshot', since) }} as files
                where load_id in ({{ complete_loads_since(since) }})
            )
        {%- endset -%}
        ({{ current_snapshots('(' ~ snapshot_versions(landed) ~ ')') }})
    {%- endif -%}
{%- endmacro %}
