-- List-price estimates of the newest weeks' usage per scope and hour, for forecasting
-- the next hours. A view: what `aifinops refresh` prices is in it at once.
{{ config(materialized='view') }}

with estimated as (
    select
        usage.usage_hour, teams.business_unit, usage.team, usage.app, usage.model, usage.currency,
        usage.estimated_cost, usage.tokens, usage.request_count
    from {{ ref('int_usage__priced') }} as usage
    left join {{ ref('dim_team') }} as teams on usage.team = teams.team
    where
        usage.is_attributable and usage.price_status = 'priced'
        and usage.usage_date >= (select {{ add_days('as_of_date', -36) }} from {{ ref('stg_config__setting') }})
)

{% for scope_type, scope_value in [
    ('company', "'all'"), ('business_unit', 'business_unit'), ('team', "coalesce(team, 'unallocated')"), ('app', 'app'),
    ('model', 'model')
] %}
select
    usage_hour,
    '{{ scope_type }}' as scope_type,
    {{ scope_value }} as scope_value,
    currency,
    cast(sum(estimated_cost) as decimal(38, 12)) as cost,
    cast(sum(tokens) as bigint) as tokens,
    cast(sum(request_count) as bigint) as request_count
from estimated
{% if scope_type not in ['company', 'team'] %}where {{ scope_value }} is not null{% endif %}
group by 1, 2, 3, 4
{{ 'union all' if not loop.last }}
{% endfor %}
