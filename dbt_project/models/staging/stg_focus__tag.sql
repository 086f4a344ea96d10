-- One row per distinct set of tags and key; keys in lower case, because producers differ in case between rows.
with documents as (
    select distinct tags_id, tags
    from {{ ref('stg_focus__cost_and_usage') }}
    where tags_id is not null
),

entries as (
    {{ tag_entries('documents', 'tags_id', 'tags') }}
)

select
    tags_id,
    lower(trim(tag_key)) as tag_key,
    min(trim(tag_value)) as tag_value
from entries
where trim(tag_key) <> '' and {{ given('tag_value') }} is not null
group by 1, 2
