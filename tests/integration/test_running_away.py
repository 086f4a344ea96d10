"""A key that leaks: refreshes find it within half an hour and tell it once; on the bill it is the same incident."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

import guardrails
from finops.config import load_configuration
from finops.config.tables import write_tables
from finops.paths import CONFIG_VARIABLE, HOME_VARIABLE, Home
from orchestration.ledger import open_ledger
from orchestration.refresh import refresh
from orchestration.run import run_job
from orchestration.schedules import NOTIFYING, REBUILD
from orchestration.workspace import AS_OF_VARIABLE
from tests.support.lake_builder import LakeBuilder, charge, span, write_config
from tests.support.pipeline import Recorder
from tests.support.receiver import Receiver, receiving

pytestmark = [pytest.mark.ids("ANOM-5", "ANOM-3"), pytest.mark.long, pytest.mark.xdist_group("running-away")]

ACCOUNT = "/subscriptions/1/resourceGroups/rg-ai/providers/Microsoft.CognitiveServices/accounts/aoai-search"
FIRST_DAY = date(2026, 10, 11)
TAGS = '{"team": "search", "app": "query-rewriter"}'
LEAK = datetime(2026, 11, 5, 2, tzinfo=UTC)  # a Thursday
ROUTING = """
routes:
  - {id: teams, kind: teams, url_env: TEAMS_URL, allow_private_addresses: true}
rules:
  - {id: incidents, kinds: [incident], min_severity: medium, route: teams}
"""
INCIDENTS = "select incident_id, scope_value, status, severity, explanation, metrics from marts.fct_incident"


def calls(start: datetime, count: int, every: timedelta, first: int, **columns: Any) -> list[dict[str, Any]]:
    """Calls of USD 0.10, evenly."""
    return [
        span(
            start + n * every, first + n,
            **{"app": "query-rewriter", "team": "search", "resource_id": ACCOUNT.lower(), "input_tokens": 100_000,
               "output_tokens": 0, "api_key_name": "rewriter-prod", "customer_hash": f"c{n % 7}", **columns},
        )
        for n in range(count)
    ]  # fmt: skip


@dataclass
class Live:
    """A home that is refreshed as time goes on."""

    home: Home
    config: Path
    receiver: Receiver
    lake: LakeBuilder
    steps: Recorder = field(default_factory=lambda: Recorder([]))

    @property
    def environ(self) -> dict[str, str]:
        return {**os.environ, "TEAMS_URL": self.receiver.url}

    def run(self, job: str, at: datetime) -> None:
        write_tables(load_configuration(self.config), self.home.config_tables, at)
        variables = {
            **self.environ, HOME_VARIABLE: str(self.home.path), CONFIG_VARIABLE: str(self.config),
            AS_OF_VARIABLE: at.isoformat(),
        }  # fmt: skip
        run_job(job, self.home, variables, self.steps.listener)

    def refresh(self, at: datetime) -> list[str]:
        return refresh(self.home, self.config, at, self.environ, self.steps.listener).running_away

    def stages(self) -> list[str]:
        """Which occasions were told, in order."""
        with open_ledger(self.home) as ledger:
            return [message.message_id.split("/")[-1] for message in guardrails.messages(ledger)]

    def incidents(self) -> list[dict[str, Any]]:
        with duckdb.connect(str(self.home.warehouse), read_only=True) as connection:
            rows = connection.execute(INCIDENTS)
            names = [column[0] for column in rows.description]
            return [dict(zip(names, row, strict=True)) for row in rows.fetchall()]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Six calls an hour for four weeks; the last run of everything was at the leak's beginning."""
    home = Home(tmp_path_factory.mktemp("running"))
    config = write_config(home.path / "settings")
    (config / "routing.yml").write_text(ROUTING)
    lake = LakeBuilder(home, first_load_at=LEAK)
    hours = int((LEAK - datetime(2026, 10, 11, tzinfo=UTC)) / timedelta(hours=1))
    usual = calls(datetime(2026, 10, 11, tzinfo=UTC), hours * 6, timedelta(minutes=10), 1)
    lake.snapshot("otel__genai_span", usual, scope="before.jsonl", submitted_at=LEAK)
    days = [FIRST_DAY + timedelta(days=n) for n in range(23)]
    bill = [charge(day, "14.4", ResourceId=ACCOUNT, ServiceName="Azure OpenAI", Tags=TAGS) for day in days]
    lake.snapshot("focus__cost_and_usage", bill[:21], scope="export", period_start=date(2026, 10, 1), submitted_at=LEAK)
    with receiving() as receiver:
        running = Live(home, config, receiver, lake)
        running.run(REBUILD, LEAK)
        yield running


@pytest.mark.timeout(1200)
def test_two_refreshes_tell_once_and_a_third_that_it_got_worse(live: Live) -> None:
    assert live.refresh(LEAK) == []
    assert live.stages() == []

    def leaked(since: datetime, minutes: int, every: timedelta, first: int) -> None:
        stolen = calls(since, int(timedelta(minutes=minutes) / every), every, first, customer_hash=None)
        usual = calls(since, minutes // 10, timedelta(minutes=10), first + 50_000)
        live.lake.snapshot("otel__genai_span", [*stolen, *usual], scope=f"{first}.jsonl", submitted_at=since)

    leaked(LEAK, 30, timedelta(minutes=1), 100_000)
    [says] = live.refresh(LEAK + timedelta(minutes=30))
    assert "query-rewriter used an estimated USD 3.30 between 02:00 and 02:30 UTC" in says
    assert "on the key rewriter-prod; 91% of it names no customer, where 0% is usual" in says
    [incident] = live.incidents()
    assert (incident["scope_value"], incident["status"], incident["severity"]) == ("query-rewriter", "open", "medium")
    assert live.stages() == ["opened"]
    [card] = live.receiver.requests
    assert "rewriter-prod" in card.body
    assert "App query-rewriter: " in card.body

    leaked(LEAK + timedelta(minutes=30), 15, timedelta(minutes=1), 200_000)
    assert len(live.refresh(LEAK + timedelta(minutes=45))) == 1
    assert (live.stages(), len(live.receiver.requests)) == (["opened"], 1), "nobody is told twice"

    leaked(LEAK + timedelta(minutes=45), 60, timedelta(seconds=6), 300_000)
    live.refresh(LEAK + timedelta(minutes=105))
    assert live.stages() == ["opened", "worsened-high"]
    assert [one["incident_id"] for one in live.incidents()] == [incident["incident_id"]]

    # The key is rotated: what ran away no longer does, and its money was real all the same.
    later = calls(LEAK + timedelta(minutes=105), 8, timedelta(minutes=10), 350_000)
    live.lake.snapshot("otel__genai_span", later, scope="later.jsonl")
    assert live.refresh(LEAK + timedelta(minutes=180)) == []
    [still] = live.incidents()
    assert (still["incident_id"], still["status"]) == (incident["incident_id"], "open")


@pytest.mark.timeout(1200)
def test_the_day_and_the_bill_are_the_same_incident(live: Live) -> None:
    """After the refreshes of the test before."""
    [running] = live.incidents()
    told = live.stages()
    rest = LEAK + timedelta(minutes=185)
    live.lake.snapshot("otel__genai_span", calls(rest, 2 * 144, timedelta(minutes=10), 400_000), scope="after.jsonl")
    november = [
        charge(date(2026, 11, day), "77.7" if day == LEAK.day else "14.4", ResourceId=ACCOUNT,
               ServiceName="Azure OpenAI", Tags=TAGS)
        for day in range(1, 6)
    ]  # fmt: skip
    live.lake.snapshot("focus__cost_and_usage", november, scope="export", period_start=date(2026, 11, 1))
    live.run(REBUILD, datetime(2026, 11, 7, 6, tzinfo=UTC))
    live.run(NOTIFYING, datetime(2026, 11, 7, 6, tzinfo=UTC))
    [billed] = [one for one in live.incidents() if one["scope_value"] == "query-rewriter"]
    assert billed["incident_id"] == running["incident_id"]
    assert "effective_cost" in billed["metrics"]
    assert live.stages() == told, "nobody is told again"
