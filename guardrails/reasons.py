"""Sentences for people: what happened, in money and percentages, and what was done about it.

Here: wording only.
Not here: any judgement (decide) and any layout (the card renderer).
"""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_DOWN, Decimal

from finops.config.models import BudgetPolicy, Policy
from finops.periods import BillingPeriod
from guardrails.facts import GuardrailFact
from guardrails.states import Suppression


def money(amount: Decimal, currency: str) -> str:
    """``USD 12,504.10``."""
    return f"{currency} {amount:,.2f}"


def percent(share: Decimal) -> str:
    """``104.2%``, rounded down, so that 99.96% never reads as 100%."""
    return f"{(share * 100).quantize(Decimal('0.1'), rounding=ROUND_DOWN):,f}%"


def period_name(period: str) -> str:
    """``2026-10`` as ``October 2026``; a day or quarter as it is."""
    try:
        return BillingPeriod.parse(period).start.strftime("%B %Y") if len(period) == 7 else period
    except ValueError:
        return period


def target_name(fact: GuardrailFact) -> str:
    """``Team search``; ``The company``."""
    if fact.scope_type == "company":
        return "The company"
    return f"{fact.scope_type.replace('_', ' ').capitalize()} {fact.scope_value}"


def finding(policy: Policy, fact: GuardrailFact) -> str:
    """What the fact says."""
    name, value = target_name(fact), money(fact.value, fact.currency)
    if isinstance(policy, BudgetPolicy):
        used = percent(fact.ratio or Decimal(0))
        of = f"{value} of {money(fact.reference or Decimal(0), fact.currency)}"
        budget = f"its {period_name(fact.period)} budget"
        projected = fact.projected_ratio
        if policy.basis == "projected" and projected is not None and projected > (fact.ratio or 0):
            return f"{name} is projected to use {percent(projected)} of {budget} (so far {used}: {of})."
        return f"{name} has used {used} of {budget}: {of}."
    if fact.ratio is None or fact.reference is None:
        return f"{name} cost {value} on {fact.period}; there is no typical cost to compare it with."
    return (
        f"{name} cost {value} on {fact.period}, {fact.ratio.quantize(Decimal('0.1'), rounding=ROUND_DOWN):f} times "
        f"the typical {money(fact.reference, fact.currency)} of that weekday."
    )


def suppressed(
    why: Suppression, policy: Policy, fact: GuardrailFact, verbs: str, acted_at: datetime | None, as_of: datetime
) -> str:
    """Why nothing, or not everything, was done."""
    match why:
        case Suppression.STALE_DATA:
            if fact.data_through is None:
                return "Nothing was done: there is no data behind these figures."
            age = int((as_of - fact.data_through).total_seconds() // 3600)
            return (
                f"Nothing was done: the newest data is from {moment(fact.data_through)}, {age} hours old, and the "
                f"policy allows {policy.max_data_age_hours}."
            )
        case Suppression.NOT_RECONCILED:
            return "Nothing was done: the data behind these figures does not reconcile with its source."
        case Suppression.COOLDOWN:
            last = f" on {moment(acted_at)}" if acted_at else ""
            return (
                f"Nothing was done: this guardrail was last raised{last}, and the policy waits {policy.cooldown_hours} "
                "hours before it is raised again."
            )
        case Suppression.NEVER_TOUCH:
            return f"Nobody was asked to {verbs} it: it is on the policy's never-touch list."
        case Suppression.BLAST_RADIUS:
            return (
                f"Nobody was asked to {verbs} it: the policy touches at most {policy.max_targets_per_run} targets in "
                "one run, and others had more money at stake."
            )


def ordered(verbs: str, dry_run: bool) -> str:
    return f"Dry run: nobody was asked to {verbs} it." if dry_run else f"The platform was asked to {verbs} it."


def released(cause: str, verbs: str | None, dry_run: bool) -> str:
    undo = ""
    if verbs and dry_run:
        undo = " Dry run: there was nothing to undo."
    elif verbs:
        undo = f" The platform was asked to undo: {verbs}."
    return f"The guardrail is released because {cause}.{undo}"


def moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")
