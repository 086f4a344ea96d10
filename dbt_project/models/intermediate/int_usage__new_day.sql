-- Days that a slice of usage tells again: what its new loads tell of, and what files that they replace told of. Empty where
-- the whole is built.
{{ config(tags=['usage_slice']) }}
-- depends_on: {{ ref('int_usage__new_load') }}
{% if is_usage_slice() %}
    {% set loads = [] %}
    {% if execute %}
        {% for row in run_query('select load_id from ' ~ ref('int_usage__new_load') ~ ' order by 1') %}
            {% do loads.append(row[0]) %}
        {% endfor %}
    {% endif %}
    {% set since = loads[0] if loads else '9' %}
    {% set is_new = "load_id in ('" ~ loads | join("', '") ~ "')" %}
with touched as (
    {% for told in usage_slice_tables() %}
    select cast({{ told.time }} as date) as usage_date
    from {{ lake_files_since(told.table, since) }} as files
    where {{ is_new }}
    {% if told.model %}
    union
    select cast(known.{{ told.moment }} as date) as usage_date
    from {{ api.Relation.create(database=this.database, schema='staging', identifier=told.model) }} as known
    where
        (known.source_id, known.x_file) in (
            select (files.source_id, files.scope)
            from {{ lake_files_since('landing__snapshot', since) }} as files
            where {{ is_new }} and files.table_name = '{{ told.table }}'
        )
    {% endif %}
    {{ 'union' if not loop.last }}
    {% endfor %}
)

select usage_date from touched where usage_date is not null
{% else %}
select cast(null as date) as usage_date where false
{% endif %}
