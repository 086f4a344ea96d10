-- What guardrails could have judged at any moment of the last months, as it was known then: what policies are replayed over.
-- No id of its own: a hash would be more than all else of it.
select
    kind,
    budget_id,
    scope_type,
    scope_value,
    subject,
    period,
    metric,
    unit,
    value,
    reference,
    cast({{ share_used('value', 'reference') }} as decimal(18, 6)) as ratio,
    cast({{ share_used('projected_cost', 'reference') }} as decimal(18, 6)) as projected_ratio,
    currency,
    increase_amount,
    data_through,
    is_reconciled,
    known_from,
    known_to,
    is_assumed
from {{ ref('int_guardrail__fact') }}
