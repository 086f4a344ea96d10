"""Generation: the same bytes for the same arguments, all or nothing, and truths that are in the data."""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

import simulator
from simulator import organisation as org
from simulator.outcomes import JUDGED, OUTCOMES
from tests.support.simulator_files import Generated

pytestmark = pytest.mark.xdist_group("simulator")

SMALL = {"scale": 0.02, "days": 4}


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.ids("OPS-1")
def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    first = digest(simulator.generate(tmp_path / "a", **SMALL).directory)  # type: ignore[arg-type]
    again = digest(simulator.generate(tmp_path / "b", **SMALL).directory)  # type: ignore[arg-type]
    other = digest(simulator.generate(tmp_path / "c", seed=8, **SMALL).directory)  # type: ignore[arg-type]
    assert len(first) > 10
    assert first == again
    assert sum(first.get(name) != content for name, content in other.items()) > 10


@pytest.mark.ids("OPS-1")
def test_a_day_does_not_depend_on_how_many_days_are_made(tmp_path: Path) -> None:
    short = simulator.generate(tmp_path / "short", **SMALL)  # type: ignore[arg-type]
    longer = simulator.generate(tmp_path / "longer", scale=0.02, days=6)
    name = "spans-2026-10-18.jsonl.gz"
    assert (short.spans_folder / name).read_bytes() == (longer.spans_folder / name).read_bytes()


@pytest.mark.ids("OPS-1")
def test_unchanged_arguments_change_nothing_and_others_replace_everything(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    assert simulator.generate(folder, **SMALL).was_generated  # type: ignore[arg-type]
    marker = folder / "received"
    marker.mkdir()
    again = simulator.generate(folder, **SMALL)  # type: ignore[arg-type]
    assert not again.was_generated
    assert again.bill_rows > 0
    assert marker.exists()
    assert simulator.generate(folder, seed=9, **SMALL).was_generated  # type: ignore[arg-type]
    assert not marker.exists()


@pytest.mark.ids("OPS-1")
def test_a_killed_generation_is_done_again(tmp_path: Path) -> None:
    def dies(step: str) -> None:
        if step == "billing exports":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulator.generate(tmp_path / "made", **SMALL, progress=dies)  # type: ignore[arg-type]
    assert not (tmp_path / "made").exists()
    dead = tmp_path / ".made.making-999999999"
    dead.mkdir()
    assert simulator.generate(tmp_path / "made", **SMALL).was_generated  # type: ignore[arg-type]
    assert not dead.exists()


@pytest.mark.ids("OPS-1")
def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ValueError, match="no generated organisation"):
        simulator.generate(tmp_path, **SMALL)  # type: ignore[arg-type]
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"days": 2}, "at least 3"), ({"scale": 0}, "more than 0"), ({"as_of": datetime(2026, 1, 1)}, "no time zone")],  # noqa: DTZ001
)
@pytest.mark.ids("OPS-1")
def test_wrong_parameters_are_named(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        simulator.generate(tmp_path / "made", **{**SMALL, **changes})  # type: ignore[arg-type]


@pytest.mark.ids("OPS-1")
def test_any_day_can_be_today(tmp_path: Path) -> None:
    made = simulator.generate(tmp_path / "made", as_of=datetime(2024, 3, 1, 12, tzinfo=UTC), **SMALL)  # type: ignore[arg-type]
    assert made.bill_rows > 100
    assert Generated(made).truths().keys() >= {"idle-gpu-pool", "untagged"}


@pytest.mark.ids("ANOM-5")
def test_the_retrain_costs_six_times_as_much(generated: Generated) -> None:
    by_day: dict[date, Decimal] = defaultdict(Decimal)
    for row in generated.current_rows():
        if row["ResourceId"].lower().endswith("/gpu-vision"):
            by_day[date.fromisoformat(row["ChargePeriodStart"][:10])] += Decimal(row["BilledCost"])
    retrain = [by_day[day] for day in org.RETRAIN_DAYS]
    usual = [cost for day, cost in by_day.items() if day not in org.RETRAIN_DAYS]
    assert len(usual) > 40
    mean = sum(usual) / len(usual)
    assert all(5 < cost / mean < 7 for cost in retrain)
    assert max(usual) < 2 * mean
    expected = sum(retrain) * 5 / 6
    assert abs(Decimal(generated.truths()["runaway-retrain"]["money"]) - expected) < Decimal("0.001")


@pytest.mark.ids("ANOM-5")
def test_truths_have_money_and_places(generated: Generated) -> None:
    truths = generated.truths()
    assert set(truths) >= {
        "launch", "idle-gpu-pool", "missing-prompt-cache", "untagged", "late-day", "restated-day", "runaway-retrain",
        "leaked-key", "error-storm", "retry-storm", "cache-collapse", "new-spender", "first-use",
    }  # fmt: skip
    for truth in truths.values():
        assert Decimal(truth["money"]) > 0
        assert truth["where"]
        assert truth["expected_finding"]
        assert truth["starts_at"] <= truth["ends_at"]
    assert 0.03 < float(generated.truth()["untagged_share_of_recent_ai_cost"]) < 0.07


@pytest.mark.ids("ANOM-3")
def test_mishaps_change_their_own_app_on_their_own_days_only() -> None:
    """Every other call is the one that it was: a mishap draws its random numbers itself."""
    from simulator import usage

    parameters = org.Parameters()
    for app, day, kind in (
        (org.FAILING_APP, org.FAILING_DAYS[0], "error-storm"),
        (org.REPEATING_APP, org.REPEATING_DAYS[0], "retry-storm"),
    ):
        [calls] = [calls for calls in usage.gateway_calls(parameters, day) if calls.app.app == app]
        planted, usual = calls.planted == 1, calls.planted == 0
        assert planted.sum() > 3 * usual.sum(), kind
        assert (calls.is_retry[planted] == (kind == "retry-storm")).all()
        assert (calls.status[planted] == (usage.TIMED_OUT if kind == "error-storm" else usage.OK)).all()
        others = [calls for calls in usage.gateway_calls(parameters, day) if calls.app.app != app]
        assert not any(calls.planted.any() for calls in others)
    names = {day: {calls.app.app for calls in usage.gateway_calls(parameters, day)} for day in org.HACKATHON.days}
    assert all(org.HACKATHON.app.app in apps for apps in names.values())
    after = org.HACKATHON.days[-1] + timedelta(days=1)
    assert org.HACKATHON.app.app not in {calls.app.app for calls in usage.gateway_calls(parameters, after)}
    for lost in (True, False):
        day = org.CACHE_LOST_DAYS[0] if lost else org.CACHE_LOST_DAYS[0] - timedelta(days=7)
        of_account = [h for h in usage.dedicated_hours(parameters, day) if h.account.name == org.CACHE_LOST_ACCOUNT]
        assert (sum(int(h.cached_tokens.sum()) for h in of_account) == 0) == lost
        assert (sum(int(h.missed_cache_tokens.sum()) for h in of_account) > 0) == lost


@pytest.mark.ids("BUD-1")
def test_the_months_have_the_size_of_their_budgets() -> None:
    from simulator import bill, gpu, usage
    from simulator.truths import is_ai

    parameters = org.Parameters(days=35, as_of=datetime(2026, 10, 3, tzinfo=UTC))
    biller = bill.Biller(parameters, gpu.node_hours(gpu.cluster_hours(parameters)))
    total = ai = Decimal(0)
    for offset in range(30):
        day = date(2026, 9, 1) + timedelta(days=offset)
        for charge in biller.day(day, usage.gateway_tokens(usage.gateway_calls(parameters, day))):
            total += charge.billed_cost
            ai += charge.effective_cost if is_ai(charge) else 0
    assert 95_000 < total < 120_000
    assert 78_000 < ai < 95_000


@pytest.mark.ids("ING-8")
def test_outcomes_cover_every_finished_day(generated: Generated) -> None:
    rows = []
    for path in sorted(generated.summary.outcomes.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows += list(csv.DictReader(file))
    days = {row["outcome_date"] for row in rows}
    assert len(days) == generated.summary.parameters.days
    assert max(days) == "2026-10-19"
    assert len(rows) == len(days) * (len(OUTCOMES) + len(JUDGED))
    assert all(int(row["quantity"]) >= 0 for row in rows)
    assert {row["outcome"] for row in rows} >= {"ticket_resolved", "document_processed", "lead_scored"}
