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

{% macro spark__matches(text, pattern) -%}
    coalesce(regexp_like({{ text }}, '(?i)' || {{ pattern }}), false)
{%- endmacro %}

{# The given group of the first match, case-insensitive; null where nothing matches. #}
{% macro extract_group(text, pattern, group=1) -%}
    {{ return(adapter.dispatch('extract_group')(text, pattern, group)) }}
{%- endmacro %}

{% macro duckdb__extract_group(text, pattern, group) -%}
    nullif(regexp_extract({{ text }}, {{ pattern }}, {{ group }}, 'i'), '')
{%- endmacro %}

{% macro spark__extract_group(text, pattern, group) -%}
    nullif(regexp_extract({{ text }}, '(?i)' || {{ pattern }}, {{ group }}), '')
{%- endmacro %}

{# Every match replaced, case-insensitive. #}
{% macro replace_all(text, pattern, replacement="''") -%}
    {{ return(adapter.dispatch('replace_all')(text, pattern, replacement)) }}
{%- endmacro %}

{% macro duckdb__replace_all(text, pattern, replacement) -%}
    regexp_replace({{ text }}, {{ pattern }}, {{ replacement }}, 'gi')
{%- endmacro %}

{% macro spark__replace_all(text, pattern, replacement) -%}
    regexp_replace({{ text }}, '(?i)' || {{ pattern }}, {{ replacement }})
{%- endmacro %}

{# The text with the groups of a pattern put into another form; the text as it is where the pattern does not match. #}
{% macro rewritten(text, pattern, form) -%}
    {{ return(adapter.dispatch('rewritten')(text, pattern, form)) }}
{%- endmacro %}

{% macro duckdb__rewritten(text, pattern, form) -%}
    regexp_replace({{ text }}, {{ pattern }}, {{ form }})
{%- endmacro %}

{# Patterns are of whole texts, so there is no second match. A group is \1 in the form and $1 to Spark. #}
{% macro spark__rewritten(text, pattern, form) -%}
    regexp_replace({{ text }}, {{ pattern }}, regexp_replace({{ form }}, '[\\\\]([0-9])', '\\$$1'))
{%- endmacro %}

{# A text id that is the same for the same values on every engine and in every run. #}
{% macro stable_id(columns) -%}
    md5(
        {%- for column in columns %}
        coalesce(cast({{ column }} as string), '∅'){{ " || '␟' ||" if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}

{#
  A query of `id`, `position` (from 1) and `word`, one row per word of a text whose words are apart by one space; a text
  without words has no row.
#}
{% macro word_entries(relation, id, text) -%}
    {{ return(adapter.dispatch('word_entries')(relation, id, text)) }}
{%- endmacro %}

{% macro duckdb__word_entries(relation, id, text) -%}
    select
        texts.{{ id }},
        cast(generate_subscripts(string_split(texts.{{ text }}, ' '), 1) as bigint) as position,
        unnest(string_split(texts.{{ text }}, ' ')) as word
    from {{ relation }} as texts
    where texts.{{ text }} <> ''
{%- endmacro %}

{% macro spark__word_entries(relation, id, text) -%}
    select texts.{{ id }}, cast(words.at + 1 as bigint) as position, words.word
    from {{ relation }} as texts
    lateral view posexplode(split(texts.{{ text }}, ' ')) words as at, word
    where texts.{{ text }} <> ''
{%- endmacro %}

{# The words of a text in alphabetical order, so that names that differ in the order of their words are equal. #}
{% macro words_in_order(text) -%}
    {{ return(adapter.dispatch('words_in_order')(text)) }}
{%- endmacro %}

{% macro duckdb__words_in_order(text) -%}
    array_to_string(list_sort(string_split({{ text }}, ' ')), ' ')
{%- endmacro %}

{% macro spark__words_in_order(text) -%}
    array_join(sort_array(split({{ text }}, ' ')), ' ')
{%- endmacro %}

{# Texts of a group, put together in an order. #}
{% macro joined_text(text, separator, order_by) -%}
    {{ return(adapter.dispatch('joined_text')(text, separator, order_by)) }}
{%- endmacro %}

{% macro duckdb__joined_text(text, separator, order_by) -%}
    string_agg({{ text }}, {{ separator }} order by {{ order_by }})
{%- endmacro %}

{% macro spark__joined_text(text, separator, order_by) -%}
    listagg({{ text }}, {{ separator }}) within group (order by {{ order_by }})
{%- endmacro %}

{# Words that are written as one apart by a space: BatchOutp, turbo16K, Claude4.6Sonnet. #}
{% macro split_glued_words(text) -%}
    {{ return(adapter.dispatch('split_glued_words')(text)) }}
{%- endmacro %}

{% macro duckdb__split_glued_words(text) -%}
    regexp_replace(
        regexp_replace(
            regexp_replace({{ text }}, '([a-z])[.]?([A-Z])|([a-z])[.]([a-z])', '\1\3 \2\4', 'g'),
            '([0-9])([A-Z][a-z])', '\1 \2', 'g'
        ),
        '([A-Za-z]{3,})([0-9])', '\1 \2', 'g'
    )
{%- endmacro %}

{% macro spark__split_glued_words(text) -%}
    regexp_replace(
        regexp_replace(
            regexp_replace({{ text }}, '([a-z])[.]?([A-Z])|([a-z])[.]([a-z])', '$1$3 $2$4'), '([0-9])([A-Z][a-z])', '$1 $2'
        ),
        '([A-Za-z]{3,})([0-9])', '$1 $2'
    )
{%- endmacro %}

{# Numbers of one digit beside each other as one number: claude-sonnet-4-6 → claude-sonnet-4.6. #}
{% macro joined_numbers(text) -%}
    {{ return(adapter.dispatch('joined_numbers')(text)) }}
{%- endmacro %}

{% macro duckdb__joined_numbers(text) -%}
    regexp_replace({{ text }}, '\b([0-9])[ -]([0-9])\b', '\1.\2', 'g')
{%- endmacro %}

{% macro spark__joined_numbers(text) -%}
    regexp_replace({{ text }}, '\\b([0-9])[ -]([0-9])\\b', '$1.$2')
{%- endmacro %}
