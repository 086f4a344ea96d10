-- How busy machines with GPUs were, by GPU; the row without a GPU is the machine itself.
with points as (
    select
        point_hour as usage_hour,
        resource_id,
        {{ json_member('dimensions', "'$.index'") }} as gpu_index,
        {{ json_member('dimensions', "'$.name'") }} as gpu_model,
        lower(metric_name) as metric_name,
        lower(aggregation) as aggregation,
        value
    from {{ ref('stg_azure_monitor__metric') }}
    where
        lower(metric_name) in (
            'percentage cpu', 'available memory percentage', 'utilization_gpu', 'utilization_memory', 'memory_used',
            'power_draw'
        )
)

select
    usage_hour,
    resource_id,
    gpu_index,
    max(gpu_model) as gpu_model,
    {%- for column, metric, aggregation, divisor in [
        ('cpu_utilization_ratio', 'percentage cpu', 'average', '100.0'),
        ('highest_cpu_utilization_ratio', 'percentage cpu', 'maximum', '100.0'),
        ('available_memory_ratio', 'available memory percentage', 'average', '100.0'),
        ('gpu_utilization_ratio', 'utilization_gpu', 'average', '100.0'),
        ('highest_gpu_utilization_ratio', 'utilization_gpu', 'maximum', '100.0'),
        ('gpu_memory_utilization_ratio', 'utilization_memory', 'average', '100.0'),
        ('gpu_memory_used_mib', 'memory_used', 'average', '1'),
        ('power_watts', 'power_draw', 'average', '1'),
    ] %}
    cast({{ 'avg' if aggregation == 'average' else 'max' }}(value) filter (
        where metric_name = '{{ metric }}' and aggregation = '{{ aggregation }}'
    ) / {{ divisor }} as double) as {{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
from points
group by 1, 2, 3
