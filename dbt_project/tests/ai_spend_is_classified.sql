{# An asset check of the model named here: Dagster shows a test of several models nowhere otherwise. #}
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'fct_unclassified_ai_candidate'}}}) }}

-- Nothing that looks like AI spend and costs money is without a rule. A warning: whoever reads it writes a rule, for or
-- against.
select candidate_id, provider_name, service_name, billing_currency, sum(billed_cost) as billed_cost
from {{ ref('fct_unclassified_ai_candidate') }}
group by 1, 2, 3, 4
having sum(billed_cost) <> 0
