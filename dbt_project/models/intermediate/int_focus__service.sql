-- The FOCUS subcategory of every service that the bill does not say it of, or says one of another category: known names
-- first, else the category's "Other".
with services as (
    select distinct service_category, service_name, service_subcategory
    from {{ ref('base_focus__cost_and_usage') }}
    where
        rejected_column is null
        and service_category is not null
        and (
            service_subcategory is null
            -- A category that FOCUS does not have cannot say which subcategories are its own.
            or (
                service_category in ('Other', {{ "'" ~ focus_subcategories() | join("', '") ~ "'" }})
                and not {{ is_focus_subcategory('service_category', 'service_subcategory') }}
            )
        )
),

named as (
    select
        service_category,
        service_name,
        service_subcategory as given_service_subcategory,
        case
            {%- for category, subcategory, pattern in focus_service_names() %}
            when service_category = '{{ category }}' and {{ matches('service_name', "'" ~ pattern ~ "'") }}
                then '{{ subcategory }}'
            {%- endfor %}
        end as service_subcategory
    from services
)

select
    service_category,
    coalesce(service_name, '') as service_name,
    coalesce(given_service_subcategory, '') as given_service_subcategory,
    coalesce(service_subcategory, 'Other (' || service_category || ')') as service_subcategory,
    case when service_subcategory is null then 'ServiceCategory' else 'ServiceName' end
    || coalesce(', ' || given_service_subcategory || ' is of another category', '') as source_column
from named
