-- A view: these are the intermediate model's rows under a public contract.
{{ config(materialized='view') }}

select
    usage_hour,
    node,
    gpu_uuid,
    gpu_model,
    namespace,
    team,
    app,
    pod,
    allocated_seconds,
    idle_seconds,
    busy_gpu_seconds,
    sm_active_seconds,
    mig_profile,
    meter,
    energy_joules
from {{ ref('int_gpu__hourly') }}
