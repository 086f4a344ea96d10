"""Sentences for people: what happened, in money and percentages, and what was done about it.

Here: wording only.
Not here: any judgement (decide) and any layout (the card renderer).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_DOWN, Decimal

from finops.config import policies as p
from finops.config.policies import Policy
from finops.config.values import SEVERITIES
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
    """``2026-10`` as ``October 2026``; other periods as they are."""
    try:
        return BillingPeriod.parse(period).start.strftime("%B %Y") if len(period) == 7 else period
    except ValueError:
        return period


def target_name(fact: GuardrailFact) -> str:
    """``Team search``; ``The company``."""
    if fact.scope_type == "company":
        return "The company"
    return f"{fact.scope_type.replace('_', ' ').capitalize()} {fact.scope_value}"


def verbs(orders: Sequence[str]) -> str:
    """``throttle and pause``."""
    return " and ".join("open a ticket for" if kind == "ticket" else kind for kind in orders) or "act on"


def finding(policy: Policy, fact: GuardrailFact) -> str:
    """What the fact says."""
    name, value = target_name(fact), money(fact.value, fact.currency)
    day = f"on {fact.period}"
    match policy:
        case p.BudgetPolicy():
            return _of_budget(policy, fact, name)
        case p.BurnRatePolicy():
            window = fact.metric.removeprefix("burn_rate_").removesuffix("d")
            allowed = money(fact.reference or Decimal(0), fact.currency)
            return (
                f"{name} cost {value} in {count(int(window), 'day')}, {times(fact.ratio)} times the {allowed} that its "
                f"budget {fact.budget_id} allows in them."
            )
        case p.UsageDoubledPolicy():
            if fact.ratio is None or fact.reference is None:
                return f"{name} cost {value} {day}; there is no typical cost to compare it with."
            typical = money(fact.reference, fact.currency)
            return f"{name} cost {value} {day}, {times(fact.ratio)} times the typical {typical} of that weekday."
        case p.AnomalyPolicy():
            if fact.value < 1:
                return f"{name} has no open incident {fact.subject} any more."
            severity = SEVERITIES[min(int(fact.value), len(SEVERITIES)) - 1]
            impact = money(fact.amount_at_stake, fact.currency)
            return (
                f"{name} has an incident of {severity} severity since {fact.period} ({fact.subject}): {impact} so far."
            )
        case p.OffHoursPolicy():
            return f"{name} cost {value} outside office hours since {fact.period}."
        case p.IdleGpuPolicy():
            pool = f" of {fact.subject}" if fact.subject else ""
            whole = f" of {money(fact.reference, fact.currency)}" if fact.reference is not None else ""
            return f"{name} left {percent(fact.ratio or Decimal(0))} of its GPUs{pool} idle {day}: {value}{whole}."
        case p.TokenCapPolicy():
            cap = policy.caps.get(fact.scope_value, policy.cap)
            share = f", {percent(fact.value / cap)} of its cap of {cap:,}" if cap else ""
            kind = f"{policy.tokens} " if policy.tokens == "output" else ""
            return f"{name} used {fact.value:,.0f} {kind}tokens {day}{share} ({_stake(fact)})."
        case p.ContextLengthPolicy():
            return f"{name} sends {fact.subject} up to {fact.value:,.0f} input tokens a request."
        case p.ModelNotAllowedPolicy():
            return f"{name} used {fact.subject} {day}, which it may not: {value}."
        case p.DataResidencyPolicy():
            return f"{name} spent {value} in 30 days in {fact.subject}, where it may not run."
        case p.TagMissingPolicy():
            return f"{name} has {value} of the last 30 days without the tag {fact.subject}."
        case p.PriceUnknownPolicy():
            return f"{name} used {fact.value:,.0f} tokens without a known price."


def _of_budget(policy: p.BudgetPolicy, fact: GuardrailFact, name: str) -> str:
    used = percent(fact.ratio or Decimal(0))
    of = f"{money(fact.value, fact.currency)} of {money(fact.reference or Decimal(0), fact.currency)}"
    budget = f"its {period_name(fact.period)} budget"
    projected = fact.projected_ratio
    if policy.basis == "projected" and projected is not None and projected > (fact.ratio or 0):
        return f"{name} is projected to use {percent(projected)} of {budget} (so far {used}: {of})."
    return f"{name} has used {used} of {budget}: {of}."


def _stake(fact: GuardrailFact) -> str:
    return money(fact.amount_at_stake, fact.currency)


def times(ratio: Decimal | None) -> str:
    """``8.1``, rounded down."""
    return f"{(ratio or Decimal(0)).quantize(Decimal('0.1'), rounding=ROUND_DOWN):f}"


def count(number: int, what: str) -> str:
    """``1 day``, ``3 days``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def suppressed(
    why: Suppression, policy: Policy, fact: GuardrailFact, wanted: str, acted_at: datetime | None, as_of: datetime
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
            return f"Nobody was asked to {wanted} it: it is on the policy's never-touch list."
        case Suppression.NOT_PERMITTED:
            return f"Nobody was asked to {wanted} it: it is not on the policy's list of what may be touched."
        case Suppression.OVERRIDDEN:
            return f"Nobody was asked to {wanted} it: somebody holds all orders about it for now."
        case Suppression.OUTSIDE_SCHEDULE:
            return f"Nobody was asked to {wanted} it yet: the policy acts at other hours only."
        case Suppression.BLAST_RADIUS:
            return (
                f"Nobody was asked to {wanted} it: the policy touches at most {policy.max_targets_per_run} targets in "
                "one run, and others had more money at stake."
            )


def ordered(
    wanted: str,
    *,
    dry_run: bool,
    acts_at: datetime | None,
    approvals: int,
    approve_until: datetime | None,
    grace_minutes: int,
) -> str:
    """What was, or will be, asked of the platform."""
    if dry_run:
        return f"Dry run: nobody was asked to {wanted} it."
    if approvals and approve_until:
        grace = f", and takes effect {count(grace_minutes, 'minute')} later" if grace_minutes else ""
        people = "one person" if approvals == 1 else f"{approvals} people"
        return f"To {wanted} it needs the approval of {people} until {moment(approve_until)}{grace}."
    if acts_at:
        return f"The platform will be asked to {wanted} it at {moment(acts_at)}, unless it is over by then."
    return f"The platform was asked to {wanted} it."


def released(cause: str, wanted: str | None, dry_run: bool) -> str:
    undo = ""
    if wanted and dry_run:
        undo = " Dry run: there was nothing to undo."
    elif wanted:
        undo = f" The platform was asked to undo: {wanted}."
    return f"The guardrail is released because {cause}.{undo}"


def withdrawn(cause: str, wanted: str, *, waited: bool) -> str:
    """Of orders that were never given."""
    was = "nobody had approved it" if waited else "it had not taken effect"
    return f"The order to {wanted} it is withdrawn because {cause}; {was}."


def moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")
