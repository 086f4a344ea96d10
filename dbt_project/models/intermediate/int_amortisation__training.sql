-- What was paid for training on a day, by policy: each is spread on its own. Runs count on the day they ended, failed ones too,
-- because a model that serves cost those as well.
with facts as (
    select
        'runs' as training_basis,
        cast(
            coalesce(ended_at, {{ add_seconds('started_at', 'coalesce(duration_seconds, 0)') }}) as date
        ) as training_date,
        currency,
        team, app, project, experiment, stage, cast(null as string) as ai_category,
        cast(null as decimal(38, 12)) as effective_cost,
        estimated_cost
    from {{ ref('fct_training_run') }}
    where estimated_cost is not null and (ended_at is not null or coalesce(status, '') not in ('running', 'scheduled'))

    union all

    select
        'bill' as training_basis,
        usage_date as training_date,
        billing_currency as currency,
        team, app, project, cast(null as string) as experiment, cast(null as string) as stage, ai_category,
        effective_cost,
        cast(null as decimal(38, 12)) as estimated_cost
    from {{ ref('int_cost__union') }}
    where is_ai and effective_cost <> 0
),

due as (
    select facts.*
    from facts
    cross join {{ ref('stg_config__setting') }} as settings
    where facts.training_date <= settings.as_of_date
)

select
    {{ stable_id(['policies.amortisation_id', 'due.training_date', 'due.currency']) }} as training_key,
    policies.amortisation_id,
    policies.method,
    policies.expected_measure,
    policies.expected_quantity,
    due.training_date,
    {{ add_months('due.training_date', 'coalesce(policies.months, 1)') }} as ends_before,
    due.currency,
    cast(sum(due.effective_cost) as decimal(38, 12)) as training_effective_cost,
    cast(sum(due.estimated_cost) as decimal(38, 12)) as training_estimated_cost
from due
inner join {{ ref('int_amortisation__policy') }} as policies
    on due.training_basis = policies.training_basis and due.training_date >= policies.starts_on
{{ of_amortisation('policies', 'due', 'training', training_dimensions()) }}
group by 1, 2, 3, 4, 5, 6, 7, 8
