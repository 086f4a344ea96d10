{# JSON documents kept as text. #}

{# A text member of a JSON object; null where the member or the document is missing. #}
{% macro json_member(document, member) -%}
    {{ return(adapter.dispatch('json_member')(document, member)) }}
{%- endmacro %}

{% macro duckdb__json_member(document, member) -%}
    case when json_valid({{ document }}) then json_extract_string({{ document }}, {{ member }}) end
{%- endmacro %}

{#
  Tags as a JSON object or list, from the three shapes that producers write; null where there are none or where it is
  no JSON:
    {"team": "search"}              FOCUS
    "team": "search","env": "prod"  Azure enterprise agreements: an object without its braces
    [{"key": "team", "value": …}]   lists of pairs, with keys in any case
#}
{% macro tags_document(text) -%}
    {{ return(adapter.dispatch('tags_document')(text)) }}
{%- endmacro %}

{% macro duckdb__tags_document(text) -%}
    case
        when left({{ text }}, 1) in ('{', '[') and json_valid({{ text }}) then {{ text }}
        when left({{ text }}, 1) = '"' and json_valid('{' || {{ text }} || '}') then '{' || {{ text }} || '}'
    end
{%- endmacro %}

{# Tags of tags_document() as a JSON object, also where they came as a list of pairs. #}
{% macro tags_object(document) -%}
    {{ return(adapter.dispatch('tags_object')(document)) }}
{%- endmacro %}

{% macro duckdb__tags_object(document) -%}
    case
        when left({{ document }}, 1) = '[' then cast(to_json(map_from_entries(list_distinct(list_filter(
            list_transform(
                from_json({{ document }}, '["json"]'),
                lambda pair: {
                    'k': coalesce(
                        json_extract_string(pair, '$.key'), json_extract_string(pair, '$.Key'),
                        json_extract_string(pair, '$.tagKey')
                    ),
                    'v': coalesce(
                        json_extract_string(pair, '$.value'), json_extract_string(pair, '$.Value'),
                        json_extract_string(pair, '$.tagValue')
                    )
                }
            ),
            lambda entry: entry.k is not null
        )))) as varchar)
        else {{ document }}
    end
{%- endmacro %}

{# A JSON object as it is; null where the text is anything else. #}
{% macro json_object(text) -%}
    {{ return(adapter.dispatch('json_object')(text)) }}
{%- endmacro %}

{% macro duckdb__json_object(text) -%}
    case when left({{ text }}, 1) = '{' and json_valid({{ text }}) then {{ text }} end
{%- endmacro %}

{# A query of `id`, `tag_key` (as written) and `tag_value`, one row per tag with a value, from a relation of documents. #}
{% macro tag_entries(relation, id, document) -%}
    {{ return(adapter.dispatch('tag_entries')(relation, id, document)) }}
{%- endmacro %}

{% macro duckdb__tag_entries(relation, id, document) -%}
    select
        documents.{{ id }},
        case
            when json_type(documents.{{ document }}) = 'ARRAY'
                then coalesce(
                    json_extract_string(entry.value, '$.key'),
                    json_extract_string(entry.value, '$.Key'),
                    json_extract_string(entry.value, '$.tagKey')
                )
            else entry.key
        end as tag_key,
        case
            when json_type(documents.{{ document }}) = 'ARRAY'
                then coalesce(
                    json_extract_string(entry.value, '$.value'),
                    json_extract_string(entry.value, '$.Value'),
                    json_extract_string(entry.value, '$.tagValue')
                )
            else json_extract_string(entry.value, '$')
        end as tag_value
    from {{ relation }} as documents, lateral json_each(documents.{{ document }}) as entry
    where documents.{{ document }} is not null
{%- endmacro %}

{# The distinct values of a group as a JSON list of texts, in order. #}
{% macro text_list(value) -%}
    {{ return(adapter.dispatch('text_list')(value)) }}
{%- endmacro %}

{% macro duckdb__text_list(value) -%}
    cast(to_json(coalesce(list_sort(list(distinct {{ value }})), cast([] as varchar[]))) as varchar)
{%- endmacro %}
