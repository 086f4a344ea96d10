-- Labels under two keys: as written, and without the prefix that Kubernetes recommends (example.com/team is also team).
with entries as (
    {{ tag_entries(ref('stg_kubernetes__object'), 'object_id', 'labels') }}
)

select
    object_id,
    tag_key,
    min(tag_value) as tag_value
from (
    select object_id, lower(trim(tag_key)) as tag_key, trim(tag_value) as tag_value
    from entries
    union all
    select object_id, {{ extract_group('lower(trim(tag_key))', "'/([^/]+)$'") }} as tag_key, trim(tag_value) as tag_value
    from entries
)
where tag_key is not null and {{ given('tag_value') }} is not null
group by 1, 2
