-- Every resource that the bill names, as its newest charge describes it.
with spans as (
    select
        resource_id,
        min(usage_date) as first_charged_on,
        max(usage_date) as last_charged_on,
        bool_or(is_ai) as is_ai
    from {{ ref('int_focus__tagged') }}
    where resource_id is not null
    group by resource_id
),

-- Sorting the charges of each one's last day takes little where sorting all charges takes long.
ranked as (
    select
        charges.*,
        row_number() over (
            partition by charges.resource_id
            -- Ids of charges come from names of files: what two charges of a day say decides before them, whatever was landed when.
            order by
                (charges.team is not null) desc, charges.load_id desc, (charges.app is not null) desc,
                coalesce(charges.team, ''), coalesce(charges.app, ''), coalesce(charges.project, ''),
                coalesce(charges.environment, ''), coalesce(charges.owner, ''), coalesce(charges.resource_name, ''),
                charges.charge_id
        ) as charge_age
    from {{ ref('int_focus__tagged') }} as charges
    inner join spans on charges.resource_id = spans.resource_id and charges.usage_date = spans.last_charged_on
)

select
    ranked.resource_id,
    ranked.resource_name,
    ranked.resource_type,
    ranked.provider_name,
    ranked.sub_account_id,
    ranked.sub_account_name,
    ranked.region_id,
    ranked.service_name,
    spans.is_ai,
    case when ranked.is_shared_resource then ranked.pool_id end as pool_id,
    ranked.team,
    ranked.app,
    ranked.project,
    ranked.environment,
    ranked.owner,
    spans.first_charged_on,
    spans.last_charged_on
from ranked
inner join spans on ranked.resource_id = spans.resource_id
where ranked.charge_age = 1
