-- In-cluster estimates of the newest answer for each day. An answer without rows is an empty day, and what an older answer
-- had for it does not count.
with answers as (
    select
        source_id,
        window_start,
        requested_at,
        row_number() over (
            partition by source_id, window_start order by requested_at desc, load_id desc
        ) as answer_age
    from {{ lake('landing__window') }} as landed
    where table_name = 'opencost__allocation'
)

select
    {{ stable_id(['landed.load_file', 'landed.load_row']) }} as allocation_id,
    landed.source_id,
    cast(landed.window_start as date) as usage_date,
    cast(landed.window_start as timestamp) as window_start,
    cast(landed.window_end as timestamp) as window_end,
    landed.name,
    landed.cluster,
    landed.node,
    landed.namespace,
    landed.pod,
    landed.controller_kind,
    landed.controller,
    {{ tags_document('landed.labels') }} as labels,
    {{ tags_document('landed.namespace_labels') }} as namespace_labels,
    case
        when landed.name like '%!_!_idle!_!_%' escape '!' then 'idle'
        when landed.namespace is null then 'unallocated'
        else 'workload'
    end as cost_kind,
    cast(landed.started_at as timestamp) as started_at,
    cast(landed.ended_at as timestamp) as ended_at,
    landed.currency,
    {%- for column in [
        'cpu_core_hours', 'gpu_hours', 'ram_byte_hours', 'cpu_cost', 'gpu_cost', 'ram_cost', 'pv_cost', 'network_cost',
        'load_balancer_cost', 'shared_cost', 'external_cost', 'total_cost'
    ] %}
    coalesce({{ amount_from_text('landed.' ~ column) }}, 0) as {{ column }},
    {%- endfor %}
    {{ amount_from_text('landed.cpu_efficiency') }} as cpu_efficiency,
    {{ amount_from_text('landed.ram_efficiency') }} as ram_efficiency
from {{ lake('opencost__allocation') }} as landed
inner join answers
    on
        answers.answer_age = 1
        and landed.source_id = answers.source_id
        and landed.window_start = answers.window_start
        and landed.requested_at = answers.requested_at
