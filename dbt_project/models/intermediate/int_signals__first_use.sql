-- The first day on which a team or an app spent at all, and on which a team used a model or a region, over all that is
-- known; beside it since when its source tells anything, because what a new source shows first is not new.
{% set uses = [('team', 'team', "'all'"), ('app', 'app', "'all'"), ('team', 'model', 'model'), ('team', 'region_id', 'region_id')] %}

with spent as (
    select
        'effective_cost' as metric, usage_date, billing_currency as currency, provider_name as source,
        coalesce(team, 'unallocated') as team, app, model, region_id
    from {{ ref('int_cost__union') }}
    where is_ai and effective_cost > 0
    union all
    select
        'estimated_cost' as metric, usage_date, currency, source, coalesce(team, 'unallocated') as team, app, model, region_id
    from {{ ref('int_usage__daily') }}
    where is_attributable and price_status = 'priced' and estimated_cost > 0
),

used as (
    select metric, currency, source, team, app, model, region_id, min(usage_date) as first_used_on
    from spent
    group by 1, 2, 3, 4, 5, 6, 7
),

sources as (
    select metric, currency, source, min(first_used_on) as source_since
    from used
    group by 1, 2, 3
),

firsts as (
    {% for scope_type, dimension, value in uses %}
    select
        used.metric,
        used.currency,
        '{{ scope_type }}' as scope_type,
        used.{{ scope_type }} as scope_value,
        '{{ dimension }}' as dimension,
        {{ value }} as value,
        min(used.first_used_on) as first_used_on,
        min_by(sources.source_since, used.first_used_on) as source_since
    from used
    inner join sources
        on used.metric = sources.metric and used.currency = sources.currency and used.source is not distinct from sources.source
    where used.{{ scope_type }} is not null {{ "and used." ~ value ~ " is not null" if value != "'all'" }}
    group by 1, 2, 3, 4, 5, 6
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select * from firsts
