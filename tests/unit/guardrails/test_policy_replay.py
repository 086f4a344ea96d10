"""What a replay would have been worth, and what a change of policies would do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from finops.config.policies import GuardrailsFile, Policy
from guardrails import (
    Approvals,
    FactChange,
    GuardrailFact,
    Incident,
    Outcome,
    Replay,
    SpendDay,
    changes_from_rows,
    compare,
    outcome_of,
    policy_changes,
    replay,
)
from guardrails.facts import FactError

pytestmark = pytest.mark.ids("GUARD-4")

FIRST, LAST = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 15, tzinfo=UTC)
TELL, PAUSE = {"kind": "notify", "route": "chat"}, {"kind": "pause", "route": "hook"}
THROTTLE = {"kind": "throttle", "route": "hook"}


def policies(*documents: dict[str, Any]) -> list[Policy]:
    common = {"description": "", "owner": "o@example.com", "mode": "enforce"}
    return list(GuardrailsFile.model_validate({"policies": [common | one for one in documents]}).policies)


def budget(**changes: Any) -> dict[str, Any]:
    levels = [{"level": "warn", "at": "0.8", "do": [TELL]}, {"level": "pause", "at": "1", "do": [TELL, PAUSE]}]
    return {"id": "budgets", "kind": "budget", "levels": levels, "clear_below": "0.7"} | changes


def used(ratio: str, day: int, hour: int = 0, team: str = "search", until: int | None = None) -> FactChange:
    at = datetime(2026, 10, day, hour, tzinfo=UTC)
    fact = GuardrailFact(
        fact_id=f"{team}-{day}-{hour}", kind="budget", budget_id=team, scope_type="team", scope_value=team,
        period="2026-10", metric="effective_cost", value=Decimal(ratio) * 1000, reference=Decimal(1000),
        ratio=Decimal(ratio), projected_ratio=None, currency="USD", increase_amount=Decimal(ratio) * 1000 - 1000,
        data_through=at, is_reconciled=True, as_of=at,
    )  # fmt: skip
    return FactChange(fact, at + timedelta(days=1) if until is None else datetime(2026, 10, until, tzinfo=UTC))


def played(changes: list[FactChange], *documents: dict[str, Any], after: timedelta | None = None) -> Replay:
    return replay(changes, policies(*documents), first=FIRST, last=LAST, approvals=Approvals(after))


def spend(team: str = "search", app: str | None = "rewriter", amount: str = "24", **more: Any) -> list[SpendDay]:
    days = (date(2026, 10, day) for day in range(1, 16))
    model, machine = more.get("model"), more.get("machine")
    return [SpendDay(day, team, app, model, "USD", Decimal(amount), machine) for day in days]


RISING = [used("0.5", 1), used("0.85", 2), used("1.1", 3, 12), used("1.2", 5, until=7), used("0.6", 7), used("0.6", 8)]
"""Over the budget at noon of the third; clear twice on the seventh and eighth."""


def test_an_order_stands_from_when_it_was_due_until_it_is_released() -> None:
    found = played(RISING, budget())
    assert [(str(one.level), f"{one.decided_at:%d %H:%M}") for one in found.decisions] == [
        ("warn", "02 00:00"), ("pause", "03 12:00"), ("release", "08 00:00"),
    ]  # fmt: skip
    (order,) = found.orders
    assert order.actions == ("pause",)
    assert (f"{order.acted_at:%d %H:%M}", f"{order.ended_at:%d %H:%M}") == ("03 12:00", "08 00:00")
    assert found.moment_count == 14 * 288 + 1
    assert found.judgement_count < 40, "hardly any of 4,033 moments can change anything"


def test_money_saved_is_what_was_spent_while_it_stood() -> None:
    found = outcome_of(played(RISING, budget()), [*spend(), *spend(team="support")], [])
    assert found.saved == {"USD": Decimal(24) * Decimal("4.5")}, "half of the third, then four days"
    (one,) = found.policies
    assert (one.warned, one.acted, one.released) == (1, 1, 1)
    assert one.targets[0].flips_a_week == Decimal("1.00"), "an order and its end in two weeks"


def test_throttling_stops_a_share_and_a_ticket_nothing() -> None:
    levels = [{"level": "throttle", "at": "1", "do": [THROTTLE]}]
    throttled = outcome_of(played(RISING, budget(levels=levels)), spend(), [], throttle_share=Decimal("0.25"))
    assert throttled.saved == {"USD": Decimal(27)}
    levels = [{"level": "warn", "at": "1", "do": [{"kind": "ticket", "route": "desk"}]}]
    assert outcome_of(played(RISING, budget(levels=levels)), spend(), []).saved == {}
    with pytest.raises(ValueError, match="between 0 and 1"):
        outcome_of(throttled.replay, [], [], throttle_share=Decimal(2))


def test_money_under_two_orders_counts_once() -> None:
    company = [
        FactChange(
            GuardrailFact(**{
                **{name: getattr(one.fact, name) for name in GuardrailFact.__dataclass_fields__},
                "scope_type": "company", "scope_value": "all", "fact_id": f"all-{one.fact.fact_id}",
            }), one.known_to,
        )
        for one in RISING
    ]  # fmt: skip
    found = outcome_of(played([*RISING, *company], budget()), spend(), [])
    assert [one.saved["USD"] for one in found.orders] == [Decimal(108), Decimal(108)]
    assert found.saved == {"USD": Decimal(108)}


def test_critical_work_that_would_have_been_stopped_is_told() -> None:
    rows = [*spend(app="rewriter"), *spend(app="checkout", amount="2.4")]
    found = outcome_of(played(RISING, budget()), rows, [], protected=["checkout"])
    assert found.critical == {"USD": Decimal("10.8")}
    spared = outcome_of(played(RISING, budget(never_touch=["search"])), rows, [], protected=["search"])
    assert spared.critical == {}
    assert spared.policies[0].refused == {"never_touch": 1}
    assert spared.policies[0].acted == 0


def test_only_the_machine_that_an_order_is_about_is_stopped() -> None:
    rows = [*spend(machine="gpu-1", amount="10"), *spend(machine="gpu-2", amount="10"), *spend()]
    assert outcome_of(played(RISING, budget()), rows, []).saved == {"USD": Decimal(108)}
    fact = used("1", 2, until=6).fact
    values = {name: getattr(fact, name) for name in GuardrailFact.__dataclass_fields__}
    idle = GuardrailFact(**values | {"kind": "idle_gpu", "budget_id": None, "subject": "gpu-1", "period": "2026-10-02"})
    levels = [{"level": "stop", "at": "0.9", "do": [{"kind": "stop", "route": "hook"}]}]
    found = played([FactChange(idle, None)], {"id": "idle", "kind": "idle_gpu", "levels": levels})
    assert outcome_of(found, rows, []).saved == {"USD": Decimal(130)}, "13 days of one machine"


def test_approvals_delay_an_order_or_let_it_lapse() -> None:
    levels = [
        {"level": "pause", "at": "1", "do": [TELL, PAUSE], "approvals": 1, "approval_hours": 4, "grace_minutes": 15}
    ]
    nobody = played(RISING, budget(levels=levels))
    assert nobody.orders == ()
    assert sum(one.approvals_needed for one in nobody.decisions) > 0
    (order,) = played(RISING, budget(levels=levels), after=timedelta(minutes=30)).orders
    assert f"{order.acted_at:%d %H:%M}" == "03 12:45", "half an hour for the answer, a quarter of grace"


def test_orders_are_set_against_what_people_said_of_incidents() -> None:
    def incident(name: str, verdict: str | None, team: str | None = "search", day: int = 3) -> Incident:
        return Incident(name, "app", "rewriter", team, date(2026, 10, day), date(2026, 10, day), verdict)

    found = played(RISING, budget())
    outcomes = {
        verdict: outcome_of(found, [], [incident("one", verdict)]).orders[0].verdict
        for verdict in ("real", "false", "planned", None)
    }
    assert outcomes == {"real": "hit", "false": "false", "planned": "false", None: "unconfirmed"}
    late, other = incident("late", "real", day=12), incident("other", None, team="fraud")
    missed = outcome_of(found, [], [late, other, incident("no", "false", team=None)])
    assert [one.incident_id for one in missed.missed] == ["late", "other"]
    assert missed.orders[0].verdict == "no_incident"
    assert missed.incident_count == 2


def outcome(*documents: dict[str, Any]) -> Outcome:
    return outcome_of(played(RISING, *documents), spend(), [])


def test_two_sets_of_policies_differ_by_what_they_do() -> None:
    earlier = budget(levels=[{"level": "pause", "at": "0.8", "do": [PAUSE]}])
    found = compare(outcome(budget()), outcome(earlier))
    assert found.saved == {"USD": Decimal(36)}, "from the second, not from noon of the third"
    assert (found.warned, found.acted) == (-1, 0)
    nothing = compare(outcome(budget()), outcome(budget(mode="off")))
    assert nothing.only_before == ("budgets on team:search",)
    assert nothing.saved == {"USD": Decimal(-108)}
    shorter = outcome_of(replay([], policies(budget()), first=FIRST, last=FIRST + timedelta(days=1)), [], [])
    with pytest.raises(ValueError, match="different times"):
        compare(outcome(budget()), shorter)


def test_changes_are_said_in_words() -> None:
    levels = [
        {"level": "warn", "at": "0.7", "do": [TELL]},
        {"level": "stop", "at": "1.2", "do": [PAUSE], "approvals": 1},
    ]
    before = policies(budget(), budget(id="gone"))
    after = policies(
        budget(levels=levels, mode="dry_run", never_touch=["fraud"], acts_when={"time_zone": "Europe/Berlin"}),
        budget(id="fresh"),
    )
    found = {change.policy_id: change.words for change in policy_changes(before, after)}
    assert list(found) == ["budgets", "gone", "fresh"]
    assert found["budgets"][:3] == (
        "level warn comes earlier: at 0.7 instead of 0.8",
        "level pause is gone: it was at 1 (pause through hook)",
        "level stop is new: at 1.2 (pause through hook)",
    )
    assert "mode: dry_run instead of enforce" in found["budgets"]
    assert "never_touch: now with fraud" in found["budgets"]
    assert any(words.startswith("acts_when: ") for words in found["budgets"])
    assert found["gone"] == ("is gone (budget, enforce, warn at 0.8; pause at 1 (pause through hook))",)
    assert policy_changes(before, before) == []


def test_a_history_that_breaks_its_contract_is_refused() -> None:
    row = {name: getattr(used("1", 1).fact, name) for name in GuardrailFact.__dataclass_fields__}
    row |= {"known_from": FIRST, "known_to": None}
    assert changes_from_rows([row], {"budget"})[0].known_from == FIRST
    assert changes_from_rows([row], {"tokens"}) == []
    with pytest.raises(FactError, match="not exact"):
        changes_from_rows([{**row, "value": 1.5}], {"budget"})


@pytest.mark.parametrize(("last", "step"), [(FIRST - timedelta(days=1), timedelta(hours=1)), (LAST, timedelta(0))])
def test_moments_must_make_sense(last: datetime, step: timedelta) -> None:
    with pytest.raises(ValueError, match=r"moment|step"):
        replay([], [], first=FIRST, last=last, step=step)
