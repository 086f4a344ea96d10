{# Step-down allocation: pools are split step by step (finops.config.allocation.STEPS), and a later step sees what earlier ones gave. #}

{% macro allocation_steps() -%}
    {{ return([1, 2, 3]) }}
{%- endmacro %}

{# What a step's months are made of, besides the months of charges and of earlier steps. #}
{% macro told_by_month_of_step() -%}
    {{ return(told_by_month(
        reads={
            'int_allocation__question': month_of('usage_date'),
            'int_allocation__direct_cost': 'usage_month',
            'int_allocation__measured': 'usage_month',
            'int_allocation__measured_weights': 'usage_month',
        },
        day='usage_month'
    )) }}
{%- endmacro %}

{% macro cost_measures() -%}
    {{ return(['billed_cost', 'effective_cost', 'list_cost', 'contracted_cost']) }}
{%- endmacro %}

{# The columns of a part of a shared charge, besides its costs. #}
{% macro allocation_part_columns() -%}
    {{ return([
        'part_id', 'charge_id', 'pool_id', 'allocation_path', 'usage_month', 'billing_currency', 'weight_set', 'driver',
        'driver_basis', 'target_number', 'target_count', 'target_pool_id', 'team', 'app', 'idle_kind', 'driver_value',
        'driver_total', 'share', 'split_effective_cost'
    ]) }}
{%- endmacro %}

{# The parts that earlier steps made, or none. #}
{% macro parts_of_earlier_steps(step) -%}
    (
        {%- for earlier in allocation_steps() if earlier < step %}
        select * from {{ ref('int_allocation__step_' ~ earlier) }} where {{ is_told_month('usage_month') }}
        {{ 'union all' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}

{#
  CTEs that end in `<kind>_parts`: `<kind>_targets` with their parts of what is split. Only what is needed goes through the
  sorting; the rest is joined to it again.
#}
{% macro allocation_parts(kind) -%}
{{ kind }}_amounts as (
    select part_id, split_id, target_number, weight_units, total_units, {{ cost_measures() | join(', ') }}
    from {{ kind }}_targets
),

{{ kind }}_split as (
    {{ split_exactly(kind ~ '_amounts', 'split_id', cost_measures(), ['part_id'], 'target_number') }}
),

{{ kind }}_parts as (
    select
        {%- for column in allocation_part_columns() %}
        targets.{{ column }},
        {%- endfor %}
        {%- for measure in cost_measures() %}
        split.{{ measure }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ kind }}_targets as targets
    inner join {{ kind }}_split as split on targets.part_id = split.part_id
),
{%- endmacro %}

{#
  One step: charges of its pools split by their weights, and what earlier steps gave its pools passed on as the pool's own
  cost of the month was split. Parts of what is split sum to it exactly, for each of the four costs.

  A part's target is a team (and app), idle capacity, or a pool of a later step (target_pool_id), which passes it on. A
  charge that nothing can split stays whole, without a target.
#}
{% macro allocation_step(step) -%}
with questions as (
    select * from {{ ref('int_allocation__question') }} where step = {{ step }} and {{ is_told_month('usage_date') }}
),

-- Cost of teams and pools in a month: their own, and with what earlier steps gave.
team_cost as (
    select 'direct_cost' as driver, usage_month, billing_currency, team, cast(null as string) as target_pool_id,
        effective_cost
    from {{ ref('int_allocation__direct_cost') }}
    where pool_id is null and {{ is_told_month('usage_month') }}

    union all

    select 'cost_so_far', usage_month, billing_currency, team, cast(null as string), effective_cost
    from {{ ref('int_allocation__direct_cost') }}
    where pool_id is null and {{ is_told_month('usage_month') }}
    {% if step > 1 %}
    union all

    select 'cost_so_far', usage_month, billing_currency, team, cast(null as string), effective_cost
    from {{ parts_of_earlier_steps(step) }} as earlier
    where team is not null
    {% endif %}
),

pool_cost as (
    select
        costs.usage_month,
        costs.billing_currency,
        costs.pool_id as target_pool_id,
        sum(costs.effective_cost) as effective_cost
    from {{ ref('int_allocation__direct_cost') }} as costs
    inner join {{ source('config', 'pool') }} as pools on costs.pool_id = pools.pool_id
    where pools.step > {{ step }} and {{ is_told_month('costs.usage_month') }}
    group by 1, 2, 3
),

covered as (
    select
        charges.charge_id,
        charges.commitment_discount_id,
        {{ month_of('charges.usage_date') }} as usage_month,
        charges.billing_currency,
        charges.team,
        charges.app,
        charges.pool_id,
        pools.step,
        charges.effective_cost
    from {{ ref('int_focus__tagged') }} as charges
    left join {{ source('config', 'pool') }} as pools on charges.pool_id = pools.pool_id
    where
        charges.commitment_discount_id is not null
        and charges.commitment_discount_status = 'Used'
        and {{ is_told_month('charges.usage_date') }}
),

-- Whose the charges are that a commitment covered. Shared ones are their pool's, which passes on what it is given, or
-- where that is of an earlier step whom it was split between.
commitment_use as (
    select
        commitment_discount_id, usage_month, billing_currency,
        case when pool_id is null then team end as team,
        case when pool_id is null then app end as app,
        pool_id as target_pool_id,
        effective_cost
    from covered
    where pool_id is null or step > {{ step }}
    {% if step > 1 %}
    union all

    select
        covered.commitment_discount_id, covered.usage_month, covered.billing_currency, earlier.team, earlier.app,
        cast(null as string), earlier.effective_cost
    from covered
    inner join {{ parts_of_earlier_steps(step) }} as earlier on covered.charge_id = earlier.charge_id
    where covered.step < {{ step }} and earlier.target_pool_id is null
    {% endif %}
),

cost_targets as (
    {% for to_pools in [false, true] %}
    select
        case driver when 'cost_so_far' then 'cost_so_far, step {{ step }}' else driver end
        || ' | {{ 'with pools | ' if to_pools }}' || cast(usage_month as string) || ' | ' || billing_currency as weight_set,
        driver, team, cast(null as string) as app, target_pool_id,
        cast(sum(effective_cost) as decimal(38, 12)) as driver_value
    from (
        select * from team_cost
        {% if to_pools %}
        union all
        select drivers.driver, usage_month, billing_currency, cast(null as string), target_pool_id, effective_cost
        from pool_cost
        cross join (select 'direct_cost' as driver union all select 'cost_so_far') as drivers
        {% endif %}
    ) as costs
    group by usage_month, billing_currency, driver, team, target_pool_id

    union all
    {% endfor %}

    select
        {{ weight_set(["'commitment_use'", 'commitment_discount_id', 'usage_month', 'billing_currency']) }},
        'commitment_use', team, app, target_pool_id, cast(sum(effective_cost) as decimal(38, 12))
    from commitment_use
    where exists (select 1 from questions where driver = 'commitment_use')
    group by commitment_discount_id, usage_month, billing_currency, team, app, target_pool_id

    union all

    select 'even', 'even', team, cast(null as string), cast(null as string), cast(1 as decimal(38, 12))
    from {{ source('config', 'team') }}

    union all

    select
        {{ weight_set(["'fixed'", 'pool_id']) }}, 'fixed', team, cast(null as string), cast(null as string), weight
    from {{ source('config', 'pool_share') }}
),

cost_weights as (
    {{ as_weights('(select *, cast(null as string) as idle_kind from cost_targets)') }}
),

known_sets as (
    select distinct weight_set from cost_weights
),

asked_sets as (
    {% for driver, basis, preference in [('driver', 'measured', 1), ('fallback', 'fallback', 2)] %}
    select
        question_id,
        {{ preference }} as preference,
        '{{ basis }}' as driver_basis,
        case {{ driver }}
            when 'direct_cost'
                then 'direct_cost | ' || case when to_pools and '{{ basis }}' = 'measured' then 'with pools | ' else '' end
                    || cast({{ month_of('usage_date') }} as string) || ' | ' || billing_currency
            {% if driver == 'driver' %}
            when 'cost_so_far'
                then 'cost_so_far, step {{ step }} | ' || case when to_pools then 'with pools | ' else '' end
                    || cast({{ month_of('usage_date') }} as string) || ' | ' || billing_currency
            when 'commitment_use'
                then {{ weight_set([
                    "'commitment_use'", 'commitment_discount_id', month_of('usage_date'), 'billing_currency'
                ]) }}
            {% endif %}
            when 'even' then 'even'
            when 'fixed' then {{ weight_set(["'fixed'", 'pool_id']) }}
        end as weight_set
    from questions
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

chosen as (
    select questions.question_id, 0 as preference, measured.driver_basis, measured.weight_set
    from questions
    inner join {{ ref('int_allocation__measured') }} as measured on questions.question_id = measured.question_id

    union all

    select asked_sets.question_id, asked_sets.preference, asked_sets.driver_basis, asked_sets.weight_set
    from asked_sets
    inner join known_sets on asked_sets.weight_set = known_sets.weight_set
),

ranked as (
    select *, row_number() over (partition by question_id order by preference) as place from chosen
),

weights as (
    select cast(null as date) as usage_month, cost_weights.* from cost_weights
    union all
    select measured.*
    from {{ ref('int_allocation__measured_weights') }} as measured
    where {{ is_told_month('measured.usage_month') }}
),

shared as (
    select
        charges.charge_id,
        charges.pool_id,
        {{ month_of('charges.usage_date') }} as usage_month,
        charges.billing_currency,
        ranked.weight_set,
        ranked.driver_basis,
        questions.fallback,
        questions.idle_team,
        charges.team as owner_team,
        charges.app as owner_app,
        {%- for measure in cost_measures() %}
        charges.{{ measure }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('int_focus__tagged') }} as charges
    inner join questions on {{ allocation_question_id('charges') }} = questions.question_id
    left join ranked on questions.question_id = ranked.question_id and ranked.place = 1
    where charges.pool_id is not null and {{ is_told_month('charges.usage_date') }}
),

own_targets as (
    select
        shared.charge_id || '/' || cast(weights.target_number as string) as part_id,
        shared.charge_id as split_id,
        shared.charge_id,
        shared.pool_id,
        shared.pool_id as allocation_path,
        shared.usage_month,
        shared.billing_currency,
        shared.weight_set,
        weights.driver,
        shared.driver_basis,
        weights.target_number,
        weights.target_count,
        weights.target_pool_id,
        case when weights.idle_kind is null then weights.team else coalesce(weights.team, shared.idle_team) end as team,
        weights.app,
        weights.idle_kind,
        weights.driver_value,
        weights.driver_total,
        weights.share,
        shared.effective_cost as split_effective_cost,
        weights.weight_units,
        weights.total_units,
        {%- for measure in cost_measures() %}
        shared.{{ measure }}{{ ',' if not loop.last }}
        {%- endfor %}
    from shared
    inner join weights
        on
            shared.weight_set = weights.weight_set
            and (weights.usage_month is null or shared.usage_month = weights.usage_month)
),

{{ allocation_parts('own') }}

unsplit as (
    select *, coalesce(fallback = 'owner' and owner_team is not null, false) as is_owners
    from shared
    where weight_set is null
),

own as (
    select {{ allocation_part_columns() | join(', ') }}, {{ cost_measures() | join(', ') }} from own_parts

    union all

    select
        charge_id || '/1' as part_id,
        charge_id,
        pool_id,
        pool_id as allocation_path,
        usage_month,
        billing_currency,
        cast(null as string) as weight_set,
        case when is_owners then 'owner' end as driver,
        case when is_owners then 'fallback' end as driver_basis,
        cast(1 as bigint) as target_number,
        cast(1 as bigint) as target_count,
        cast(null as string) as target_pool_id,
        case when is_owners then owner_team end as team,
        case when is_owners then owner_app end as app,
        cast(null as string) as idle_kind,
        cast(null as decimal(38, 12)) as driver_value,
        cast(null as decimal(38, 12)) as driver_total,
        cast(null as decimal(18, 6)) as share,
        effective_cost as split_effective_cost,
        {{ cost_measures() | join(', ') }}
    from unsplit
){{ ',' if step > 1 }}
{% if step > 1 %}
-- What earlier steps gave the pools of this one, passed on in proportion to their own cost of the month.
received as (
    select earlier.*
    from {{ parts_of_earlier_steps(step) }} as earlier
    inner join {{ source('config', 'pool') }} as pools on earlier.target_pool_id = pools.pool_id
    where pools.step = {{ step }}
),

own_results as (
    select
        {{ weight_set(["'as the pool'", 'pool_id', 'usage_month', 'billing_currency']) }} as weight_set,
        'pool_cost' as driver,
        team,
        app,
        idle_kind,
        target_pool_id,
        sum(effective_cost) as driver_value
    from own
    where
        pool_id in (select target_pool_id from received)
        and (weight_set is not null or driver = 'owner')
    group by pool_id, usage_month, billing_currency, team, app, idle_kind, target_pool_id
),

pass_on_weights as (
    {{ as_weights('own_results') }}
),

received_sets as (
    select
        *,
        {{ weight_set(["'as the pool'", 'target_pool_id', 'usage_month', 'billing_currency']) }} as passing_set
    from received
),

received_targets as (
    select
        received.part_id || '/' || cast(weights.target_number as string) as part_id,
        received.part_id as split_id,
        received.charge_id,
        received.pool_id,
        received.allocation_path || ' > ' || received.target_pool_id as allocation_path,
        received.usage_month,
        received.billing_currency,
        weights.weight_set,
        weights.driver,
        received.driver_basis,
        weights.target_number,
        weights.target_count,
        weights.target_pool_id,
        weights.team,
        weights.app,
        weights.idle_kind,
        weights.driver_value,
        weights.driver_total,
        weights.share,
        received.effective_cost as split_effective_cost,
        weights.weight_units,
        weights.total_units,
        {%- for measure in cost_measures() %}
        received.{{ measure }}{{ ',' if not loop.last }}
        {%- endfor %}
    from received_sets as received
    inner join pass_on_weights as weights on received.passing_set = weights.weight_set
),

{{ allocation_parts('received') }}

-- A pool that nothing split this month cannot pass anything on.
kept as (
    select received.*
    from received_sets as received
    left join pass_on_weights as weights on received.passing_set = weights.weight_set
    where weights.weight_set is null
)
{% endif %}
select {{ allocation_part_columns() | join(', ') }}, {{ cost_measures() | join(', ') }} from own
{% if step > 1 %}
union all

select {{ allocation_part_columns() | join(', ') }}, {{ cost_measures() | join(', ') }} from received_parts

union all

select
    part_id || '/1' as part_id, charge_id, pool_id, allocation_path || ' > ' || target_pool_id as allocation_path,
    usage_month, billing_currency, cast(null as string) as weight_set, cast(null as string) as driver,
    cast(null as string) as driver_basis, cast(1 as bigint) as target_number, cast(1 as bigint) as target_count,
    cast(null as string) as target_pool_id, cast(null as string) as team, cast(null as string) as app,
    cast(null as string) as idle_kind, cast(null as decimal(38, 12)) as driver_value,
    cast(null as decimal(38, 12)) as driver_total, cast(null as decimal(18, 6)) as share,
    effective_cost as split_effective_cost, {{ cost_measures() | join(', ') }}
from kept
{% endif %}
{%- endmacro %}
