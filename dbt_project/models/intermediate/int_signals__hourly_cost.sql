-- List-price estimates of the newest weeks' usage per scope and hour, for finding what runs away while it does. A view:
-- what `aifinops refresh` prices is in it at once.
{{ config(materialized='view') }}

with estimated as (
    select usage_hour, team, app, model, currency, estimated_cost
    from {{ ref('int_usage__priced') }}
    where
        is_attributable and price_status = 'priced'
        and usage_date >= (select {{ add_days('as_of_date', -36) }} from {{ ref('stg_config__setting') }})
)

{% for scope_type, scope_value in [('company', "'all'"), ('team', "coalesce(team, 'unallocated')"), ('app', 'app'), ('model', 'model')] %}
select
    usage_hour,
    '{{ scope_type }}' as scope_type,
    {{ scope_value }} as scope_value,
    currency,
    cast(sum(estimated_cost) as decimal(38, 12)) as cost
from estimated
{% if scope_type in ['app', 'model'] %}where {{ scope_value }} is not null{% endif %}
group by 1, 2, 3, 4
{{ 'union all' if not loop.last }}
{% endfor %}
