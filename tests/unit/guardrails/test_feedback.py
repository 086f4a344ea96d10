"""What people say of incidents: kept for good, provable, in the order in which it was said."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from guardrails import Ledger, Occasion, feedback_given, record_feedback
from tests.support.guardrail_factory import AS_OF, AUDIT_KEY

pytestmark = pytest.mark.ids("ANOM-3", "GUARD-3")

OCCASION = Occasion("07e37b17a4004062", "app", "vision-train", "USD", date(2026, 10, 14), date(2026, 10, 16))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.sqlite", AUDIT_KEY, checkpoint=tmp_path / "checkpoint") as opened:
        yield opened


def say(ledger: Ledger, minutes: int = 0, **changes: Any) -> None:
    said = {"verdict": "false", "why": "month end", "who": "ann", **changes}
    kind = said.pop("kind", "verdict")
    record_feedback(ledger, OCCASION, kind, given_at=AS_OF + timedelta(minutes=minutes), **said)


def test_a_later_verdict_stands_beside_the_earlier_one(ledger: Ledger) -> None:
    say(ledger)
    say(ledger, 5, verdict="real", why="a loop after all", who="bo")
    say(ledger, 6, kind="resolve", verdict=None, why=None)
    given = feedback_given(ledger, incident_id=OCCASION.incident_id)
    assert [(one.kind, one.verdict, one.why, one.who) for one in given] == [
        ("verdict", "false", "month end", "ann"),
        ("verdict", "real", "a loop after all", "bo"),
        ("resolve", None, None, "ann"),
    ]
    assert [one.given_at for one in given] == [AS_OF + timedelta(minutes=n) for n in (0, 5, 6)]
    assert {one.occasion for one in given} == {OCCASION}
    assert feedback_given(ledger, incident_id="another") == []
    assert ledger.verify().is_intact


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"why": " "}, "needs a reason"),
        ({"who": ""}, "name who"),
        ({"kind": "resolve"}, "only a verdict"),
        ({"verdict": None}, "a verdict says"),
    ],
)
def test_what_says_nothing_is_refused_and_not_kept(ledger: Ledger, changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        say(ledger, **changes)
    assert feedback_given(ledger) == []


@pytest.mark.parametrize(
    "statement", ["UPDATE incident_feedback SET incident_id = 'x'", "DELETE FROM incident_feedback"]
)
def test_the_engine_refuses_to_edit_it(ledger: Ledger, statement: str) -> None:
    say(ledger)
    with pytest.raises(Exception, match="feedback is append-only"), ledger.write() as write:
        write.connection.execute(text(statement))


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE incident_feedback SET document = replace(document, 'false', 'real')", "was changed"),
        ("UPDATE incident_feedback SET incident_id = 'x'", "column incident_id was changed"),
        ("DELETE FROM incident_feedback", "was deleted"),
    ],
)
def test_verification_finds_what_somebody_with_the_file_changed(ledger: Ledger, statement: str, problem: str) -> None:
    say(ledger)
    with closing(sqlite3.connect(ledger.engine.url.database or "")) as connection, connection:
        for name in ("incident_feedback_no_update", "incident_feedback_no_delete"):
            connection.execute(f"DROP TRIGGER {name}")
        assert connection.execute(statement).rowcount == 1
    assert any(problem in found for found in ledger.verify().problems)
