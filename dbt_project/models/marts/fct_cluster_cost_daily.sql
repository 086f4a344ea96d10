-- What the cluster's own price model says its workloads cost: context beside the bill, never added to it.
select
    allocations.usage_date,
    allocations.source_id,
    allocations.cluster,
    allocations.cost_kind,
    allocations.namespace,
    allocations.controller_kind,
    allocations.controller,
    owners.team,
    owners.app,
    owners.attribution_rule,
    allocations.currency,
    count(distinct allocations.pod) as pod_count,
    cast(sum(allocations.cpu_core_hours) as decimal(38, 12)) as cpu_core_hours,
    cast(sum(allocations.gpu_hours) as decimal(38, 12)) as gpu_hours,
    sum(cast(allocations.ram_byte_hours as double)) / 1073741824 as ram_gib_hours,
    {%- for column in [
        'cpu_cost', 'gpu_cost', 'ram_cost', 'pv_cost', 'network_cost', 'load_balancer_cost', 'shared_cost', 'external_cost',
        'total_cost'
    ] %}
    cast(sum(allocations.{{ column }}) as decimal(38, 12)) as estimated_{{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
from {{ ref('stg_opencost__allocation') }} as allocations
left join {{ ref('int_cluster__owner') }} as owners on allocations.allocation_id = owners.allocation_id
group by all
