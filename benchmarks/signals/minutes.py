"""What runs away, as refreshes would have found it: the facts of a home cut at every half hour of its last two weeks.

Here: the replay as it was, the replay with loops planted into it, and both tables.
Not here: the detector (models.anomaly.intraday).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

import models
from finops.config import load_configuration
from finops.config.events import EventsFile
from finops.paths import HOME_VARIABLE, PROJECT_DIR, Home, config_dir

DAYS = 14
HISTORY = timedelta(days=36)
STEP = timedelta(minutes=30)
QUIET = timedelta(days=3)
"""The same scope again within this time is the same alert (anomalies.yml, quiet_days)."""
LOOPS_A_DAY = (60, 120, 300)
LOOP_STARTS = 6
LOOP_FOR = timedelta(hours=3)
MODELS = ("int_usage__minutes", "int_signals__gpu_hourly", "int_signals__hourly_cost", "int_signals__minutes_cost")


@dataclass(frozen=True)
class Facts:
    """What the detector reads, of all moments. Times are naive UTC, costs floats."""

    hourly: pd.DataFrame
    minutes: pd.DataFrame
    as_of: datetime
    events: EventsFile

    def found(self, moment: datetime) -> pd.DataFrame:
        """What a refresh at the moment finds, by what had happened until then."""
        stamp = pd.Timestamp(moment).tz_localize(None)
        since = stamp.normalize() - timedelta(days=1)
        hourly = self.hourly[(self.hourly["usage_hour"] >= since - HISTORY) & (self.hourly["usage_hour"] < stamp)]
        newest = self.minutes[(self.minutes["slice_at"] >= since) & (self.minutes["slice_at"] < stamp)]
        found = models.detect_intraday(hourly, newest, as_of=moment, events=self.events)
        return found[found["status"] == "open"]


def facts_of(home: Home) -> Facts:
    """The facts of a built home, by its own models with a longer memory; nothing is written to it."""
    options = f"{{usage_minutes_days: {DAYS + 2}, usage_hours_days: {DAYS + HISTORY.days + 2}}}"
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        project = PROJECT_DIR / "dbt_project"
        subprocess.run(
            [
                *(str(Path(sys.executable).with_name("dbt")), "--quiet", "compile", "--vars", options),
                *("--select", *MODELS),
                *("--project-dir", str(project), "--profiles-dir", str(project)),
                *("--target-path", folder, "--log-path", folder),
            ],
            check=True, env={**os.environ, HOME_VARIABLE: str(home.path)}, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        connection.execute(f"attach '{home.warehouse}' as warehouse (read_only)")
        [(as_of,)] = connection.execute("select as_of from warehouse.staging.stg_config__setting").fetchall()
        for name in MODELS:
            sql = next(Path(folder).glob(f"compiled/**/{name}.sql")).read_text(encoding="utf-8")
            for made in MODELS:
                sql = sql.replace(f'"warehouse"."intermediate"."{made}"', made)
            connection.execute(f"create table {name} as {sql}")
        hourly, minutes = (connection.table(name).df() for name in MODELS[2:])
    for frame in (hourly, minutes):
        frame["cost"] = frame["cost"].astype(float)
    minutes["dimension"] = minutes["dimension"].astype(object).where(minutes["dimension"].notna(), None)
    return Facts(hourly, minutes, as_of.replace(tzinfo=UTC), load_configuration(config_dir()).events)


@dataclass
class Alert:
    """Findings of one scope with no more than ``QUIET`` between them."""

    scope: str
    first: datetime
    last: datetime
    severity: str
    explanation: str


def alerts(facts: Facts) -> list[Alert]:
    """Every alert of the replay, in order of its start."""
    told: list[Alert] = []
    newest: dict[str, Alert] = {}
    for moment in _moments(facts.as_of - timedelta(days=DAYS), facts.as_of):
        for row in facts.found(moment).to_dict("records"):
            scope = _cause(row)
            alert = newest.get(scope)
            if alert is None or moment - alert.last > QUIET:
                alert = Alert(scope, moment, moment, row["severity"], row["explanation"])
                newest[scope] = alert
                told.append(alert)
            alert.last = moment
    return told


def _cause(row: Mapping[Hashable, Any]) -> str:
    """The finding's scope, or the app that half of it is due to: incidents are grouped by it."""
    if row["scope_type"] == "app":
        return f"app {row['scope_value']}"
    apps = [part for part in json.loads(row["contributors"]) if part["dimension"] == "app" and part["share"] >= 0.5]
    return f"app {apps[0]['value']}" if apps else f"{row['scope_type']} {row['scope_value']}"


def _moments(first: datetime, last: datetime, step: timedelta = STEP) -> Iterator[datetime]:
    while first <= last:
        yield first
        first += step


def loop_delays(facts: Facts, app: str, starts: Sequence[datetime], dollars_a_day: float) -> list[float | None]:
    """Minutes from the start of a loop of an app's usual calls to the refresh that names the app; None: three hours
    were not enough. Refreshes are every five minutes."""
    own = (facts.minutes["scope_value"] == app) & (facts.minutes["scope_type"] == "app")
    whole = facts.minutes[own & facts.minutes["dimension"].isna() & (facts.minutes["told_by"] == "calls")]
    call_cost = whole["cost"].sum() / whole["request_count"].sum()
    random = np.random.default_rng(7)
    delays: list[float | None] = []
    for start in starts:
        times = [pd.Timestamp(at).tz_localize(None) for at in _moments(start, start + LOOP_FOR, timedelta(minutes=5))]
        calls = random.poisson(dollars_a_day / call_cost / 288, len(times))
        planted = pd.DataFrame(
            {
                "slice_at": times, "told_by": "calls", "slice_minutes": 5, "scope_type": "app", "scope_value": app,
                "currency": whole["currency"].iloc[0], "dimension": None, "value": None, "request_count": calls,
                "cost": calls * call_cost * random.lognormal(-0.125, 0.5, len(times)),
            }
        )  # fmt: skip
        # The app alone: what other scopes do tells nothing of it.
        hourly = facts.hourly[(facts.hourly["scope_value"] == app) & (facts.hourly["scope_type"] == "app")]
        looped = Facts(hourly, pd.concat([facts.minutes[own], planted]), facts.as_of, facts.events)
        found = (
            (moment - start) / timedelta(minutes=1)
            for moment in _moments(start + timedelta(minutes=5), start + LOOP_FOR, timedelta(minutes=5))
            if len(looped.found(moment))
        )
        delays.append(next(found, None))
    return delays


def run(options: argparse.Namespace) -> None:
    """Print both tables."""
    home = Home(options.home.resolve()) if options.home else Home.from_environment()
    facts = facts_of(home)
    print(f"## The last {DAYS} days, refreshed every {STEP.seconds // 60} minutes\n")
    print("| First told | Scope | Severity | What it says |\n|---|---|---|---|")
    for alert in alerts(facts):
        print(f"| {alert.first:%d %b %H:%M} | {alert.scope} | {alert.severity} | {alert.explanation} |")
    calm = facts.as_of.replace(hour=0, minute=0) - timedelta(days=5)
    starts = [calm + n * timedelta(hours=11) for n in range(1 if options.quick else LOOP_STARTS)]
    rows = facts.minutes
    apps = sorted(rows[(rows["scope_type"] == "app") & (rows["told_by"] == "calls")]["scope_value"].unique())
    print("\n## Loops planted into it, by what they cost a day\n")
    print("| A day, USD | Loops | Within 30 min | Within 60 min | Median, min |\n|---|---|---|---|---|")
    for dollars in LOOPS_A_DAY:
        delays = [delay for app in apps for delay in loop_delays(facts, app, starts, dollars)]
        known = [181.0 if delay is None else delay for delay in delays]
        half, hour = (sum(delay <= limit for delay in known) / len(known) for limit in (30, 60))
        print(f"| {dollars} | {len(known)} | {half:.0%} | {hour:.0%} | {np.median(known):.0f} |")
