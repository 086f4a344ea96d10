-- What units are counted in, by day and owner. matching says which cost the row goes with: priced (usage at the price book's
-- prices), billed (what accounts and pools with cost were used for), all. amount is in tokens, seconds, pieces or, for value, money.
{% set usage_measures = {
    'requests': 'request_count', 'tokens': 'tokens', 'input_tokens': 'input_tokens', 'output_tokens': 'output_tokens'
} %}
{% set usage_dimensions = ['team', 'app', 'project', 'feature', 'customer_hash', 'model', 'environment'] %}

with usage as (
    select
        usage_date,
        resource_id,
        currency,
        {{ usage_dimensions | join(', ') }},
        sum(cast(request_count as decimal(38, 0))) as request_count,
        sum(cast(tokens as decimal(38, 0))) as tokens,
        sum(cast(case when {{ is_output_class('token_class') }} then 0 else tokens end as decimal(38, 0))) as input_tokens,
        sum(cast(case when {{ is_output_class('token_class') }} then tokens else 0 end as decimal(38, 0))) as output_tokens
    from {{ ref('int_usage__daily') }}
    where is_attributable
    group by 1, 2, 3, {% for _ in usage_dimensions %}{{ loop.index + 3 }}{{ ', ' if not loop.last }}{% endfor %}
),

charged as (
    select distinct resource_id, usage_date, currency
    from {{ ref('int_unit__cost') }}
    where cost_basis = 'bill' and measured_by = 'usage' and effective_cost is not null
),

-- Usage of accounts whose bill has come, priced or not, and of the others what their estimate covers.
of_billed_accounts as (
    select
        usage.usage_date, charged.currency,
        {%- for column in usage_dimensions + usage_measures.values() | list %}
        usage.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from usage
    inner join charged on usage.resource_id = charged.resource_id and usage.usage_date = charged.usage_date
),

of_accounts_not_billed_yet as (
    select
        estimates.usage_date,
        estimates.currency,
        estimates.team,
        estimates.app,
        estimates.project,
        cast(null as string) as feature,
        cast(null as string) as customer_hash,
        estimates.model,
        estimates.environment,
        cast(estimates.request_count as decimal(38, 0)) as request_count,
        cast(estimates.tokens as decimal(38, 0)) as tokens,
        cast(case when {{ is_output_class('estimates.token_class') }} then 0 else estimates.tokens end as decimal(38, 0))
            as input_tokens,
        cast(case when {{ is_output_class('estimates.token_class') }} then estimates.tokens else 0 end as decimal(38, 0))
            as output_tokens
    from {{ ref('int_reconcile__usage') }} as estimates
    left join charged
        on
            estimates.account_id = charged.resource_id
            and estimates.usage_date = charged.usage_date
            and estimates.currency = charged.currency
    where not estimates.is_replaced and charged.resource_id is null
),

gpu_time as (
    select
        gpus.usage_date,
        gpus.resource_id,
        case when gpus.namespace is null then pools.idle_team else gpus.team end as team,
        gpus.app,
        sum(gpus.allocated_seconds + gpus.idle_seconds) as gpu_hours,
        sum(gpus.allocated_seconds) as gpu_hours_allocated,
        cast(sum(gpus.busy_gpu_seconds) as decimal(26, 6)) as gpu_hours_busy
    from {{ ref('int_gpu__hourly') }} as gpus
    left join {{ ref('int_gpu__pool') }} as pools on gpus.resource_id = pools.resource_id
    group by 1, 2, 3, 4
),

gpu_pools as (
    select distinct resource_id, usage_date, currency
    from {{ ref('int_unit__cost') }}
    where measured_by = 'gpu'
),

runs as (
    select
        team,
        app,
        project,
        status,
        started_at,
        coalesce(
            ended_at,
            case when status <> 'running' then {{ add_seconds('started_at', 'duration_seconds') }} end,
            settings.as_of
        ) as ended_at
    from {{ ref('fct_training_run') }}
    cross join {{ ref('stg_config__setting') }} as settings
    where started_at is not null and started_at <= settings.as_of
),

days as (
    select date_day, cast(date_day as timestamp) as day_start, cast({{ add_days('date_day', 1) }} as timestamp) as day_end
    from {{ ref('dim_date') }}
    where is_past
),

quantities as (
    {% for measure, column in usage_measures.items() %}
    {% for matching, relation, currency in [
        ('all', 'usage', 'cast(null as string)'),
        ('priced', '(select * from usage where currency is not null)', 'currency'),
        ('billed', 'of_billed_accounts', 'currency'),
        ('billed', 'of_accounts_not_billed_yet', 'currency')
    ] %}
    select
        usage_date, '{{ measure }}' as measure, cast(null as string) as outcome, '{{ matching }}' as matching,
        {{ currency }} as currency, {{ usage_dimensions | join(', ') }}, cast({{ column }} as decimal(38, 12)) as amount
    from {{ relation }} as usage
    where {{ column }} > 0
    union all
    {% endfor %}
    {% endfor %}

    {% for measure in ['gpu_hours', 'gpu_hours_allocated', 'gpu_hours_busy'] %}
    {% for matching, currency in [('all', 'cast(null as string)'), ('billed', 'gpu_pools.currency')] %}
    select
        gpu_time.usage_date, '{{ measure }}' as measure, cast(null as string) as outcome, '{{ matching }}' as matching,
        {{ currency }} as currency, gpu_time.team, gpu_time.app, cast(null as string) as project,
        cast(null as string) as feature, cast(null as string) as customer_hash, cast(null as string) as model,
        cast(null as string) as environment, cast(gpu_time.{{ measure }} as decimal(38, 12)) as amount
    from gpu_time
    {%- if matching == 'billed' %}
    inner join gpu_pools on gpu_time.resource_id = gpu_pools.resource_id and gpu_time.usage_date = gpu_pools.usage_date
    {%- endif %}
    where gpu_time.{{ measure }} > 0
    union all
    {% endfor %}
    {% endfor %}

    select
        days.date_day as usage_date, 'training_hours' as measure, cast(null as string) as outcome, 'all' as matching,
        cast(null as string) as currency, runs.team, runs.app, runs.project, cast(null as string) as feature,
        cast(null as string) as customer_hash, cast(null as string) as model, cast(null as string) as environment,
        cast(
            {{ seconds_between('greatest(runs.started_at, days.day_start)', 'least(runs.ended_at, days.day_end)') }}
            as decimal(26, 6)
        ) as amount
    from runs
    inner join days on runs.started_at < days.day_end and runs.ended_at > days.day_start

    union all

    select
        cast(ended_at as date) as usage_date, 'training_runs' as measure, cast(null as string) as outcome,
        'all' as matching, cast(null as string) as currency, team, app, project, cast(null as string) as feature,
        cast(null as string) as customer_hash, cast(null as string) as model, cast(null as string) as environment,
        cast(1 as decimal(38, 12)) as amount
    from runs
    where status = 'finished'

    union all

    select
        records.outcome_date as usage_date, 'outcome' as measure, records.outcome, 'all' as matching,
        cast(null as string) as currency, coalesce(records.team, apps.team) as team, records.app,
        cast(null as string) as project, records.feature, cast(null as string) as customer_hash,
        cast(null as string) as model, cast(null as string) as environment, records.quantity as amount
    from {{ ref('stg_outcomes__record') }} as records
    left join {{ ref('dim_app') }} as apps on records.app = apps.app

    union all

    select
        records.outcome_date as usage_date, 'value' as measure, records.outcome, 'all' as matching,
        records.currency, coalesce(records.team, apps.team) as team, records.app,
        cast(null as string) as project, records.feature, cast(null as string) as customer_hash,
        cast(null as string) as model, cast(null as string) as environment, records.value_amount as amount
    from {{ ref('stg_outcomes__record') }} as records
    left join {{ ref('dim_app') }} as apps on records.app = apps.app
    where records.value_amount is not null and records.currency is not null
)

select
    quantities.usage_date, quantities.measure, quantities.outcome, quantities.matching, quantities.currency,
    {%- for column in usage_dimensions %}
    quantities.{{ column }},
    {%- endfor %}
    cast(sum(quantities.amount) as decimal(38, 12)) as amount
from quantities
-- No unit asks for most of them.
inner join (select distinct measure, matching from {{ ref('int_unit__definition') }}) as asked
    on quantities.measure = asked.measure and quantities.matching = asked.matching
group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
