with scoped as (
    {% for scope_type, scope_value in [
        ('company', "'all'"), ('sub_account', 'coalesce(sub_account_name, sub_account_id)'), ('team', 'team')
    ] %}
    select
        billing_period_start,
        '{{ scope_type }}' as scope_type,
        {{ scope_value }} as scope_value,
        billing_currency as currency,
        team,
        attribution_method,
        case when attribution_method in ('direct', 'unallocated') and pool_id is null then resource_id end as own_resource_id,
        is_tagged_cost,
        effective_cost
    from {{ ref('int_cost__union') }}
    where is_ai
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

summed as (
    select
        billing_period_start,
        scope_type,
        scope_value,
        currency,
        sum(effective_cost) as ai_cost,
        coalesce(sum(effective_cost) filter (where team is not null), 0) as attributed_cost,
        coalesce(sum(effective_cost) filter (where team is null), 0) as unallocated_cost,
        coalesce(sum(effective_cost) filter (where is_tagged_cost), 0) as tagged_cost,
        coalesce(sum(effective_cost) filter (where attribution_method = 'direct' and not is_tagged_cost), 0) as named_cost,
        coalesce(sum(effective_cost) filter (where attribution_method = 'allocated'), 0) as allocated_cost,
        count(distinct own_resource_id) as resource_count,
        count(distinct own_resource_id) filter (where is_tagged_cost) as tagged_resource_count
    from scoped
    where scope_value is not null
    group by 1, 2, 3, 4
)

select
    billing_period_start,
    scope_type,
    scope_value,
    currency,
    cast(ai_cost as decimal(38, 12)) as ai_cost,
    cast(attributed_cost as decimal(38, 12)) as attributed_cost,
    cast(unallocated_cost as decimal(38, 12)) as unallocated_cost,
    cast(attributed_cost as double) / nullif(cast(ai_cost as double), 0) as coverage_ratio,
    settings.coverage_target as target_ratio,
    cast(tagged_cost as decimal(38, 12)) as tagged_cost,
    cast(named_cost as decimal(38, 12)) as named_cost,
    cast(allocated_cost as decimal(38, 12)) as allocated_cost,
    resource_count,
    tagged_resource_count
from summed
cross join {{ ref('stg_config__setting') }} as settings
