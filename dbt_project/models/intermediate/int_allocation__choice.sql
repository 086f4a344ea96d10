-- Which set of weights splits a shared charge: the pool's driver as close to the charge as it was measured, then the
-- pool's fallback, else none (the charge stays whole and is called unmatched). One row per distinct question.
with questions as (
    select distinct
        pool_id,
        pool_driver,
        pool_fallback,
        pool_idle,
        resource_id,
        usage_date,
        billing_currency,
        model,
        token_class
    from {{ ref('int_focus__tagged') }}
    where pool_id is not null
),

-- Scale sets that no node name points to share the nodes that point to none.
seen_scale_sets as (
    select distinct resource_id from {{ ref('int_gpu__hourly') }} where resource_id is not null
),

candidates as (
    select *, 1 as preference, false as is_fallback,
        {{ weight_set(['usage_cost', 'resource_id', 'usage_date', 'model', 'token_class']) }} as weight_set
    from questions where pool_driver = 'usage_cost'
    union all
    select *, 2, false, {{ weight_set(['usage_cost', 'resource_id', 'usage_date']) }}
    from questions where pool_driver = 'usage_cost'
    union all
    select *, 1, false,
        case pool_idle
            when 'show' then {{ weight_set(['gpu_seconds', 'show', 'resource_id', 'usage_date']) }}
            else {{ weight_set(['gpu_seconds', 'spread', 'resource_id', 'usage_date']) }}
        end
    from questions where pool_driver = 'gpu_seconds'
    union all
    select *, 2, false,
        case pool_idle
            when 'show' then {{ weight_set(['gpu_seconds', 'show', "'other nodes'", 'usage_date']) }}
            else {{ weight_set(['gpu_seconds', 'spread', "'other nodes'", 'usage_date']) }}
        end
    from questions
    where pool_driver = 'gpu_seconds' and resource_id not in (select seen.resource_id from seen_scale_sets as seen)
    {% for driver, preference, is_fallback in [('pool_driver', 3, 'false'), ('pool_fallback', 4, 'true')] -%}
    union all
    select *, {{ preference }}, {{ is_fallback }},
        case {{ driver }}
            when 'direct_cost' then {{ weight_set(['direct_cost', month_of('usage_date'), 'billing_currency']) }}
            when 'even' then {{ weight_set(['even']) }}
            when 'fixed' then {{ weight_set(['fixed', 'pool_id']) }}
        end
    from questions
    {% endfor %}
),

known_sets as (
    select distinct weight_set from {{ ref('int_allocation__weights') }}
),

ranked as (
    select
        candidates.*,
        row_number() over (
            partition by pool_id, resource_id, usage_date, billing_currency, model, token_class order by preference
        ) as choice
    from candidates
    inner join known_sets on candidates.weight_set = known_sets.weight_set
)

select
    pool_id,
    resource_id,
    usage_date,
    billing_currency,
    model,
    token_class,
    weight_set,
    is_fallback
from ranked
where choice = 1
