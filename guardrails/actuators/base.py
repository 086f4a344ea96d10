"""What an actuator is: it plans an order as changes of single objects, reads them, and writes them one by one.

Here: orders, changes, what is found, the interface, and the ways in which it fails.
Not here: when which step is taken (steps, carry_out), what is remembered (record), and any one system's API.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal, Protocol, cast

State = Mapping[str, Any]
"""The part of an object that an actuator changes, as JSON: ``{"replicas": 3}``."""

OrderKind = Literal["ticket", "throttle", "pause", "stop"]
ORDER_KINDS: tuple[OrderKind, ...] = ("ticket", "throttle", "pause", "stop")
STRENGTH: Mapping[str, int] = {kind: rank for rank, kind in enumerate(ORDER_KINDS)}
"""Of several orders that hold one object the strongest prevails; a gentler one that comes later never loosens it."""


class RefusedError(Exception):
    """The order cannot be carried out as it is, now or later; the message says why, ``remedy`` what to do."""

    def __init__(self, reason: str, remedy: str) -> None:
        self.remedy = remedy
        super().__init__(reason)


class FailedError(Exception):
    """It did not work this time: no answer, an overload, a refusal that may pass."""

    def __init__(self, reason: str, retry_after: timedelta | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(reason)


class ConflictError(FailedError):
    """The object changed between reading and writing; nothing was written."""


class InProgressError(Exception):
    """The system took the change and still works on it."""

    def __init__(self, reason: str, wait: timedelta) -> None:
        self.wait = wait
        super().__init__(reason)


@dataclass(frozen=True)
class Order:
    """What was decided, as the documented webhook body tells it."""

    message_id: str
    decision_id: str
    supersedes: str | None
    action: OrderKind
    is_release: bool
    scope_type: str
    scope_value: str
    excepted: tuple[str, ...]
    """Names that must not be touched, even as parts of the target."""
    period: str
    reason: str
    policy_id: str
    owner: str
    runbook: str | None

    @property
    def target(self) -> str:
        return f"{self.scope_type}:{self.scope_value}"


@dataclass(frozen=True)
class Change:
    """One object that an order changes. ``prior`` is what it was, ``desired`` what it is while the order stands."""

    object: str
    """For people, and unique on the route: ``Job search-batch/train-7 suspend``."""
    how: str
    words: str
    """What happens to it, and what that loses."""
    address: Mapping[str, Any]
    """Where the API has it."""
    prior: State
    desired: State
    lowers: tuple[str, ...] = ()
    """The limits in the state: an order only ever lowers them. Absent (null) is no limit."""

    def bounded(self, bound: State) -> Change:
        """The same change with none of its limits above ``bound``."""
        return replace(self, desired=lowered(self.desired, bound, self.lowers))

    @property
    def is_due(self) -> bool:
        """Whether there is anything to change."""
        return self.prior != self.desired


@dataclass(frozen=True)
class Plan:
    """What an order would do. ``notes`` name what is left alone, and why."""

    changes: tuple[Change, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """An object as it is now."""

    state: State
    mark: str | None = None
    """The actuation that the object says holds it; None: none, or a system without a place for it."""
    version: str | None = None
    """Makes a write conditional, where the system can."""
    changed_by: str | None = None
    """Who last wrote the state, where the system knows."""
    in_progress: bool = False


def lowered(state: State, bound: State, limits: Collection[str]) -> State:
    """``state`` with none of its ``limits`` above those of ``bound``; numbers, or amounts as text."""
    known = {name: bound[name] for name in limits if bound[name] is not None}
    return {**state, **{name: value for name, value in known.items() if Decimal(value) < Decimal(state[name])}}


class Actuator(Protocol):
    """One system that orders are carried out on. Methods raise the errors above and nothing else."""

    keeps_marks: bool
    """Whether objects carry the id of the actuation that holds them."""
    is_enforced: bool
    """Whether the state must stay as it was set; a ticket may be closed by anybody."""

    def plan(self, order: Order) -> Plan:
        """Which objects an order changes, and how. Reads only.

        Raises:
            RefusedError: the route does not know the target or the action, or it would touch too much.
        """
        ...

    def rehearse(self, change: Change) -> None:
        """Let the system check a change without making it, where it can."""
        ...

    def read(self, change: Change) -> Found | None:
        """The object as it is now; None: it is gone."""
        ...

    def write(self, change: Change, found: Found, state: State, mark: str | None) -> None:
        """Set state and mark of what was found, in one conditional write where the system can.

        Raises:
            ConflictError: it is no longer as found.
        """
        ...

    def close(self) -> None: ...


def order_from(message_id: str, document: Mapping[str, Any]) -> Order:
    """The order in the body of a guardrail's webhook.

    Raises:
        RefusedError: it is no order, or one of a dry run.
    """
    data = document.get("data")
    kind = str(document.get("type", ""))
    if not kind.startswith("guardrail.") or not isinstance(data, Mapping) or data.get("action") not in ORDER_KINDS:
        raise RefusedError(
            "this route carries out orders, and the message is none",
            "Send notifications to a route of kind teams, email or webhook",
        )
    if data["dry_run"]:
        raise RefusedError("the order is of a dry run", "Set the policy's mode to enforce to have it carried out")
    policy = data["policy"]
    return Order(
        message_id=message_id,
        decision_id=data["decision_id"],
        supersedes=data["supersedes"],
        action=cast(OrderKind, data["action"]),
        is_release=kind == "guardrail.released",
        scope_type=data["target"]["type"],
        scope_value=data["target"]["value"],
        excepted=tuple(data["except"]),
        period=data["period"],
        reason=data["reason"],
        policy_id=policy["id"],
        owner=policy["owner"],
        runbook=policy["runbook"],
    )
