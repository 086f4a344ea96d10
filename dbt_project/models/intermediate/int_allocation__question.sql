-- What asks for weights: charges of a pool that agree in what weights depend on. The pool's settings go along.
with questions as (
    select distinct {{ allocation_question() | join(', ') }}
    from {{ ref('int_focus__tagged') }}
    where pool_id is not null
)

select
    {{ allocation_question_id('questions') }} as question_id,
    questions.*,
    pools.step,
    pools.driver,
    pools.measured_on,
    pools.look_back_days,
    pools.fallback,
    pools.idle as idle_policy,
    pools.idle_team,
    pools.to_pools
from questions
inner join {{ source('config', 'pool') }} as pools on questions.pool_id = pools.pool_id
