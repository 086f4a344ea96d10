"""Guardrail decisions in words.

Here: one decision, given as the mapping that the ledger keeps, with its numbers parsed and its codes worded.
Not here: deciding and remembering (guardrails), layout (page, messages).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_DOWN, Decimal, InvalidOperation
from typing import Any, Literal

from finops.periods import BillingPeriod
from reports import formatting as f

LEVEL_TONES: dict[str, Literal["bad", "warn", "good"]] = {
    "throttle": "bad",
    "pause": "bad",
    "stop": "bad",
    "warn": "warn",
    "release": "good",
}
LEVEL_WORDS = {
    "warn": "Warning",
    "throttle": "Throttle",
    "pause": "Pause",
    "stop": "Stop",
    "release": "Released",
    "observe": "Observed",
}
STATUS_WORDS = {
    "OBSERVE": "Observed",
    "WARN": "Warned",
    "PENDING_APPROVAL": "Waiting for approval",
    "DENIED": "Refused by a person",
    "EXECUTING": "Asked for",
    "ENFORCED": "Enforced",
    "REVERTING": "Being undone",
    "REVERTED": "Undone",
    "FAILED": "Could not be delivered",
    "EXPIRED": "Expired",
    "SUPPRESSED": "Suppressed",
}
SUPPRESSION_WORDS = {
    "stale_data": "the data is too old to act on",
    "not_reconciled": "the data does not reconcile with its source",
    "cooldown": "the guardrail was raised only recently",
    "never_touch": "the target is on the policy's never-touch list",
    "not_permitted": "the target is not on the policy's list of what may be touched",
    "overridden": "somebody holds all orders about the target",
    "outside_schedule": "the policy acts at other hours only",
    "blast_radius": "the policy had reached its number of targets for one run",
}
REFERENCE_WORDS = {"budget": "Budget", "usage_doubled": "Typical for the weekday"}


@dataclass(frozen=True)
class DecisionView:
    """``orders`` were given; ``withheld`` would have been, without dry run or suppression. Texts may be empty.

    Telling people (``notify``) is no order: whoever reads this has been told.
    """

    decision_id: str
    policy_id: str
    policy_description: str
    level: str
    status: str
    is_dry_run: bool
    scope_type: str
    scope_value: str
    period: str
    reason: str
    orders: tuple[str, ...]
    withheld: tuple[str, ...]
    currency: str
    value: Decimal | None
    reference: Decimal | None
    kind: str
    ratio: Decimal | None
    projected_ratio: Decimal | None
    owner: str
    runbook: str
    data_through: str
    decided_at: str
    suppressed_because: str
    unit: str
    """Of ``value`` and ``reference``: a currency, or tokens, requests, ratio, level."""
    subject: str
    """The model, region or tag that it is about beside its scope; may be empty."""
    approvals_needed: int
    approve_until: str
    acts_at: str

    @property
    def tone(self) -> Literal["bad", "warn", "good", "neutral"]:
        return LEVEL_TONES.get(self.level, "neutral")

    @property
    def level_words(self) -> str:
        return LEVEL_WORDS.get(self.level, f.humanise(self.level))

    @property
    def status_words(self) -> str:
        return STATUS_WORDS.get(self.status, f.humanise(self.status.lower()))

    @property
    def target(self) -> str:
        return "The company" if self.scope_type == "company" else f.humanise(f"{self.scope_type} {self.scope_value}")

    @property
    def period_words(self) -> str:
        if len(self.period) == 7:
            try:
                return f.month(BillingPeriod.parse(self.period).start)
            except ValueError:
                return self.period
        try:
            return f.day(date.fromisoformat(self.period))
        except ValueError:
            return self.period

    @property
    def suppression_words(self) -> str:
        return SUPPRESSION_WORDS.get(self.suppressed_because, self.suppressed_because)

    def money(self, amount: Decimal | None) -> str:
        if amount is None:
            return "not known"
        return (
            f.money(amount, self.currency).strip() if self.unit == self.currency else f"{f.whole(amount)} {self.unit}"
        )

    @property
    def reference_words(self) -> str:
        return REFERENCE_WORDS.get(self.kind, "Reference")

    @property
    def ratio_words(self) -> str:
        """``104% used`` of a budget, ``8.1 times`` what is typical."""
        if self.ratio is None:
            return "not known"
        if self.kind == "usage_doubled":
            return f"{self.ratio.quantize(Decimal('0.1'), rounding=ROUND_DOWN):,f} times"
        return f"{f.percent(self.ratio)} used" if self.kind == "budget" else f.percent(self.ratio)


def view_decision(decision: Mapping[str, Any]) -> DecisionView:
    """Read a decision: ``decision_id`` (or ``id``), ``policy_id``, ``level``, ``status``, ``mode``, ``scope_type``,
    ``scope_value``, ``period``, ``reason``, ``action_kinds`` (or ``actions``), ``withheld_kinds``, ``evidence`` (with
    ``kind``, ``value``, ``reference``, ``ratio``, ``projected_ratio``, ``currency``), ``data_through``, ``decided_at``,
    ``suppressed_because``; if given also ``subject``, ``approvals_needed``, ``approve_until``, ``acts_at``,
    ``policy_description``, ``owner``, ``runbook``.

    What is absent becomes an empty text or None.
    """

    def text(name: str) -> str:
        value = decision.get(name)
        return "" if value is None else str(value)

    evidence = decision.get("evidence") or {}
    kind = str(evidence.get("kind") or "")
    return DecisionView(
        decision_id=text("decision_id") or text("id"),
        policy_id=text("policy_id"),
        policy_description=text("policy_description"),
        level=text("level"),
        status=text("status"),
        is_dry_run=decision.get("mode") == "dry_run",
        scope_type=text("scope_type"),
        scope_value=text("scope_value"),
        period=text("period"),
        reason=text("reason"),
        orders=_kinds(decision.get("action_kinds") or decision.get("actions")),
        withheld=_kinds(decision.get("withheld_kinds")),
        currency=str(evidence.get("currency") or ""),
        value=_number(evidence.get("value")),
        reference=_number(evidence.get("reference")),
        kind=kind,
        ratio=_number(evidence.get("ratio")),
        projected_ratio=_number(evidence.get("projected_ratio")),
        owner=text("owner"),
        runbook=text("runbook"),
        data_through=_moment(decision.get("data_through")),
        decided_at=_moment(decision.get("decided_at")),
        suppressed_because=text("suppressed_because"),
        unit=_unit(evidence),
        subject=text("subject"),
        approvals_needed=int(decision.get("approvals_needed") or 0),
        approve_until=_moment(decision.get("approve_until")),
        acts_at=_moment(decision.get("acts_at")),
    )


def newest_first(decisions: Iterable[Mapping[str, Any]]) -> list[DecisionView]:
    ordered = sorted(decisions, key=lambda decision: str(decision.get("decided_at") or ""), reverse=True)
    return [view_decision(decision) for decision in ordered]


def _kinds(actions: Any) -> tuple[str, ...]:
    kinds = [str(action["kind"]) if isinstance(action, Mapping) else str(action) for action in actions or ()]
    return tuple(kind for kind in kinds if kind != "notify")


def _unit(evidence: Mapping[str, Any]) -> str:
    unit = str(evidence.get("unit") or "currency")
    return str(evidence.get("currency") or "") if unit == "currency" else unit


def _number(value: Any) -> Decimal | None:
    """None for what is no finite number: a broken field is shown as unknown, the rest of the decision still is told."""
    if value is None:
        return None
    try:
        parsed = Decimal(str(value))
    except InvalidOperation:
        return None
    return parsed if parsed.is_finite() else None


def _moment(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f.moment(value)
    try:
        return f.moment(datetime.fromisoformat(str(value)))
    except ValueError:
        return str(value)
