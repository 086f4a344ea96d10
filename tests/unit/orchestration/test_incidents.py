"""Incidents of a home: what is told when, what people say, what it proposes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pandas as pd
import pytest
from typer.testing import CliRunner

import guardrails
from cli.main import app
from finops.config.anomalies import AnomaliesFile
from finops.paths import Home
from orchestration.assets.actions import due_messages, incident_notifications
from orchestration.ledger import feedback_rows, open_ledger
from orchestration.workspace import Workspace
from tests.support.mart_factory import AS_OF, Organisation, incident_rows, publish
from tests.support.small_config import write_small_config

Publish = Callable[..., None]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    write_small_config(tmp_path / "config")
    return Home(tmp_path / "home")


@pytest.fixture
def publish_incident(home: Home) -> Publish:
    frame = pd.DataFrame(incident_rows(Organisation())).head(1)
    others = {"peak_impact": frame["impact"], "usage_change": frame["impact"], "similar_incidents": "[]"}

    def published(**changes: Any) -> None:
        row = frame.assign(**{"verdict_reason": None, **others, **changes})
        publish({"fct_incident": row}, home.published)
        with duckdb.connect(str(home.warehouse)) as connection:
            connection.execute("create schema if not exists marts")
            published_file = home.published / "fct_incident.parquet"
            connection.execute(f"create or replace table marts.fct_incident as from read_parquet('{published_file}')")

    return published


def notified(home: Home) -> list[str]:
    """What the asset queued so far, by message."""
    workspace = Workspace(
        home_path=str(home.path), config_path=str(home.path.parent / "config"), as_of_text=AS_OF.isoformat()
    )
    result = dg.materialize([incident_notifications, due_messages], resources={"workspace": workspace})
    assert result.success
    with open_ledger(home) as ledger:
        return [message.message_id.split("/", 2)[2] for message in guardrails.messages(ledger)]


@pytest.mark.ids("NOTIF-1", "ANOM-3")
def test_an_incident_is_told_when_it_opens_gets_worse_and_is_over_and_each_once(
    home: Home, publish_incident: Publish
) -> None:
    publish_incident(severity="low", opened_severity="low")
    assert notified(home) == [], "routing.yml wants medium and more"
    later = pd.Timestamp(AS_OF).tz_localize(None) + pd.Timedelta(days=3)
    told = []
    for changes, stage in [
        ({"severity": "medium", "opened_severity": "low"}, "worsened-medium"),
        ({"severity": "medium", "opened_severity": "low"}, None),
        ({"severity": "critical", "opened_severity": "low"}, "worsened-critical"),
        ({"severity": "critical", "opened_severity": "medium", "status": "acknowledged"}, None),
        ({"severity": "high", "status": "new_normal", "closed_at": later}, "closed"),
        ({"severity": "high", "status": "closed", "closed_at": later}, None),
    ]:
        publish_incident(**changes)
        told += [f"teams-finops/{stage}"] if stage else []
        assert notified(home) == told, changes


@pytest.mark.ids("NOTIF-1", "ANOM-3")
@pytest.mark.parametrize("status", ["dismissed", "expected", "suppressed", "retracted", "acknowledged"])
def test_what_nobody_needs_to_hear_of_is_not_told(home: Home, publish_incident: Publish, status: str) -> None:
    publish_incident(status=status)
    assert notified(home) == []


@pytest.mark.ids("NOTIF-1", "ANOM-3")
@pytest.mark.parametrize(("last_seen", "is_told"), [(date(2026, 10, 13), True), (date(2026, 10, 12), False)])
def test_what_a_late_bill_shows_when_it_is_over_is_told_once_while_it_is_recent(
    home: Home, publish_incident: Publish, last_seen: date, is_told: bool
) -> None:
    over = {"status": "closed", "last_seen": last_seen, "closed_at": pd.Timestamp(AS_OF).tz_localize(None)}
    for _ in range(2):
        publish_incident(**over)
        assert notified(home) == (["teams-finops/opened"] if is_told else [])


def run(home: Home, *arguments: str) -> str:
    result = CliRunner().invoke(app, ["incidents", *arguments, "--home", str(home.path)], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.ids("ANOM-3")
def test_a_verdict_is_kept_shown_at_once_and_becomes_a_proposal(home: Home, publish_incident: Publish) -> None:
    publish_incident()
    assert "query-rewriter" in run(home, "list")
    assert "volume" in run(home, "show", "")
    run(home, "acknowledge", "", "--who", "bo")
    assert "acknowledged" in run(home, "list")
    run(home, "feedback", "", "--verdict", "false", "--why", "month end", "--who", "ann")
    assert "query-rewriter" not in run(home, "list")
    assert "dismissed, false" in run(home, "list", "--all")
    assert "ann: false: month end" in run(home, "show", "")
    assert [(row["kind"], row["verdict"], row["who"]) for row in feedback_rows(home)] == [
        ("acknowledge", None, "bo"),
        ("verdict", "false", "ann"),
    ]
    with open_ledger(home) as ledger:
        assert ledger.verify().is_intact


@pytest.mark.ids("ANOM-3")
def test_proposals_are_a_patch_that_makes_a_valid_file_and_change_nothing(
    home: Home, publish_incident: Publish, tmp_path: Path
) -> None:
    import subprocess

    import yaml

    publish_incident()
    config = tmp_path / "config"
    (config / "tags.yml").write_text((config / "tags.yml").read_text() + "  - {app: query-rewriter, team: search}\n")
    file = config / "anomalies.yml"
    file.write_text("# ours\nminimum_impact: 30\nfloors: []\n")
    arguments = ("proposals", "--config", str(config))
    assert "No false alarm" in run(home, *arguments)
    run(home, "feedback", "", "--verdict", "false", "--why", "month end")
    patch = run(home, *arguments)
    assert file.read_text() == "# ours\nminimum_impact: 30\nfloors: []\n"
    subprocess.run(["patch", "-p1"], cwd=tmp_path, input=patch, text=True, check=True, capture_output=True)
    [floor] = AnomaliesFile.model_validate(yaml.safe_load(file.read_text())).floors
    assert (floor.scope.value, floor.minimum_impact, floor.reason) == ("query-rewriter", 745, "False alarms: month end")
    assert "No false alarm" in run(home, *arguments)


@pytest.mark.ids("ANOM-3")
def test_an_unknown_incident_and_an_empty_home_say_what_to_do(home: Home, publish_incident: Publish) -> None:
    arguments = ["incidents", "show", "zz", "--home", str(home.path)]
    nothing = CliRunner().invoke(app, arguments)
    assert (nothing.exit_code, "run `aifinops run`" in nothing.output) == (1, True)
    publish_incident()
    unknown = CliRunner().invoke(app, arguments)
    assert (unknown.exit_code, "aifinops incidents list --all" in unknown.output) == (1, True)
