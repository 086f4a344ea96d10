"""What was reported on a past day can be reproduced, every mart to the last digit, after lake and rules moved on."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from finops.config import history, load_configuration
from finops.config.tables import Basis, write_tables
from finops.paths import CONFIG_VARIABLE, HOME_VARIABLE, Home
from finops.periods import BillingPeriod
from orchestration import statements
from orchestration.as_known import MARKER, AsKnown, rebuild_as_known, reported_moment
from orchestration.run import PipelineError, run_job
from orchestration.schedules import REBUILD
from orchestration.workspace import AS_OF_VARIABLE
from reports.statements import build, store
from tests.support.lake_builder import CONFIG_FILES, LakeBuilder, charge, publish_built, run_dbt, span, write_config
from tests.support.pipeline import Recorder, mart_digests, query

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("as-known")]

THEN = datetime(2026, 10, 12, 6, tzinfo=UTC)
NOW = datetime(2026, 10, 20, 6, tzinfo=UTC)
ACCOUNT = "/subscriptions/1/resourceGroups/rg-ai/providers/Microsoft.CognitiveServices/accounts/aoai-search"
BILL = "focus__cost_and_usage"
SEPTEMBER, OCTOBER = date(2026, 9, 1), date(2026, 10, 1)


def _bill(first: date, last: date, unit_cost: str) -> list[dict[str, str | None]]:
    tags = '{"team": "search", "app": "query-rewriter"}'
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [charge(day, unit_cost, ResourceId=ACCOUNT, ServiceName="Azure OpenAI", Tags=tags) for day in days]


def _usage(day: date, number: int) -> list[dict[str, object]]:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return [span(noon, number, app="query-rewriter", resource_id=ACCOUNT.lower(), input_tokens=500_000)]


def _point(day: int, value: float, asked_at: datetime) -> dict[str, list[dict[str, object]]]:
    at = datetime(2026, 10, day, 12, tzinfo=UTC)
    account = ACCOUNT.lower().replace("aoai-search", "aoai-other")
    window = {
        "source_id": "m", "table_name": "azure_monitor__metric", "scope": account, "window_start": at,
        "window_end": at + timedelta(hours=1), "requested_at": asked_at, "row_count": 1,
    }  # fmt: skip
    point = {
        "source_id": "m", "resource_id": account, "metric_name": "ProcessedPromptTokens", "aggregation": "Total",
        "interval": "PT1H", "point_at": at, "model_name": "gpt-4.1", "dimensions": "{}", "value": value,
        "requested_at": asked_at,
    }  # fmt: skip
    return {"landing__window": [window], "azure_monitor__metric": [point]}


def _deliver(
    lake: LakeBuilder, kind: str, rows: list, scope: str, made_at: datetime, month: date | None = None
) -> None:  # type: ignore[type-arg]
    lake.snapshot(
        kind, rows, scope=scope, period_start=month, submitted_at=made_at, loaded_at=made_at + timedelta(minutes=5)
    )


@dataclass
class Audited:
    home: Home
    digests: dict[str, str]
    """What was published by the run of THEN."""
    listener: Recorder

    def rebuild(self, at: datetime, basis: Basis, out: Path) -> AsKnown:
        return rebuild_as_known(self.home, at, basis, out, os.environ, self.listener.listener)


def _run(home: Home, config: Path, as_of: datetime) -> None:
    """What a run does after landing: configuration, marts, models, signals, publishing."""
    write_tables(load_configuration(config), home.config_tables, as_of)
    history.record(home.config_history, config, home.config_tables, as_of=as_of, recorded_at=as_of)
    variables = {HOME_VARIABLE: str(home.path), CONFIG_VARIABLE: str(config), AS_OF_VARIABLE: as_of.isoformat()}
    run_job(REBUILD, home, variables, Recorder([]).listener)


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    """A run on 12 October; then a restated day, a true-up of September, late usage, new prices and new owners."""
    home = Home(tmp_path_factory.mktemp("audited"))
    lake = LakeBuilder(home)
    config = write_config(home.path / "settings")
    _deliver(
        lake, BILL, _bill(SEPTEMBER, date(2026, 9, 30), "4"), "export", datetime(2026, 10, 5, 4, tzinfo=UTC), SEPTEMBER
    )
    _deliver(
        lake, BILL, _bill(OCTOBER, date(2026, 10, 9), "4"), "export", datetime(2026, 10, 11, 4, tzinfo=UTC), OCTOBER
    )
    _deliver(lake, "otel__genai_span", _usage(date(2026, 10, 11), 1), "a.jsonl", datetime(2026, 10, 11, 13, tzinfo=UTC))
    asked_at = datetime(2026, 10, 11, 14, tzinfo=UTC)
    lake.load(_point(11, 100_000, asked_at), loaded_at=asked_at)
    _run(home, config, THEN)
    digests = mart_digests(home)
    # The run's marts are of its moment: what is issued from them notes when they were published.
    os.utime(home.published.resolve(), (THEN.timestamp(), THEN.timestamp()))
    statements.issue(home, config, BillingPeriod(SEPTEMBER))

    _deliver(
        lake,
        BILL,
        _bill(SEPTEMBER, date(2026, 9, 29), "4.5"),
        "export",
        datetime(2026, 10, 13, 4, tzinfo=UTC),
        SEPTEMBER,
    )
    _deliver(
        lake, BILL, _bill(OCTOBER, date(2026, 10, 17), "5"), "export", datetime(2026, 10, 19, 4, tzinfo=UTC), OCTOBER
    )
    _deliver(lake, "otel__genai_span", _usage(date(2026, 10, 11), 2), "late.jsonl", datetime(2026, 10, 14, tzinfo=UTC))
    asked_again_at = datetime(2026, 10, 13, tzinfo=UTC)
    lake.load(_point(11, 900_000, asked_again_at), loaded_at=asked_again_at)
    (config / "prices.yml").write_text(CONFIG_FILES["prices"].replace("input_uncached: 1,", "input_uncached: 3,"))
    (config / "tags.yml").write_text(
        CONFIG_FILES["tags"].replace("app: query-rewriter, team: search", "app: query-rewriter, team: support")
    )
    # Only the marts: what the models make of them is rebuilt for the past day, and compared with what it was.
    write_tables(load_configuration(config), home.config_tables, NOW)
    history.record(home.config_history, config, home.config_tables, as_of=NOW, recorded_at=NOW)
    assert run_dbt(home, "run").returncode == 0
    publish_built(home, version="now")
    return Audited(home, digests, Recorder([]))


@pytest.mark.ids("COST-5", "ING-10")
def test_a_past_day_is_reproduced_to_the_last_digit_in_every_mart(audited: Audited, tmp_path: Path) -> None:
    now = mart_digests(audited.home)
    moved = {name for name in now if now[name] != audited.digests[name]}
    assert {
        "fct_ai_cost_daily",
        "fct_usage_cost_hourly",
        "fct_budget_status",
        "fct_true_up_monthly",
        "dim_app",
    } <= moved
    lake_before = _files(audited.home.lake)

    done = audited.rebuild(THEN, "delivered", tmp_path / "then")

    rebuilt = mart_digests_of(tmp_path / "then" / "parquet")
    assert set(rebuilt) == set(audited.digests)
    assert {name for name in rebuilt if rebuilt[name] != audited.digests[name]} == set()
    assert mart_digests(audited.home) == now, "today's marts are only read"
    assert _files(audited.home.lake) == lake_before, "the lake is only read"
    assert done.notes == []
    # What differs is said, in money: nine days at 4 against seventeen at 5, September 30 × 4 against 29 × 4.5.
    [cost] = [row for row in done.compared if row.mart == "fct_ai_cost_daily"]
    assert (cost.currency, cost.rows_then, cost.rows_now) == ("USD", 39, 46)
    assert (cost.total_then, cost.total_now) == ("156.000000000000", "215.500000000000")
    told = json.loads((tmp_path / "then" / MARKER).read_text())
    assert (told["basis"], told["as_of"]) == ("delivered", THEN.isoformat())
    assert (tmp_path / "then" / "csv" / "fct_ai_cost_daily.csv").exists()


@pytest.mark.ids("COST-5")
def test_what_this_lake_held_was_reported_by_the_newest_run(audited: Audited) -> None:
    """An hour after the run nothing new was reported: the run's own moment is what was reported on."""
    found = history.find(audited.home.config_history, THEN + timedelta(hours=1), "landed")
    assert reported_moment(found, THEN + timedelta(hours=1), "landed") == THEN
    assert reported_moment(found, THEN + timedelta(hours=1), "delivered") == THEN + timedelta(hours=1)


@pytest.mark.ids("COST-5")
def test_a_folder_with_something_else_is_left_alone(audited: Audited, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear auditor")
    with pytest.raises(PipelineError, match="something else"):
        audited.rebuild(THEN, "delivered", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.ids("COST-5")
def test_what_a_stopped_rebuild_names_is_there(audited: Audited, tmp_path: Path) -> None:
    """The rebuild's own home is gone by the time that somebody looks for the compiled SQL."""
    home = Home(tmp_path / "home")
    shutil.copytree(audited.home.lake, home.lake)
    shutil.copytree(audited.home.config_history, home.config_history)
    bill = next(iter((home.lake / "raw" / BILL).rglob("*.parquet")))
    bill.write_bytes(b"not Parquet any more")
    with pytest.raises(PipelineError, match="compiled SQL is under") as caught:
        rebuild_as_known(home, THEN, "delivered", tmp_path / "then", os.environ, audited.listener.listener)
    named = Path(str(caught.value).rpartition("is under ")[2])
    try:
        assert named.parts[-2:] == ("cost_model", "compiled")
        assert list(named.rglob("*.sql"))
    finally:
        shutil.rmtree(named.parents[2])


@pytest.mark.ids("ALLOC-5", "COST-5")
def test_an_issued_month_is_made_again_from_the_lake_of_then(audited: Audited) -> None:
    """September was restated since."""
    month = BillingPeriod(SEPTEMBER)
    assert statements.rebuild(audited.home, month, os.environ, audited.listener.listener) == []
    [issued] = store.read_issues(audited.home.statements)
    assert [(made.party.team, made.charges) for made in issued.statements] == [("search", Decimal(120))]
    published = audited.home.published.resolve()
    today = build.read_amounts(published, [month])[month]
    assert {party.team: sum(lines.values()) for party, lines in today.items()} == {"search": Decimal("130.5")}


@pytest.mark.ids("COST-5")
def test_a_true_up_is_one_row_with_its_cause(audited: Audited) -> None:
    rows = query(
        audited.home,
        "select row_kind, true_up_number, billed_cost, charge_count_change, reported_month, submitted_at "
        "from {fct_true_up_monthly} order by 2",
    )
    assert [(kind, number, str(cost), charges, month) for kind, number, cost, charges, month, _ in rows] == [
        ("closing", 0, "120.000000000000", 30, SEPTEMBER),
        ("true_up", 1, "10.500000000000", -1, OCTOBER),
    ]
    assert rows[1][5].isoformat() == "2026-10-13T04:00:00"


def _files(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def mart_digests_of(folder: Path) -> dict[str, str]:
    link = folder.parent / "home"
    link.mkdir(exist_ok=True)
    (link / "published").symlink_to(folder, target_is_directory=True)
    return mart_digests(Home(link))
