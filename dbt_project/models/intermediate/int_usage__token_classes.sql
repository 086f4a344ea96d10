-- Model usage from every source in disjoint token classes, so that each token is priced once. Providers count
-- differently: finops.tokens says how, and the models united here are the same arithmetic in SQL.
{{ config(materialized='view') }}

{% for model in usage_models() %}
select * from {{ ref(model) }}
{{ 'union all' if not loop.last }}
{% endfor %}
