-- A view: these are the intermediate model's rows under a public contract.
{{ config(materialized='view') }}

select
    resource_id,
    resource_name,
    resource_type,
    provider_name,
    sub_account_id,
    sub_account_name,
    region_id,
    service_name,
    is_ai,
    pool_id,
    team,
    app,
    project,
    environment,
    owner,
    first_charged_on,
    last_charged_on
from {{ ref('int_focus__resource') }}
