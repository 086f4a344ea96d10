{# Text: blanks, regular expressions, stable ids. #}

{# Null for what producers write where they have nothing: an empty cell or the word NULL. #}
{% macro given(column) -%}
    case when trim({{ column }}) in ('', 'NULL', 'null') then null else trim({{ column }}) end
{%- endmacro %}

{# Whether a case-insensitive regular expression is found in the text; false where the text is null. #}
{% macro matches(text, pattern) -%}
    {{ return(adapter.dispatch('matches')(text, pattern)) }}
{%- endmacro %}

{% macro duckdb__matches(text, pattern) -%}
    coalesce(regexp_matches({{ text }}, {{ pattern }}, 'i'), false)
{%- endmacro %}

{# The given group of the first match, case-insensitive; null where nothing matches. #}
{% macro extract_group(text, pattern, group=1) -%}
    {{ return(adapter.dispatch('extract_group')(text, pattern, group)) }}
{%- endmacro %}

{% macro duckdb__extract_group(text, pattern, group) -%}
    nullif(regexp_extract({{ text }}, {{ pattern }}, {{ group }}, 'i'), '')
{%- endmacro %}

{# Every match replaced, case-insensitive. #}
{% macro replace_all(text, pattern, replacement="''") -%}
    {{ return(adapter.dispatch('replace_all')(text, pattern, replacement)) }}
{%- endmacro %}

{% macro duckdb__replace_all(text, pattern, replacement) -%}
    regexp_replace({{ text }}, {{ pattern }}, {{ replacement }}, 'gi')
{%- endmacro %}

{# A text id that is the same for the same values on every engine and in every run. #}
{% macro stable_id(columns) -%}
    md5(
        {%- for column in columns %}
        coalesce(cast({{ column }} as varchar), '∅'){{ " || '␟' ||" if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}
