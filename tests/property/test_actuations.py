"""Orders and releases in any sequence, cut off anywhere: what the strongest wants while it stands, then as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finops.config.actuator_routes import KubernetesRoute
from finops.config.routing import Route
from guardrails import Ledger, MessageStatus, messages
from guardrails.actuators import steps
from guardrails.actuators.base import Change, Found, Order, Plan, State
from guardrails.actuators.record import ActuationStatus, actuations
from tests.support.guardrail_factory import AUDIT_KEY
from tests.support.orders import SEARCH, deliver, give_order, give_release

pytestmark = pytest.mark.ids("GUARD-2", "GUARD-5")

ROUTE: tuple[Route, ...] = (
    KubernetesRoute.model_validate(
        {"id": "memory", "kind": "kubernetes", "targets": [{"scope": SEARCH, "namespaces": ["n"]}]}
    ),
)
WANTED = {"throttle": 3, "pause": 1, "stop": 0}
START = datetime(2026, 11, 1, tzinfo=UTC)


class Crash(BaseException):
    """The process is gone."""


@dataclass
class Memory:
    """An actuator of two objects in memory. ``crashes_at``: after so many calls the process dies, before or after."""

    keeps_marks: bool
    is_enforced: bool = True
    levels: dict[str, int] = field(default_factory=lambda: {"a": 5, "b": 2})
    marks: dict[str, str | None] = field(default_factory=lambda: {"a": None, "b": None})
    writes: int = 0
    crashes_at: int = 0
    crashes_after: bool = False
    calls: int = 0

    def plan(self, order: Order) -> Plan:
        desired = WANTED[order.action]
        return Plan(
            tuple(
                Change(name, "memory", "", {"name": name}, {"level": level}, {"level": desired}, ("level",))
                for name, level in self.levels.items()
            )
        )

    def rehearse(self, change: Change) -> None:
        pass

    def read(self, change: Change) -> Found:
        with self._mortal():
            name = change.address["name"]
            return Found({"level": self.levels[name]}, self.marks[name])

    def write(self, change: Change, found: Found, state: State, mark: str | None) -> None:
        with self._mortal():
            name = change.address["name"]
            assert found.state == {"level": self.levels[name]}
            assert dict(state) != dict(found.state) or mark != found.mark, "nothing is written for nothing"
            self.levels[name] = state["level"]
            self.marks[name] = mark if self.keeps_marks else None
            self.writes += 1

    def close(self) -> None:
        pass

    @contextmanager
    def _mortal(self) -> Iterator[None]:
        self.calls += 1
        dies = self.calls == self.crashes_at
        if dies and not self.crashes_after:
            raise Crash
        yield
        if dies:
            raise Crash


@contextmanager
def world(*, keeps_marks: bool) -> Iterator[tuple[Memory, Ledger]]:
    memory = Memory(keeps_marks)
    with (
        TemporaryDirectory() as folder,
        mock.patch("guardrails.delivery.build", return_value=memory),
        Ledger.open(Path(folder) / "ledger.sqlite", AUDIT_KEY) as ledger,
    ):
        yield memory, ledger
        assert ledger.verify().problems == ()


def settle(ledger: Ledger, at: datetime) -> datetime:
    """Deliver until nothing waits, as workers do that follow each other whatever happens to one of them."""
    for _ in range(4):
        at += timedelta(minutes=2)
        try:
            deliver(ledger, ROUTE, {}, at=at)
        except Crash:
            continue
        if not any(message.status == MessageStatus.PENDING for message in messages(ledger)):
            return at
    raise AssertionError([(message.status, message.error) for message in messages(ledger)])


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12), st.booleans()), min_size=1, max_size=8),
    st.lists(st.sampled_from(sorted(WANTED)), min_size=4, max_size=4),
    st.booleans(),
)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_sequence_cut_off_anywhere_ends_where_it_began(
    moves: list[tuple[int, int, bool]], actions: list[str], keeps_marks: bool
) -> None:
    """Each move lets one of four policies order, then release; the worker dies at some call, before or after it."""
    with world(keeps_marks=keeps_marks) as (memory, ledger):
        at, standing, over = START, dict[int, str](), set[int]()

        def move(which: int) -> None:
            if which in standing:
                give_release(ledger, ROUTE, standing.pop(which), policy=f"p{which}")
                over.add(which)
            elif which not in over:
                standing[which] = actions[which]
                give_order(ledger, ROUTE, actions[which], policy=f"p{which}")

        for which, crash, after in moves:
            memory.crashes_at, memory.crashes_after = memory.calls + crash, after
            move(which)
            at = settle(ledger, at)
            least = min((WANTED[action] for action in standing.values()), default=9)
            assert memory.levels == {"a": min(5, least), "b": min(2, least)}, standing
        memory.crashes_at = 0
        for which in list(standing):
            move(which)
            at = settle(ledger, at)
        assert memory.levels == {"a": 5, "b": 2}
        assert set(memory.marks.values()) == {None}
        assert not any(row.is_standing for row in actuations(ledger))


@given(st.integers(4, 9), st.integers(1, 9), st.sampled_from(sorted(WANTED)), st.booleans())
@settings(max_examples=10, deadline=None)
def test_what_people_set_is_theirs(before: int, meanwhile: int, action: str, keeps_marks: bool) -> None:
    with world(keeps_marks=keeps_marks) as (memory, ledger):
        memory.levels = {"a": before}
        memory.marks = {"a": None}
        give_order(ledger, ROUTE, action)
        at = settle(ledger, START)
        assert memory.levels["a"] == WANTED[action]
        memory.levels["a"] = meanwhile
        give_release(ledger, ROUTE, action)
        settle(ledger, at)
        untouched = meanwhile == WANTED[action]
        assert memory.levels["a"] == (before if untouched else meanwhile)
        (row,) = actuations(ledger)
        back = untouched or meanwhile == before
        assert row.status == (ActuationStatus.REVERTED if back else ActuationStatus.LEFT)


LEVELS = st.integers(0, 3).map(lambda level: {"level": level})
FOUND = st.one_of(
    st.none(), st.builds(Found, LEVELS, st.sampled_from([None, "ours", "theirs"]), in_progress=st.booleans())
)


@given(FOUND, LEVELS, LEVELS, st.booleans())
def test_a_step_towards_an_order_never_writes_over_what_nobody_recorded(
    found: Found | None, prior: State, desired: State, keeps_marks: bool
) -> None:
    step = steps.to_apply(found, prior, desired, {"ours"}, keeps_marks=keeps_marks)
    if step == steps.Step.WRITE:
        assert found is not None
        assert found.state == prior
    if step == steps.Step.DONE:
        assert found is not None
        assert found.state == desired


@given(FOUND, st.lists(LEVELS, min_size=1, max_size=3), LEVELS, st.booleans(), st.booleans())
def test_a_step_back_only_takes_away_what_we_set(
    found: Found | None, wanted: list[State], restored: State, keeps_marks: bool, was_applied: bool
) -> None:
    step = steps.to_revert(found, wanted, restored, {"ours"}, keeps_marks=keeps_marks, was_applied=was_applied)
    if step == steps.Step.WRITE:
        assert found is not None
        assert found.state in wanted or found.state == restored
        assert found.mark == "ours" or was_applied or not keeps_marks
    if step == steps.Step.DONE:
        assert found is not None
        assert (found.state, found.mark) != (restored, "ours")
