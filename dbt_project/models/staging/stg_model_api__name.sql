-- The newest name of every project, workspace and API key.
with ranked as (
    select
        landed.*,
        row_number() over (
            partition by landed.source_id, landed.kind, landed.item_id
            order by landed.requested_at desc, landed.load_id desc, landed.load_row desc
        ) as name_age
    from {{ lake('model_api__name') }} as landed
)

select
    source_id,
    provider,
    kind,
    item_id,
    item_name,
    parent_id
from ranked
where name_age = 1
