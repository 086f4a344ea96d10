-- Nodes of the newest answer for each day.
with answers as (
    select
        source_id,
        window_start,
        requested_at,
        row_number() over (
            partition by source_id, window_start order by requested_at desc, load_id desc
        ) as answer_age
    from {{ lake('landing__window') }} as landed
    where table_name = 'opencost__node_price'
)

select
    landed.source_id,
    cast(landed.window_start as date) as usage_date,
    landed.cluster,
    landed.node,
    landed.node_type,
    landed.provider_id,
    landed.is_spot,
    landed.currency,
    {%- for column in ['minutes', 'cpu_cores', 'gpu_count', 'ram_bytes', 'cpu_cost', 'gpu_cost', 'ram_cost', 'total_cost'] %}
    {{ amount_from_text('landed.' ~ column) }} as {{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
from {{ lake('opencost__node_price') }} as landed
inner join answers
    on
        answers.answer_age = 1
        and landed.source_id = answers.source_id
        and landed.window_start = answers.window_start
        and landed.requested_at = answers.requested_at
