"""What jobs hold of budgets: on SQLite and on PostgreSQL, by many processes at once."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import timedelta
from decimal import Decimal
from multiprocessing.synchronize import Barrier

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from guardrails import Ledger, gate
from guardrails.gate import AskStatus, GateError, Outcome, Reply
from tests.support.gates import NOW, ask, facts, line, settings

pytestmark = pytest.mark.ids("GUARD-2", "GUARD-3", "BUD-2", "SEC-3")

KEY = b"a key of the tests, 32 bytes long"
ASKING = settings(approval_above="0.9")


@pytest.fixture
def ledger(ledger_address: str) -> Iterator[Ledger]:
    with Ledger.open(ledger_address, KEY) as opened:
        yield opened
        assert gate.unbalanced(opened) == []
        assert opened.verify().problems == ()


def one(ledger: Ledger, wanted: gate.Ask, *lines: gate.BudgetLine, **changes: object) -> Reply:
    now = changes.pop("now", NOW)
    (reply,) = gate.answer_asks(ledger, [wanted], facts(*lines), changes.pop("settings", ASKING), now=now)  # type: ignore[arg-type]
    if isinstance(reply, GateError):
        raise reply
    return reply


def held(ledger: Ledger) -> Decimal:
    return sum(gate.held_totals(ledger).values(), Decimal(0))


def test_what_is_allowed_is_held_and_the_next_job_sees_it(ledger: Ledger) -> None:
    first = one(ledger, ask("600", job="a"))
    assert (first.outcome, first.status, first.until) == (Outcome.ALLOW, AskStatus.HELD, NOW + timedelta(hours=24))
    assert one(ledger, ask("600", job="b")).outcome == Outcome.DENY
    assert held(ledger) == 600


def test_asking_again_is_the_same_ask(ledger: Ledger) -> None:
    replies = {one(ledger, ask("600", job="a")).ask_id for _ in range(3)}
    assert len(replies) == 1
    assert held(ledger) == 600
    with pytest.raises(GateError, match="give each attempt its own name"):
        one(ledger, ask("601", job="a"))


def test_what_a_job_cost_replaces_its_estimate_until_the_bill_knows(ledger: Ledger) -> None:
    first = one(ledger, ask("600"))
    settled = gate.settle(ledger, first.ask_id, Decimal("250.5"), "USD", facts(), now=NOW + timedelta(hours=1))
    assert settled.status == AskStatus.SETTLED
    assert held(ledger) == Decimal("250.5")
    again = gate.settle(ledger, first.ask_id, Decimal("250.5"), "USD", facts(), now=NOW + timedelta(hours=2))
    assert (again.status, held(ledger)) == (AskStatus.SETTLED, Decimal("250.5"))
    # The bill now reaches past the moment when the job ended: its cost is in what is used.
    billed = line(used="250.5", data_through=NOW + timedelta(hours=18))
    later = one(ledger, ask("0", job="other"), billed, now=NOW + timedelta(days=1))
    assert held(ledger) == 0
    assert later.document["answer"]["budgets"][0]["used"] == "250.5"
    assert gate.look_up(ledger, first.ask_id).status == AskStatus.CLOSED


def test_a_job_that_never_says_what_it_cost_is_counted_until_the_bill_knows(ledger: Ledger) -> None:
    first = one(ledger, ask("600"))
    one(ledger, ask("0"), now=NOW + timedelta(hours=25))
    assert (gate.look_up(ledger, first.ask_id).status, held(ledger)) == (AskStatus.EXPIRED, 600)
    one(ledger, ask("0"), line(data_through=NOW + timedelta(hours=42)), now=NOW + timedelta(hours=50))
    assert (gate.look_up(ledger, first.ask_id).status, held(ledger)) == (AskStatus.CLOSED, 0)


def test_a_job_that_does_not_run_gives_back_what_it_holds(ledger: Ledger) -> None:
    first = one(ledger, ask("600", job="a"))
    for _ in range(2):
        assert gate.release(ledger, first.ask_id, now=NOW).status == AskStatus.RELEASED
    assert held(ledger) == 0
    with pytest.raises(GateError, match="holds nothing"):
        gate.settle(ledger, first.ask_id, Decimal(1), "USD", facts(), now=NOW)
    assert one(ledger, ask("600", job="a")).ask_id != first.ask_id


def test_an_approval_lets_the_same_ask_run_and_holds_its_money(ledger: Ledger) -> None:
    waiting = one(ledger, ask("950", job="a"))
    assert (waiting.outcome, waiting.proceeds, waiting.status) == (Outcome.APPROVAL, False, AskStatus.WAITING)
    assert held(ledger) == 0
    with pytest.raises(GateError, match="ci asked for it"):
        gate.vote(ledger, waiting.ask_id, "approve", "ci", facts(), ASKING, now=NOW, why="me")
    gate.vote(ledger, waiting.ask_id, "approve", "ada", facts(), ASKING, now=NOW, why="the launch")
    allowed = one(ledger, ask("950", job="a"))
    assert (allowed.ask_id, allowed.outcome, allowed.proceeds) == (waiting.ask_id, Outcome.ALLOW, True)
    assert held(ledger) == 950
    assert [vote["who"] for vote in gate.look_up(ledger, waiting.ask_id).votes] == ["ada"]


def test_two_people_are_two_people_and_one_no_is_enough(ledger: Ledger) -> None:
    both = settings(approval_above="0.9", approvals=2, approvers=["ada", "bob", "cy"])
    waiting = one(ledger, ask("950", job="a"), settings=both)
    for _ in range(2):
        half = gate.vote(ledger, waiting.ask_id, "approve", "ada", facts(), both, now=NOW, why="yes")
        assert half.status == AskStatus.WAITING
    with pytest.raises(GateError, match="may not approve"):
        gate.vote(ledger, waiting.ask_id, "approve", "eve", facts(), both, now=NOW, why="yes")
    assert gate.vote(ledger, waiting.ask_id, "approve", "bob", facts(), both, now=NOW, why="yes").status == "held"
    other = one(ledger, ask("1", job="b"), settings=both)
    denied = gate.vote(ledger, other.ask_id, "deny", "cy", facts(), both, now=NOW, why="no")
    assert (denied.status, denied.outcome, denied.proceeds) == (AskStatus.REFUSED, Outcome.DENY, False)
    assert one(ledger, ask("1", job="b"), settings=both).ask_id == other.ask_id


def test_a_question_nobody_answers_lapses_and_cannot_be_approved_afterwards(ledger: Ledger) -> None:
    waiting = one(ledger, ask("950", job="a"))
    late = NOW + timedelta(hours=25)
    with pytest.raises(GateError, match="nobody waits"):
        gate.vote(ledger, waiting.ask_id, "approve", "ada", facts(), ASKING, now=late, why="late")
    one(ledger, ask("0"), now=late)
    assert gate.look_up(ledger, waiting.ask_id).status == AskStatus.LAPSED
    assert held(ledger) == 0


def test_broken_glass_overrides_a_question_and_stays_on_the_record(ledger: Ledger) -> None:
    waiting = one(ledger, ask("950", job="a"))
    broken = one(ledger, ask("950", job="a", break_glass="customers wait"))
    assert (broken.proceeds, broken.status, held(ledger)) == (True, AskStatus.HELD, 950)
    assert gate.look_up(ledger, waiting.ask_id).status == AskStatus.RELEASED
    assert set(ledger.notes("gate.broke_glass")) == {broken.ask_id}
    with pytest.raises(GateError, match="allows nobody"):
        one(ledger, ask(break_glass="again"), settings=settings(break_glass=False))
    with pytest.raises(GateError, match="say why"):
        one(ledger, ask(break_glass=" "))


def test_a_misspelt_team_is_refused_rather_than_held_to_the_company_alone(ledger: Ledger) -> None:
    known = facts(known_values={"team": frozenset({"search", "support"})})
    (error,) = gate.answer_asks(ledger, [ask(scopes={"team": "serach"})], known, ASKING, now=NOW)
    assert isinstance(error, GateError)
    assert str(error) == "tags.yml has no team 'serach'. Did you mean 'search'?"


def test_one_wrong_ask_does_not_stop_the_others(ledger: Ledger) -> None:
    wrong, right = gate.answer_asks(ledger, [ask("-1"), ask("5")], facts(), ASKING, now=NOW)
    assert isinstance(wrong, GateError)
    assert isinstance(right, Reply)


def test_an_edit_of_an_ask_is_found(ledger_address: str) -> None:
    with Ledger.open(ledger_address, KEY) as ledger:
        reply = one(ledger, ask("600"))
        with ledger.engine.connect().execution_options(writes=True) as connection, connection.begin():
            connection.execute(text("UPDATE gate_ask SET document = replace(document, '600', '6')"))
        assert any(f"ask {reply.ask_id} was changed" in problem for problem in ledger.verify().problems)


def test_the_audit_trail_refuses_changes(ledger: Ledger) -> None:
    one(ledger, ask("600"))
    for statement in ("UPDATE audit SET subject = 'x'", "DELETE FROM audit"):
        with (
            pytest.raises(DBAPIError, match="append-only"),
            ledger.engine.connect().execution_options(writes=True) as connection,
            connection.begin(),
        ):
            connection.execute(text(statement))


def _race(address: str, number: int, barrier: Barrier) -> None:
    with Ledger.open(address, KEY) as ledger:
        barrier.wait()
        one(ledger, ask("30", job=f"job-{number}"))


def test_fifty_processes_at_once_cannot_overspend_a_budget(ledger_address: str) -> None:
    with Ledger.open(ledger_address, KEY):
        pass
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(50)
    racers = [context.Process(target=_race, args=(ledger_address, number, barrier)) for number in range(50)]
    with ExitStack() as stack:
        for racer in racers:
            racer.start()
            stack.callback(racer.kill)
        for racer in racers:
            racer.join(timeout=120)
            assert racer.exitcode == 0
    with Ledger.open(ledger_address, KEY) as ledger:
        # 30 jobs of 30 are 900 of 1,000: whoever comes next needs approval or is denied.
        standing = gate.standing_asks(ledger)
        assert sum(reply.status == AskStatus.HELD for reply in standing) == 30
        assert held(ledger) == 900
        assert gate.unbalanced(ledger) == []
        assert ledger.verify().problems == ()


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["ask", "settle", "release", "wait", "bill"]),
            st.integers(0, 5),
            st.decimals(0, 400, places=4, allow_nan=False),
        ),
        max_size=14,
    )
)
def test_whatever_jobs_do_no_budget_is_promised_twice(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, Decimal]]
) -> None:
    now, through = NOW, NOW - timedelta(days=1)
    ids: list[str] = []
    with Ledger.open(tmp_path_factory.mktemp("steps") / "ledger.sqlite", KEY) as ledger:
        for what, number, amount in steps:
            budget = line(data_through=through)
            if what == "ask":
                reply = one(ledger, ask(str(amount)), budget, settings=settings(), now=now)
                ids.append(reply.ask_id)
                if reply.proceeds:
                    assert held(ledger) <= 1000
            elif what == "wait":
                now += timedelta(hours=6 * number)
            elif what == "bill":
                through = max(through, now - timedelta(hours=number))
            elif ids:
                chosen = ids[number % len(ids)]
                # What has ended can neither be settled nor given back.
                with suppress(GateError):
                    if what == "settle":
                        # A job may cost less than it said; one that costs more is not the gate's to stop.
                        estimate = Decimal(gate.look_up(ledger, chosen).document["ask"]["estimate"])
                        gate.settle(ledger, chosen, min(amount, estimate), "USD", facts(budget), now=now)
                    else:
                        gate.release(ledger, chosen, now=now)
            assert gate.unbalanced(ledger) == []
            assert all(total >= 0 for total in gate.held_totals(ledger).values())
        assert ledger.verify().problems == ()
