-- Inference that a policy's training is for, by day: what by_usage counts, and what a day's part is divided by.
select
    policies.amortisation_id,
    usage.usage_date,
    usage.team,
    usage.app,
    usage.model,
    cast(sum(cast(usage.tokens as decimal(38, 0))) as bigint) as tokens,
    cast(sum(case when policies.expected_measure = 'requests' then usage.request_count else usage.tokens end) as bigint)
        as quantity
from (
    select usage_date, team, app, model, sum(tokens) as tokens, sum(request_count) as request_count
    from {{ ref('int_usage__daily') }}
    where is_attributable
    group by 1, 2, 3, 4
) as usage
cross join {{ ref('int_amortisation__policy') }} as policies
{{ of_amortisation('policies', 'usage', 'served_by', ['app', 'model']) }}
group by 1, 2, 3, 4, 5
