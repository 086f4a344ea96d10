"""May a job spend what it expects to? A pure function of the ask, the budgets, what others hold, and the clock.

Here: asks, answers, the judgement, its words.
Not here: holding money (book), and where budgets stand (facts).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from finops.config.policies import Gate
from guardrails.facts import plain
from guardrails.gate.facts import BudgetLine, GateFacts, UnknownRateError
from guardrails.reasons import moment, money, percent

SCOPES = ("team", "app", "project", "model", "environment")
"""What an ask may name."""

Held = Mapping[tuple[str, datetime], Decimal]
"""What jobs hold of each budget in each period, in the budget's currency."""


class Outcome(StrEnum):
    """The worst of an ask's budgets is its outcome."""

    ALLOW = "allow"
    WARN = "warn"
    APPROVAL = "approval"
    DENY = "deny"
    NO_DATA = "no_data"

    @property
    def exit_code(self) -> int:
        return {"allow": 0, "warn": 10, "approval": 20, "deny": 30, "no_data": 40}[self]


# What is sure counts before what is not known: a budget that is certainly used up denies, whatever else is unknown.
_FAILING_CLOSED = (Outcome.ALLOW, Outcome.WARN, Outcome.APPROVAL, Outcome.NO_DATA, Outcome.DENY)
_FAILING_OPEN = (Outcome.ALLOW, Outcome.WARN, Outcome.NO_DATA, Outcome.APPROVAL, Outcome.DENY)


@dataclass(frozen=True)
class Ask:
    """What a job says before it spends. ``estimate`` is in ``currency``."""

    estimate: Decimal
    currency: str
    who: str
    scopes: Mapping[str, str] = field(default_factory=dict)
    """Level → value, of ``SCOPES``."""
    job: str | None = None
    """The job's own name for this attempt: asking again with it is the same ask."""
    break_glass: str | None = None
    """Why it must run whatever the budget says."""

    def as_dict(self) -> dict[str, Any]:
        return {
            "estimate": plain(self.estimate),
            "currency": self.currency,
            "who": self.who,
            "scopes": dict(self.scopes),
            "job": self.job,
            "break_glass": self.break_glass,
        }


@dataclass(frozen=True)
class LineAnswer:
    """One budget's part of an answer; amounts in its ``currency``."""

    budget_id: str
    period_starts_at: datetime
    outcome: Outcome
    reason: str
    currency: str
    amount: Decimal
    used: Decimal
    held: Decimal
    estimate: Decimal

    @property
    def key(self) -> tuple[str, datetime]:
        return self.budget_id, self.period_starts_at

    def as_dict(self) -> dict[str, Any]:
        return {name: plain(value) for name, value in vars(self).items()}


@dataclass(frozen=True)
class Answer:
    """``proceeds`` says whether the job may run now."""

    outcome: Outcome
    proceeds: bool
    reason: str
    lines: tuple[LineAnswer, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "outcome": self.outcome,
            "proceeds": self.proceeds,
            "reason": self.reason,
            "budgets": [line.as_dict() for line in self.lines],
        }


def judge(ask: Ask, facts: GateFacts, held: Held, settings: Gate, now: datetime) -> Answer:
    """Judge one ask against every budget that it falls under."""
    lines = tuple(
        _judge_line(ask, line, facts, held.get(line.key, Decimal(0)), settings, now)
        for line in (line.at(now) for line in facts.lines_of(ask.scopes))
    )
    if ask.break_glass:
        return Answer(Outcome.WARN, True, f"Broken glass by {ask.who}: {ask.break_glass}", lines)
    fails_open = settings.without_data == "allow"
    if lines:
        order = _FAILING_OPEN if fails_open else _FAILING_CLOSED
        worst = max(lines, key=lambda line: order.index(line.outcome))
        outcome, reason = worst.outcome, worst.reason
    else:
        named = ", ".join(f"{level} {value}" for level, value in ask.scopes.items()) or "the company"
        outcome, reason = Outcome(settings.without_budget), f"No budget holds for {named}."
    if outcome in (Outcome.ALLOW, Outcome.WARN):
        return Answer(outcome, True, reason, lines)
    spared = sorted(set(facts.completed(ask.scopes).values()) & set(settings.never_deny))
    if spared:
        told = Outcome.NO_DATA if outcome == Outcome.NO_DATA else Outcome.WARN
        return Answer(told, True, f"{reason} It runs all the same: {spared[0]} is never denied.", lines)
    if outcome == Outcome.NO_DATA:
        what = "The gate fails open: the job may run." if fails_open else "The gate fails closed: the job may not run."
        return Answer(outcome, fails_open, f"{reason} {what}", lines)
    return Answer(outcome, False, reason, lines)


def _judge_line(
    ask: Ask, line: BudgetLine, facts: GateFacts, held: Decimal, settings: Gate, now: datetime
) -> LineAnswer:
    try:
        estimate = facts.converted(ask.estimate, ask.currency, line.currency)
    except UnknownRateError as error:
        reason = f"Budget {line.budget_id} is in {line.currency}, and there is no exchange rate for {error}."
        return _answer(line, Outcome.NO_DATA, reason, held, Decimal(0))
    untrusted = _untrusted(line, settings, now)
    if untrusted:
        return _answer(line, Outcome.NO_DATA, untrusted, held, estimate)
    outcome, limit = _outcome(line, line.used + held + estimate, settings)
    return _answer(line, outcome, _words(line, held, estimate, outcome, limit), held, estimate)


def _outcome(line: BudgetLine, after: Decimal, settings: Gate) -> tuple[Outcome, Decimal]:
    """The outcome, and the share of the amount that was passed for it."""
    if after > settings.deny_above * line.amount:
        return Outcome.DENY, settings.deny_above
    if settings.approval_above is not None and after > settings.approval_above * line.amount:
        return Outcome.APPROVAL, settings.approval_above
    return (Outcome.WARN if after > settings.warn_above * line.amount else Outcome.ALLOW), settings.warn_above


def _untrusted(line: BudgetLine, settings: Gate, now: datetime) -> str | None:
    if line.data_through is None:
        return f"Nothing was billed yet that budget {line.budget_id} could be judged by."
    age = now - line.data_through
    if age > timedelta(hours=settings.max_data_age_hours):
        return (
            f"The bill behind budget {line.budget_id} ends on {moment(line.data_through)}, "
            f"{int(age.total_seconds() // 3600)} hours ago; {settings.max_data_age_hours} are allowed."
        )
    if not line.is_reconciled:
        return f"The figures behind budget {line.budget_id} do not reconcile with the bill."
    return None


def _words(line: BudgetLine, held: Decimal, estimate: Decimal, outcome: Outcome, limit: Decimal) -> str:
    after = line.used + held + estimate
    parts = [f"{money(line.used, line.currency)} used"]
    if held:
        parts.append(f"{money(held, line.currency)} held by other jobs")
    parts.append(f"{money(estimate, line.currency)} for this one")
    text = f"Budget {line.budget_id}: {', '.join(parts)} would make {percent(after / line.amount)} of "
    text += money(line.amount, line.currency)
    match outcome:
        case Outcome.DENY:
            left = max(limit * line.amount - line.used - held, Decimal(0))
            return f"{text}, above {percent(limit)}. {money(left, line.currency)} are left."
        case Outcome.APPROVAL:
            return f"{text}; above {percent(limit)} somebody must approve."
        case Outcome.WARN:
            return f"{text}, above {percent(limit)}."
        case _:
            return f"{text}."


def _answer(line: BudgetLine, outcome: Outcome, reason: str, held: Decimal, estimate: Decimal) -> LineAnswer:
    return LineAnswer(
        line.budget_id, line.period_starts_at, outcome, reason, line.currency, line.amount, line.used, held, estimate
    )
