{# JSON documents kept as text. #}

{# A text member of a JSON object; null where the member or the document is missing. #}
{% macro json_member(document, member) -%}
    {{ return(adapter.dispatch('json_member')(document, member)) }}
{%- endmacro %}

{% macro duckdb__json_member(document, member) -%}
    case when json_valid({{ document }}) then json_extract_string({{ document }}, {{ member }}) end
{%- endmacro %}

{% macro spark__json_member(document, member) -%}
    case when {{ _is_json(document) }} then get_json_object({{ document }}, {{ member }}) end
{%- endmacro %}

{# Spark's readers of JSON take what they can of a broken document; the variant's reader refuses it. #}
{% macro _is_json(text) -%}
    (try_parse_json({{ text }}) is not null)
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

{% macro spark__tags_document(text) -%}
    case
        when left({{ text }}, 1) in ('{', '[') and {{ _is_json(text) }} then {{ text }}
        when left({{ text }}, 1) = '"' and {{ _is_json("'{' || " ~ text ~ " || '}'") }} then '{' || {{ text }} || '}'
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

{% macro spark__tags_object(document) -%}
    case
        when left({{ document }}, 1) = '['
            then to_json(map_from_entries(array_distinct(filter({{ _pairs(document) }}, entry -> entry.k is not null))))
        else {{ document }}
    end
{%- endmacro %}

{# A JSON list of pairs as an array of `k` and `v`. #}
{% macro _pairs(document) -%}
    transform(
        from_json({{ document }}, 'array<map<string, string>>'),
        pair -> named_struct(
            'k', coalesce(pair['key'], pair['Key'], pair['tagKey']),
            'v', coalesce(pair['value'], pair['Value'], pair['tagValue'])
        )
    )
{%- endmacro %}

{# A JSON object as it is; null where the text is anything else. #}
{% macro json_object(text) -%}
    {{ return(adapter.dispatch('json_object')(text)) }}
{%- endmacro %}

{% macro duckdb__json_object(text) -%}
    case when left({{ text }}, 1) = '{' and json_valid({{ text }}) then {{ text }} end
{%- endmacro %}

{% macro spark__json_object(text) -%}
    case when left({{ text }}, 1) = '{' and {{ _is_json(text) }} then {{ text }} end
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

{% macro spark__tag_entries(relation, id, document) -%}
    {%- set text = 'documents.' ~ document -%}
    select documents.{{ id }}, tags.entry.k as tag_key, tags.entry.v as tag_value
    from {{ relation }} as documents
    lateral view explode(
        case
            when left({{ text }}, 1) = '[' then {{ _pairs(text) }}
            else transform(
                map_entries(from_json({{ text }}, 'map<string, string>')), pair -> named_struct('k', pair.key, 'v', pair.value)
            )
        end
    ) tags as entry
{%- endmacro %}

{# The distinct values of a group as a JSON list of texts, in order. #}
{% macro text_list(value) -%}
    {{ return(adapter.dispatch('text_list')(value)) }}
{%- endmacro %}

{% macro duckdb__text_list(value) -%}
    cast(to_json(coalesce(list_sort(list(distinct {{ value }})), cast([] as varchar[]))) as varchar)
{%- endmacro %}

{% macro spark__text_list(value) -%}
    to_json(sort_array(collect_set({{ value }})))
{%- endmacro %}
