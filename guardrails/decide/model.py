"""What decisions are made of: decisions, targets, and what is remembered between evaluations.

Here: the values.
Not here: how one follows from another (judgement, intent, conclusion, questions, assess).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from guardrails.facts import plain
from guardrails.states import Level, Status, Suppression

Mode = Literal["dry_run", "enforce"]


@dataclass(frozen=True)
class Decision:
    """What a policy concluded about one target. ``as_dict`` is what the ledger keeps and people are told."""

    decision_id: str
    policy_id: str
    policy_version: int
    policy_kind: str
    level: Level
    mode: Mode
    status: Status
    scope_type: str
    scope_value: str
    subject: str | None
    """What it is about beside its scope: a model, region, tag, pool or incident."""
    period: str
    action_kinds: tuple[str, ...]
    """What is sent."""
    withheld_kinds: tuple[str, ...]
    """What the policy asks for at this level and is not sent, or not yet: dry run, refusal, waiting for approval."""
    reason: str
    evidence: Mapping[str, str | bool | None]
    data_through: datetime | None
    decided_at: datetime
    suppressed_because: Suppression | None = None
    supersedes: str | None = None
    """The earlier decision on this target whose order this one takes back or replaces."""
    from_level: Level | None = None
    """Of a release: what was in force, or waited for approval."""
    undoes: tuple[Level, ...] = ()
    """Of a release: the levels whose orders it takes back, strongest first."""
    acts_at: datetime | None = None
    """When its orders are given, where the policy leaves a time of grace; at once where None."""
    grace_minutes: int = 0
    approvals_needed: int = 0
    approve_until: datetime | None = None
    """When the question ends unanswered."""
    approvers: tuple[str, ...] = ()
    """Who may approve; empty: whoever reaches the ledger."""
    acts_when: Mapping[str, Any] | None = None
    """The policy's hours for orders, for orders that are given later."""

    @property
    def target(self) -> str:
        """``team:search``, ``app:copilot/gpt-5``."""
        return f"{self.scope_type}:{self.scope_value}" + (f"/{self.subject}" if self.subject else "")

    @property
    def acts(self) -> bool:
        """Whether somebody is asked to act, beyond being told."""
        return any(kind != "notify" for kind in self.action_kinds)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Decision:
        """What ``as_dict`` gave; fields that a decision of an earlier version lacks have their defaults."""
        known = {name: document[name] for name in cls.__dataclass_fields__ if name in document}
        moments = ("data_through", "decided_at", "acts_at", "approve_until")
        read: dict[str, Any] = {name: datetime.fromisoformat(known[name]) for name in moments if known.get(name)}
        for name in ("action_kinds", "withheld_kinds", "approvers"):
            read[name] = tuple(known.get(name) or ())
        because, from_level = known.get("suppressed_because"), known.get("from_level")
        return cls(
            **{"subject": None} | known | read
            | {
                "level": Level(known["level"]),
                "status": Status(known["status"]),
                "suppressed_because": Suppression(because) if because else None,
                "from_level": Level(from_level) if from_level else None,
                "undoes": tuple(Level(name) for name in known.get("undoes") or ()),
            }
        )  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        return {name: list(value) if isinstance(value, tuple) else plain(value) for name, value in asdict(self).items()}


class TargetKey(NamedTuple):
    """One policy on one target. ``period_shape`` keeps the day, month and quarter budgets of a team apart."""

    policy_id: str
    scope_type: str
    scope_value: str
    period_shape: str
    subject: str = ""
    """The fact's subject; of budgets with milestones the budget, as their periods have no order of their own."""


@dataclass(frozen=True)
class TargetState:
    """What is remembered about one policy on one target between evaluations."""

    policy_version: int
    mode: Mode
    period: str
    level: Level = Level.OBSERVE
    """The highest level in force: reached, approved where that is needed, and not released since."""
    status: Status = Status.OBSERVE
    round: int = 0
    """How often it was released or withdrawn in this period; only a new round decides on the same level again."""
    clear_count: int = 0
    counted_through: datetime | None = None
    """Newest data that clear_count has seen, so that judging the same data twice does not count twice."""
    reference: Decimal | None = None
    """The reference when it was raised; a greater one later means that the budget was raised."""
    raised_at: Mapping[Level, datetime] = field(default_factory=dict)
    """When each level was last raised."""
    ordered: tuple[Level, ...] = ()
    """Levels whose orders were given and not taken back, rising."""
    acts_at: datetime | None = None
    """When the orders of the level in force are given; None: they were."""
    pending_id: str | None = None
    """The decision that waits for approval."""
    pending_level: Level | None = None
    pending_until: datetime | None = None
    trusted_until: datetime | None = None
    """Until when the newest figures behind that decision are young enough to act on."""
    decision_id: str | None = None
    """The newest decision that raised or released this guardrail."""
    is_sent: bool = False
    """Whether an order of that decision has left, or is leaving; read from the outbox, not remembered."""

    @property
    def holds(self) -> bool:
        """Whether something is in force that only a release ends: a level above warn, or a warning with orders."""
        return self.level.holds or (self.level == Level.WARN and Level.WARN in self.ordered)

    def is_in_grace(self, as_of: datetime) -> bool:
        """Whether the orders of what is in force have not left yet, as people were given time."""
        is_waiting = self.status == Status.EXECUTING and not self.is_sent
        return is_waiting and self.acts_at is not None and as_of < self.acts_at

    def last_raised(self, level: Level) -> datetime | None:
        """When the level or one above it was raised last."""
        return max((at for raised, at in self.raised_at.items() if raised.rank >= level.rank), default=None)

    def ordered_with(self, level: Level) -> tuple[Level, ...]:
        """The ordered levels and this one, rising."""
        return tuple(sorted({*self.ordered, level}, key=lambda one: one.rank))

    def without_question(self) -> TargetState:
        """The same, and nobody is asked."""
        return replace(self, pending_id=None, pending_level=None, pending_until=None, trusted_until=None)


def evolve(target: TargetState, **values: Any) -> TargetState:
    """Like ``dataclasses.replace``, but the same target where nothing differs: most judgements change nothing, and
    replays of the past make millions of them."""
    fields = target.__dict__
    if all(fields[name] == value for name, value in values.items()):
        return target
    changed = object.__new__(TargetState)
    changed.__dict__.update(fields, **values)
    return changed


@dataclass(frozen=True)
class Override:
    """A person's word that nothing is to act on a target for some time."""

    scope_type: str
    scope_value: str
    until: datetime
    policy_id: str | None = None
    """None: whatever the policy."""

    def covers(self, key: TargetKey, at: datetime) -> bool:
        is_target = (self.scope_type, self.scope_value) == (key.scope_type, key.scope_value)
        return is_target and self.policy_id in (None, key.policy_id) and at < self.until


@dataclass(frozen=True)
class State:
    """Everything that decisions depend on besides facts and policies."""

    targets: Mapping[TargetKey, TargetState] = field(default_factory=dict)
    decided: frozenset[str] = frozenset()
    """Ids of all decisions made so far."""
    overrides: tuple[Override, ...] = ()


@dataclass(frozen=True)
class Assessment:
    """Decisions, and how every target stands after them that was judged or whose question ended."""

    decisions: list[Decision]
    targets: dict[TargetKey, TargetState]
