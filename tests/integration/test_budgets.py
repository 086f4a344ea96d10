"""Budgets of every kind on a bill whose every day is known, recomputed by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from finops.config import ConfigError, load_configuration
from finops.paths import Home
from tests.support.lake_builder import LakeBuilder, charge, publish_built, run_dbt, write_config

pytestmark = [pytest.mark.ids("BUD-1", "BUD-2", "BUD-3"), pytest.mark.xdist_group("budgets")]

AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
FIRST, BILLED_THROUGH = date(2026, 7, 1), date(2026, 10, 14)
SEARCH, SUPPORT = Decimal(10), Decimal(4)
BUDGETS = """
tiers: {pilot: 100}
budgets:
  - {id: company, scope: {level: company}, amount: 400}
  - {id: search, scope: {level: team, value: search}, amount: 320, parent: company, roll_over: {at_most: 15},
     owner: ann}
  - {id: frugal, scope: {level: team, value: search}, amount: 307, roll_over: {at_most: 15}}
  - {id: spendthrift, scope: {level: team, value: search}, amount: 250, roll_over: {at_most: 15}}
  - {id: newcomer, scope: {level: team, value: search}, amount: 400, roll_over: {at_most: 15}, valid_from: 2026-10-01}
  - id: support
    scope: {level: team, value: support}
    tier: pilot
    increases:
      - {amount: 30, valid_from: 2026-10-15, valid_to: 2026-10-25, reason: launch}
      - {amount: 500, valid_from: 2026-10-01, valid_to: 2026-10-10, reason: over already}
  - {id: day, scope: {level: team, value: search}, period: day, amount: 12}
  - {id: week, scope: {level: team, value: search}, period: week, amount: 70}
  - {id: year, scope: {level: team, value: search}, period: year, amount: 5000}
  - {id: tight, scope: {level: team, value: search}, amount: 150}
  - {id: below-tight, scope: {level: team, value: search}, amount: 200, parent: tight}
  - {id: below-below, scope: {level: team, value: search}, amount: 900, parent: below-tight}
  - {id: hot, scope: {level: team, value: search}, amount: 100, alert_at: [0.5, 0.8, 1.0, 1.5]}
  - id: project
    scope: {level: team, value: support}
    period: milestone
    valid_from: 2026-09-01
    milestones:
      - {id: prototype, amount: 150, due_on: 2026-09-30, approved_on: 2026-08-20}
      - {id: pilot, amount: 100, due_on: 2026-11-30, approved_on: 2026-10-05}
      - {id: launch, amount: 900, due_on: 2027-02-28}
      - {id: scale, amount: 50, due_on: 2027-03-31, approved_on: 2026-10-21}
  - id: unfunded
    scope: {level: team, value: support}
    period: milestone
    valid_from: 2026-10-01
    milestones: [{id: idea, amount: 10, due_on: 2026-12-31}]
"""


def _bill() -> list[dict[str, Any]]:
    rows = []
    for number in range((BILLED_THROUGH - FIRST).days + 1):
        day = FIRST + timedelta(days=number)
        for team, amount in (("search", SEARCH), ("support", SUPPORT)):
            account = f"/subscriptions/s/providers/microsoft.cognitiveservices/accounts/{team}"
            rows.append(charge(day, str(amount), ResourceId=account, Tags=f'{{"team": "{team}"}}'))
    later = charge(
        date(2026, 10, 25), "7", ResourceId="/subscriptions/s/providers/microsoft.cognitiveservices/accounts/search",
        Tags='{"team": "search"}', ChargeCategory="Purchase",
    )  # fmt: skip
    return [*rows, later]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("budgets") / "home")


@pytest.fixture(scope="module")
def status(home: Home) -> dict[str, dict[str, Any]]:
    config = write_config(home.path / "settings")
    (config / "budgets.yml").write_text(BUDGETS, encoding="utf-8")
    lake = LakeBuilder(home)
    lake.configure(AS_OF, config)
    lake.snapshot("focus__cost_and_usage", _bill(), scope="bill.csv")
    result = run_dbt(home, "build", "--quiet", "--select", "+fct_guardrail_facts", "--indirect-selection", "cautious")
    assert result.returncode == 0, result.output
    names = [*(row[0] for row in result.query("describe marts.fct_budget_status")), "fact_period", "fact_ratio"]
    return {row[names.index("budget_id")]: dict(zip(names, row, strict=True)) for row in result.query(
        "select status.*, facts.period, facts.ratio from marts.fct_budget_status as status "
        "join marts.fct_guardrail_facts as facts on status.budget_id = facts.budget_id and facts.kind = 'budget'"
    )}  # fmt: skip


def _amounts(row: dict[str, Any]) -> tuple[Decimal, ...]:
    return tuple(row[f"{name}_amount"] for name in ("base", "increase", "carried", "budget"))


def test_periods_are_calendar_and_fiscal(status: dict[str, dict[str, Any]]) -> None:
    found = {name: (row["period_start"], row["period_end"]) for name, row in status.items()}
    assert found["day"] == (date(2026, 10, 20), date(2026, 10, 20))
    assert found["week"] == (date(2026, 10, 19), date(2026, 10, 25)), "Monday to Sunday"
    assert found["search"] == (date(2026, 10, 1), date(2026, 10, 31))
    assert found["year"] == (date(2026, 7, 1), date(2027, 6, 30))
    assert found["project"] == (date(2026, 9, 1), date(2026, 11, 30)), "until the newest approved milestone is due"
    assert status["year"]["billed_to_date"] == SEARCH * 106
    assert status["week"]["billed_to_date"] == 0


@pytest.mark.ids("GUARD-1")
def test_guardrails_judge_every_period_and_a_budget_without_money_is_used_up(status: dict[str, dict[str, Any]]) -> None:
    periods = {name: status[name]["fact_period"] for name in ("day", "week", "search", "year", "project", "unfunded")}
    assert periods == {
        "day": "2026-10-20", "week": "2026-W43", "search": "2026-10", "year": "2027", "project": "pilot",
        "unfunded": "idea",
    }  # fmt: skip
    assert status["unfunded"]["fact_ratio"] == 1


def test_what_may_be_spent_is_base_increase_and_what_was_left_over(status: dict[str, dict[str, Any]]) -> None:
    assert _amounts(status["search"]) == (320, 0, 15, 335), "20 were left of September, and 15 is the most"
    assert _amounts(status["frugal"]) == (307, 0, 7, 314)
    assert _amounts(status["spendthrift"]) == (250, 0, 0, 250), "an overspent month takes nothing away"
    assert _amounts(status["newcomer"]) == (400, 0, 0, 400), "it did not hold in September"
    assert _amounts(status["support"]) == (100, 30, 0, 130), "the tier's amount; one increase holds, one has ended"
    assert (status["search"]["owner"], status["support"]["tier"]) == ("ann", "pilot")


def test_milestones_release_money_when_they_are_approved(status: dict[str, dict[str, Any]]) -> None:
    project = status["project"]
    assert _amounts(project) == (250, 0, 0, 250)
    assert project["unreleased_amount"] == 950, "launch is not approved, scale only from tomorrow"
    assert project["billed_to_date"] == SUPPORT * 44
    unfunded = status["unfunded"]
    assert (unfunded["budget_amount"], unfunded["used_ratio"], unfunded["status"]) == (0, 1, "over")


def test_a_budget_above_limits_what_is_available(status: dict[str, dict[str, Any]]) -> None:
    assert status["tight"]["available_amount"] == 10
    below, lowest = status["below-tight"], status["below-below"]
    assert (below["remaining_amount"], below["available_amount"], below["capped_by"]) == (60, 10, "tight")
    assert (lowest["remaining_amount"], lowest["available_amount"], lowest["capped_by"]) == (760, 10, "tight")
    search = status["search"]
    assert (search["available_amount"], search["capped_by"]) == (195, None), "the company has 204 left"


def test_thresholds_and_exhaustion_have_their_days(status: dict[str, dict[str, Any]]) -> None:
    hot = status["hot"]
    assert (hot["threshold_crossed"], hot["threshold_crossed_on"]) == (1.0, date(2026, 10, 10))
    assert (hot["status"], hot["exhaustion_date"]) == ("over", date(2026, 10, 10))
    assert status["search"]["threshold_crossed"] is None
    tight = status["tight"]
    assert (tight["threshold_crossed"], tight["threshold_crossed_on"]) == (0.8, date(2026, 10, 12))
    assert tight["exhaustion_date"] == date(2026, 10, 15), "10 are left, and 10 a day are spent"
    assert status["search"]["exhaustion_date"] is None, "19.5 days of money, 17 days of month"


def test_burn_rates_commitments_and_projection(status: dict[str, dict[str, Any]]) -> None:
    tight = status["tight"]
    for days in (1, 7, 28):
        assert tight[f"burn_rate_ratio_{days}d"] == pytest.approx(10 / (150 / 31))
    assert tight["committed_cost"] == 7
    assert tight["billed_to_date"] == 140, "what is booked for a later day is not spent yet"
    assert tight["projected_cost"] == 140 + 170
    assert status["week"]["committed_cost"] == 7
    assert status["company"]["billed_to_date"] == 14 * 14


def test_the_command_says_what_is_wrong_and_what_is_special(status: dict[str, dict[str, Any]], home: Home) -> None:
    empty = CliRunner().invoke(app, ["budgets", "--home", str(home.path / "elsewhere")])
    assert empty.exit_code == 1
    publish_built(home, "fct_budget_status")
    done = CliRunner().invoke(app, ["budgets", "--home", str(home.path)], env={"COLUMNS": "80"})
    assert done.exit_code == 0, done.output
    lines = {line.split()[0]: line for line in done.output.splitlines() if line and not line.startswith(" ")}
    assert set(status) <= set(lines)
    hot = lines["hot"].replace("\N{NO-BREAK SPACE}", " ")
    assert all(text in hot for text in ("100", "140", "140%", "over"))
    assert "hot is used up on 10 Oct" in done.output
    assert "below-tight can spend no more than tight has left" in done.output
    assert "search has USD 15.00 from the period before" in done.output.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("{id: a, scope: {level: company}}", "a budget needs an amount"),
        ("{id: a, scope: {level: company}, tier: gold}", "tier 'gold' is not one of tiers"),
        ("{id: a, scope: {level: company}, amount: 1, parent: b}", "parent 'b' is not a budget"),
        ("{id: a, scope: {level: company}, amount: 1, parent: a}", "caps itself"),
        ("{id: a, scope: {level: company}, period: milestone, amount: 1}", "needs milestones and valid_from"),
        (
            "{id: a, scope: {level: company}, amount: 1, milestones: [{id: m, amount: 1, due_on: 2026-10-01}]}",
            "milestones need period: milestone",
        ),
        (
            "{id: a, scope: {level: company}, amount: 1, increases: [{amount: 1, valid_from: 2026-10-02, "
            "valid_to: 2026-10-01, reason: r}]}",
            "valid_to",
        ),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused_with_what_to_do(
    wrong: str, said: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    config = write_config(tmp_path_factory.mktemp("config"))
    (config / "budgets.yml").write_text(f"budgets:\n  - {wrong}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"budgets\.yml") as error:
        load_configuration(config)
    assert said in str(error.value)
    done = CliRunner().invoke(app, ["config", "check", "--config", str(config)])
    assert done.exit_code == 1
