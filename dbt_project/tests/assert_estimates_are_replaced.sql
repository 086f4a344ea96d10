{# An asset check of the model named here: Dagster shows a test of several models nowhere otherwise. #}
{{ config(meta={'dagster': {'ref': {'name': 'fct_cost_to_date_daily'}}}) }}

-- The billed part is the AI spend of the bill, the estimated part is attributable usage that the bill has not replaced,
-- and together with what was replaced that is all usage: nothing is lost between the two and nothing is in both. The
-- parts of every drift sum to it.
with billed as (
    select
        (select coalesce(sum(billed_cost), 0) from {{ ref('fct_cost_to_date_daily') }}) as to_date,
        (select coalesce(sum(billed_cost), 0) from {{ ref('fct_ai_cost_daily') }} where is_ai) as expected
),

estimated as (
    select
        (select coalesce(sum(estimated_cost), 0) from {{ ref('fct_cost_to_date_daily') }})
        + (select coalesce(sum(estimated_cost), 0) from {{ ref('int_reconcile__usage') }} where is_replaced) as to_date,
        (
            select coalesce(sum(estimated_cost), 0) from {{ ref('fct_usage_cost_hourly') }}
            where is_attributable and price_status = 'priced'
        ) as expected
),

tokens as (
    select
        (select coalesce(sum(billed_cost), 0) from {{ ref('fct_estimate_drift_daily') }}) as to_date,
        (select coalesce(sum(billed_cost), 0) from {{ ref('int_reconcile__billed') }}) as expected
)

{% for part in ['billed', 'estimated', 'tokens'] %}
select '{{ part }} cost' as problem, to_date, expected
from {{ part }}
where to_date <> expected

union all
{% endfor %}

select 'the parts of a drift do not sum to it' as problem, sum(price_drift_cost + quantity_drift_cost), sum(drift_cost)
from {{ ref('fct_estimate_drift_daily') }}
where price_drift_cost + quantity_drift_cost <> drift_cost
having count(*) > 0
