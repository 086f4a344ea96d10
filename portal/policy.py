"""The page of one policy: what it means, whom it may touch, what it decided, what it would have done in the past.

Here: putting it together for a person; of decisions and replays whoever sees only some gets those about the own scopes.
Not here: meaning (guardrails), making replays (replays), the route (actions, api).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import guardrails
from finops.config.policies import Policy
from orchestration.decisions import told
from orchestration.kept_replays import kept_replays
from portal.desk import UnknownError
from portal.knowledge import may_know
from portal.office import Office
from portal.people import Person
from portal.words import sentence
from reports.measures.decisions import DecisionView, view_decision

SHOWN = 30
Money = Mapping[str, Decimal]


@dataclass(frozen=True)
class ReplayedTarget:
    name: str
    warned: int
    acted: int
    released: int
    refused: int
    saved: Money


@dataclass(frozen=True)
class PolicyReplay:
    """What a kept replay says of one policy, of the targets that the person may know. ``saved`` of all of them counts
    money under several orders once; it is None for whoever sees only some targets."""

    name: str
    who: str
    asked_at: datetime
    first: datetime
    last: datetime
    approve_after_minutes: int | None
    is_candidate: bool
    words: tuple[str, ...]
    """What the candidate changes."""
    targets: tuple[ReplayedTarget, ...]
    saved: Money | None
    critical: Money | None

    def total(self, what: str) -> int:
        return sum(getattr(one, what) for one in self.targets)


@dataclass(frozen=True)
class PolicyPage:
    policy: Policy
    meaning: str
    levels: tuple[tuple[str, str, str], ...]
    warnings: tuple[str, ...]
    decisions: tuple[DecisionView, ...]
    decision_count: int
    replays: tuple[PolicyReplay, ...]
    """Newest first: the newest as configured, and candidates tried since."""


def policy_page(office: Office, person: Person, policy_id: str) -> PolicyPage:
    """
    Raises:
        UnknownError: there is no such policy, or the person may not know it.
    """
    configuration = office.configuration
    policy = next((one for one in configuration.guardrails.policies if one.id == policy_id), None)
    if policy is None or not may_know(person, policy):
        raise UnknownError("there is no such policy, or it is not yours to see")
    policies = configuration.guardrails.policies
    decided = [
        view_decision(told({**record.document, "status": str(record.status)}, policies))
        for record in guardrails.policy_decisions(office.gate.ledger, policy_id)
        if _is_own(office, person, record.document)
    ]
    return PolicyPage(
        policy=policy,
        meaning=guardrails.meaning(policy),
        levels=tuple(guardrails.levels(policy)),
        warnings=tuple(
            sentence(one) for one in guardrails.never_acts(policy, configuration, office.gate.clock().date())
        ),
        decisions=tuple(decided[:SHOWN]),
        decision_count=len(decided),
        replays=tuple(replays_of(office, person, policy_id)),
    )


def replays_of(office: Office, person: Person, policy_id: str) -> list[PolicyReplay]:
    """The newest kept replay of the policy as it is configured, and its candidates that were tried later, newest
    first."""
    found = []
    for document in kept_replays(office.gate.home):
        if document["candidate"] and document["policy_id"] != policy_id:
            continue
        own = next((one for one in document["policies"] if one["policy_id"] == policy_id), None)
        if own is not None:
            found.append(_replay(office, person, document, own))
        if not document["candidate"]:
            break
    return found


def _replay(office: Office, person: Person, document: Mapping[str, Any], own: Mapping[str, Any]) -> PolicyReplay:
    changes = [one["words"] for one in document["changes"] if one["policy_id"] == own["policy_id"]]
    return PolicyReplay(
        name=document["name"],
        who=document["who"],
        asked_at=datetime.fromisoformat(document["asked_at"]),
        first=datetime.fromisoformat(document["first"]),
        last=datetime.fromisoformat(document["last"]),
        approve_after_minutes=document["approve_after_minutes"],
        is_candidate=bool(document["candidate"]),
        words=tuple(word for words in changes for word in words),
        targets=tuple(_targets(office, person, own["targets"])),
        saved=money(own["saved"]) if person.sees_everything else None,
        critical=money(own["critical"]) if person.sees_everything else None,
    )


def _targets(office: Office, person: Person, targets: Sequence[Mapping[str, Any]]) -> list[ReplayedTarget]:
    counted = ("name", "warned", "acted", "released", "refused")
    found = [
        ReplayedTarget(**{name: one[name] for name in counted}, saved=money(one["saved"]))
        for one in targets
        if _is_own(office, person, one)
    ]
    return sorted(found, key=lambda one: (-sum(one.saved.values(), Decimal(0)), -one.acted, one.name))


def money(amounts: Mapping[str, str]) -> Money:
    """Amounts by currency, of their text."""
    return {code: Decimal(amount) for code, amount in amounts.items()}


def _is_own(office: Office, person: Person, about: Mapping[str, Any]) -> bool:
    return office.shelf.is_own(person.viewer, about["scope_type"], about["scope_value"])
