"""Patterns on a small lake with real dbt: each one planted once, its money worked out by hand."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

import models
from finops.config.anomalies import AnomaliesFile
from finops.config.events import EventsFile
from finops.paths import Home
from models.anomaly.patterns import find_patterns
from orchestration.assets.signals import CONTRIBUTORS, HISTORY, PATTERN_FACTS, USAGE
from orchestration.warehouse import read_table
from tests.support.lake_builder import LakeBuilder, Row, run_dbt, span, write_config

pytestmark = pytest.mark.xdist_group("dbt-patterns")

AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
FIRST, LAST = date(2026, 8, 25), date(2026, 10, 19)
PRICES = """
models:
  - {provider: azure.ai.openai, model: gpt-4.1, valid_from: 2026-01-01, source: test,
     per_1m_tokens: {input_uncached: 2, cache_read: 0.5, output: 8}}
  - {provider: openai, model: gpt-5-mini, valid_from: 2026-01-01, source: test,
     per_1m_tokens: {input_uncached: 0.25, output: 2}}
  - {provider: openai, model: gpt-5-mini, valid_from: 2026-10-10, source: test,
     per_1m_tokens: {input_uncached: 0.5, output: 2}}
  - {provider: openai, model: gpt-5.1, valid_from: 2026-01-01, source: test,
     per_1m_tokens: {input_uncached: 1, output: 8}}
"""
MILLION = 1_000_000


def october(day: int) -> date:
    return date(2026, 10, day)


class Calls:
    """Spans of millions of input tokens and no output, numbered as they come."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def add(self, day: date, hour: int, app: str, team: str, millions: float, **columns: Any) -> None:
        at = datetime(day.year, day.month, day.day, hour, 30, tzinfo=UTC)
        own = {"app": app, "team": team, "input_tokens": int(millions * MILLION), "output_tokens": 0, **columns}
        self.rows.append(span(at, len(self.rows) + 1, **own))


def planted() -> list[Row]:
    calls = Calls()
    mini = {"provider_name": "openai", "request_model": "gpt-5-mini", "response_model": "gpt-5-mini"}
    other = {"provider_name": "openai", "request_model": "gpt-5.1", "response_model": "gpt-5.1"}
    for step in range((LAST - FIRST).days + 1):
        day = FIRST + timedelta(days=step)
        calls.add(day, 12, "steady", "platform", 50)  # 100 USD
        if day >= october(11):
            calls.add(day, 12, "steady", "platform", 80, **other)  # the team's first use: 80 USD a day
        calls.add(day, 12, "ticket-triage", "support", 400, **mini)  # 100 USD, and 200 since 10 October
        cached = 0 if day == october(12) else 60
        calls.add(day, 12, "cacher", "documents", 100, cache_read_tokens=cached * MILLION)  # 110 USD, and 200
        failed = 20 if day == october(13) else 1
        for number in range(40):  # 2 USD a call
            error = {"error_type": "500"} if number < failed else {}
            calls.add(day, 12, "flaky", "support", 1, **error)
        for _ in range(24 if day == october(14) else 0):
            calls.add(day, 13, "flaky", "support", 1, retry_count=1)
        for hour in range(8, 20):  # 60 USD
            calls.add(day, hour, "query-rewriter", "search", 2.5, customer_hash="known")
        for hour in range(24 if day == october(18) else 0):  # 240 USD
            calls.add(day, hour, "query-rewriter", "search", 5)
        for hour in range(24):  # 48 USD
            calls.add(day, hour, "vision-train", "robotics", 1, customer_hash="known")
            if day == october(16) and 10 <= hour < 16:  # 240 USD
                calls.add(day, hour, "vision-train", "robotics", 20, customer_hash="known")
        if day < october(17):
            calls.add(day, 3, "nightly", "platform", 30)  # 60 USD
        if day >= october(15):
            calls.add(day, 12, "newcomer", "labs", 20)  # 40 USD
    return calls.rows


class Built:
    def __init__(self, home: Home) -> None:
        self.home = home
        tables = {name: read_table(home.warehouse, table) for name, table in PATTERN_FACTS.items()}
        self.facts = models.PatternFacts(**tables)
        self.history = read_table(home.warehouse, HISTORY)
        self.contributors = read_table(home.warehouse, CONTRIBUTORS)
        self.usage = read_table(home.warehouse, USAGE)

    def anomalies(self, facts: models.PatternFacts | None) -> pd.DataFrame:
        levels = self.history["scope_type"].isin(models.ANOMALY_LEVELS)
        return models.find_anomalies(
            history=self.history[levels],
            expectations=None,
            contributors=self.contributors,
            as_of=AS_OF,
            events=EventsFile(),
            facts=facts,
        )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    home = Home(tmp_path_factory.mktemp("patterns"))
    lake = LakeBuilder(home)
    config = write_config(home.path / "settings")
    (config / "prices.yml").write_text(PRICES, encoding="utf-8")
    lake.configure(AS_OF, config)
    lake.snapshot("otel__genai_span", planted(), scope="calls.json")
    wanted = [table.split(".")[1] for table in {*PATTERN_FACTS.values(), HISTORY, CONTRIBUTORS}]
    result = run_dbt(home, "run", "--quiet", "--select", *(f"+{name}" for name in sorted(wanted)))
    assert result.returncode == 0, result.output
    tested = run_dbt(home, "test", "--quiet", "--select", *sorted(wanted))
    assert tested.returncode == 0, tested.output
    return Built(home)


@pytest.mark.ids("ANOM-1", "ANOM-2")
def test_every_pattern_is_named_with_its_day_its_scope_and_its_money(built: Built) -> None:
    found = {
        (one.name, one.scope.type, one.scope.value, one.day): round(one.money, 2)
        for one in find_patterns(built.facts, as_of=AS_OF)
    }
    expected = {
        # 60% of 100M tokens × (2 − 0.5) per 1M
        ("cache_collapse", "app", "cacher", october(12)): 90.0,
        # 20 failed calls of 2 USD, where one of 40 is usual
        ("error_storm", "app", "flaky", october(13)): 38.0,
        # 24 repeated calls of 2 USD, where none is
        ("retry_storm", "app", "flaky", october(14)): 48.0,
        ("leaked_key", "app", "query-rewriter", october(18)): 240.0,
        ("runaway_job", "app", "vision-train", october(16)): 240.0,
    }
    # 400M tokens × (0.5 − 0.25) per 1M; told for a week
    expected |= {("price_change", "model", "gpt-5-mini", october(day)): 100.0 for day in range(10, 17)}
    expected |= {("first_use", "team", "platform", october(day)): 80.0 for day in range(11, 18)}
    expected |= {("stopped", "app", "nightly", october(day)): -60.0 for day in range(17, 20)}
    for kind, value in (("app", "newcomer"), ("team", "labs")):
        expected |= {("new_spender", kind, value, october(day)): 40.0 for day in range(15, 20)}
    assert found == expected


@pytest.mark.ids("ANOM-2")
def test_what_it_says_is_what_a_colleague_would_need(built: Built) -> None:
    says = {(one.name, one.day): one.says for one in find_patterns(built.facts, as_of=AS_OF)}
    assert "rose by 100% for the same tokens" in says["price_change", october(10)]
    assert "1M of input_uncached cost USD 0.5 instead of USD 0.25" in says["price_change", october(10)]
    assert "price list config, valid from 2026-10-10" in says["price_change", october(10)]
    assert "0% of gpt-4.1's input was read from the cache, where 60% is usual" in says["cache_collapse", october(12)]
    assert "50% of its 40 calls failed" in says["error_storm", october(13)]
    assert "38% of its 64 calls repeated an earlier one, where 0% is usual" in says["retry_storm", october(14)]
    assert "5.0 times its usual cost" in says["leaked_key", october(18)]
    assert "80% of it without a customer, where 0% is usual" in says["leaked_key", october(18)]
    assert "from 10:00 to 16:00 UTC on 16 Oct every hour cost at least 21.0 times" in says["runaway_job", october(16)]
    assert (
        "platform never used model gpt-5.1 before 11 Oct: USD 160 in its first 2 days" in says["first_use", october(12)]
    )
    assert "others of the same source went on" in says["stopped", october(17)]


@pytest.mark.ids("ANOM-1", "ANOM-3")
def test_findings_carry_the_patterns_and_statistics_keep_theirs(built: Built) -> None:
    without, found = built.anomalies(None), built.anomalies(built.facts)
    assert found["anomaly_id"].is_unique
    names = {
        (row["scope_value"], row["detected_date"]): [entry["name"] for entry in json.loads(row["detectors"])]
        for row in found.to_dict("records")
    }
    assert "evidence" in names["query-rewriter", october(18)], "the statistics saw it"
    assert "leaked_key" in names["query-rewriter", october(18)], "and now it has a name"
    # A storm of half as many calls again changes the cost by less than statistics take for noise here.
    row = found[(found["scope_value"] == "cacher") & (found["detected_date"] == october(12))].iloc[0]
    assert (row["actual"], row["impact"]) == (Decimal(200), Decimal(90))
    assert "Its prompt cache stopped hitting" in row["explanation"]
    told = set(zip(found["scope_type"], found["scope_value"], found["detected_date"], strict=True))
    assert ("app", "newcomer", october(15)) in told
    assert ("team", "labs", october(15)) not in told, "its app is the news, once"
    narrow = without[without["scope_type"] == "app"]
    assert set(zip(narrow["scope_type"], narrow["scope_value"], narrow["detected_date"], strict=True)) <= told


@pytest.mark.ids("ANOM-2", "ANOM-4")
def test_incidents_say_the_pattern_and_count_its_detector(built: Built) -> None:
    found = models.find_incidents(
        built.anomalies(built.facts),
        history=built.history,
        contributors=built.contributors,
        usage=built.usage,
        as_of=AS_OF,
        events=EventsFile(),
        floors=AnomaliesFile.model_validate({}),
    )
    leak = found.incident[found.incident["scope_value"] == "query-rewriter"].iloc[0]
    assert "This looks like a leaked key" in leak["explanation"]
    steady = found.incident[found.incident["scope_value"] == "steady"].iloc[0]
    assert "USD 560 in its first 7 days" in steady["explanation"], "of all its days the newest"
    assert leak["impact"] == Decimal(240)
    counted = found.incident_detector
    assert "leaked_key" in set(counted[counted["incident_id"] == leak["incident_id"]]["detector"])
    stop = found.incident[found.incident["direction"] == "down"]
    assert set(stop["scope_value"]) == {"nightly"}


@pytest.mark.ids("ANOM-3")
def test_floors_and_the_calendar_hold_for_patterns(built: Built) -> None:
    dear = models.AnomalySettings(minimum_impact=Decimal(200))
    assert {one.name for one in find_patterns(built.facts, as_of=AS_OF, settings=dear)} == {"leaked_key", "runaway_job"}
    early = datetime(2026, 10, 11, 6, tzinfo=UTC)
    assert {one.name for one in find_patterns(built.facts, as_of=early)} == {"price_change"}, "later days are not seen"
