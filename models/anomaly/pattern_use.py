"""Who spends: new spenders, a team's first use of a model or a region, what ran daily and stopped.

Here: these patterns from costs by day and source, and from when something was first used.
Not here: how much is usual for somebody who goes on (detectors).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from models.anomaly.explain import day_text, money_text
from models.anomaly.pattern_days import Calendar, Key, Pattern, by_currency, grids, usual_for, walk, with_day
from models.anomaly.settings import AnomalySettings
from models.series import Floats, Scope, dates, require_columns

USE_COLUMNS = ("metric", "usage_date", "currency", "source", "team", "app", "model", "region_id", "cost")
FIRST_USE_COLUMNS = (
    "metric", "currency", "scope_type", "scope_value", "dimension", "value", "first_used_on", "source_since",
)  # fmt: skip

KNOWN_FOR_DAYS = 28
"""What a source shows in its first four weeks is not new: nobody was looking before."""

STOPPED_BELOW = 0.02
DAILY_DAYS = 14
GAPS_DAYS = 91
"""What left out days in the last quarter has stopped when it leaves out more in a row than it did then."""
OTHERS_GO_ON = 0.5
"""A source that brings less than half of its usual cost for others may be late; then nobody has stopped."""

DIMENSIONS = {"model": "model", "region_id": "region"}


def first_uses(use: pd.DataFrame, first_use: pd.DataFrame, before: date, settings: AnomalySettings) -> list[Pattern]:
    """``new_spender`` of apps and teams, and ``first_use`` of a model or a region by a team, for their first week.

    Args:
        use: ``USE_COLUMNS``; first_use: ``FIRST_USE_COLUMNS``.
        before: days from here on are not complete.
    """
    require_columns(use, USE_COLUMNS, "use")
    require_columns(first_use, FIRST_USE_COLUMNS, "first_use")
    if use.empty or first_use.empty:
        return []
    rows, found = with_day(use, "use"), []
    firsts = first_use.assign(
        first=dates(first_use["first_used_on"], "first_use"), since=dates(first_use["source_since"], "first_use")
    )
    own = {
        (str(row["metric"]), str(row["currency"]), str(row["scope_type"]), str(row["scope_value"])): row["first"]
        for row in firsts[firsts["dimension"] == firsts["scope_type"]].to_dict("records")
    }
    for (metric, currency), part in rows.groupby(["metric", "currency"], sort=True):
        calendar = Calendar.of(part, before, settings)
        if calendar is None:
            continue
        here = firsts[(firsts["metric"] == metric) & (firsts["currency"] == currency)]
        oldest = pd.Timestamp(calendar.day(calendar.first_judged))
        here = here[(here["first"] >= oldest) & (here["first"] - here["since"] >= timedelta(days=KNOWN_FOR_DAYS))]
        for row in here.sort_values(["scope_type", "scope_value", "dimension", "value"]).to_dict("records"):
            scope = Scope(str(row["scope_type"]), str(row["scope_value"]), str(currency))
            is_whole = row["dimension"] == row["scope_type"]
            started = own.get((str(metric), scope.currency, scope.type, scope.value))
            if not is_whole and (started is None or row["first"] - started < timedelta(days=KNOWN_FOR_DAYS)):
                continue  # all that a new team uses is new; that it is new is told already
            of = part[part[scope.type] == scope.value]
            of = of if is_whole else of[of[str(row["dimension"])] == row["value"]]
            values = grids(of, (scope.type,), "cost", calendar).get((scope.value,))
            if values is not None:
                found += _first_week(scope, str(metric), row, values, calendar, settings)
    return _one_a_day(found)


def _first_week(
    scope: Scope,
    metric: str,
    row: Mapping[Hashable, Any],
    values: Floats,
    calendar: Calendar,
    settings: AnomalySettings,
) -> list[Pattern]:
    first = row["first"].date()
    start = calendar.index(first)
    found = []
    for t in range(start, min(start + settings.new_normal_after_days, calendar.count)):
        if values[t] < float(settings.minimum_impact):
            continue
        day = calendar.day(t)
        so_far = money_text(float(values[start : t + 1].sum()), scope.currency)
        days = (day - first).days + 1
        much = f"{so_far} in its first {days} days" if days > 1 else f"{so_far} on that day"
        on = day_text(first, day)
        if row["dimension"] == scope.type:
            name, says = "new_spender", f"{scope.value} never spent before {on}: {much}."
        else:
            what = DIMENSIONS[str(row["dimension"])]
            name, says = "first_use", f"{scope.value} never used {what} {row['value']} before {on}: {much}."
        figures = {"first_used_on": first.isoformat(), "dimension": row["dimension"], "value": row["value"]}
        found.append(Pattern(name, scope, metric, day, float(values[t]), says, figures, t - start + 1))
    return found


def _one_a_day(found: list[Pattern]) -> list[Pattern]:
    """A new model in a new region is one first use: the one with the most money."""
    largest: dict[tuple[object, ...], Pattern] = {}
    for pattern in found:
        key = (pattern.name, pattern.scope, pattern.metric, pattern.day)
        if key not in largest or pattern.money > largest[key].money:
            largest[key] = pattern
    return list(largest.values())


def stopped(use: pd.DataFrame, before: date, settings: AnomalySettings) -> list[Pattern]:
    """``stopped``: an app that cost something daily costs nothing, while others of its source go on.

    An app that is alone in its source is never said to have stopped: that cannot be told from late data.
    """
    require_columns(use, USE_COLUMNS, "use")
    if use.empty:
        return []
    found = []
    for metric, rows in with_day(use, "use").groupby("metric", sort=True):
        for currency, part in by_currency(rows):
            calendar = Calendar.of(part, before, settings)
            if calendar is None:
                continue
            by_source = grids(part, ("source",), "cost", calendar)
            shares: dict[str, dict[Key, Floats]] = defaultdict(dict)
            for (app, source), values in grids(part[part["app"].notna()], ("app", "source"), "cost", calendar).items():
                shares[str(app)][(source,)] = values
            for app, parts in shares.items():
                found += _stops(Scope("app", app, currency), str(metric), parts, by_source, calendar, settings)
    return found


def _stops(
    scope: Scope,
    metric: str,
    parts: Mapping[Key, Floats],
    by_source: Mapping[Key, Floats],
    calendar: Calendar,
    settings: AnomalySettings,
) -> list[Pattern]:
    values = np.sum(list(parts.values()), axis=0)

    def judge(t: int, usual_days: list[int]) -> float | None:
        gap, longest = _gaps(values, t)
        last = [day for day in usual_days if day <= t - gap][-DAILY_DAYS:]
        if gap <= longest or len(last) < DAILY_DAYS or (values[last] > 0).sum() < DAILY_DAYS - 1:
            return None
        usual = usual_for(values, t, [day for day in usual_days if day <= t - gap])
        if usual is None or usual < float(settings.minimum_impact):
            return None
        source = max(parts, key=lambda name: (float(parts[name][last].sum()), str(name)))
        others = by_source[source] - parts[source]
        before = usual_for(others, t, usual_days)
        return usual if before and others[t] >= OTHERS_GO_ON * before else None

    found = []
    for t, run, usual in walk(calendar, settings, judge):
        says = (
            f"{scope.value} cost something every day, {money_text(usual, scope.currency)} on such a day, and has "
            "stopped; others of the same source went on, so it is no late data."
        )
        figures = {"usual": round(usual, 2)}
        money = float(values[t]) - usual
        found.append(Pattern("stopped", scope, metric, calendar.day(t), money, says, figures, run))
    return found


def _gaps(values: Floats, t: int) -> tuple[int, int]:
    """Days in a row up to ``t`` that cost nothing, and the most in a row of the quarter before them."""
    start = max(t - GAPS_DAYS, 0)
    seen = values[start : t + 1]
    spent = seen[seen > 0]
    if not spent.size:
        return 0, 0
    idle = seen <= STOPPED_BELOW * float(np.median(spent))
    runs = [0]
    begun = False
    for is_idle, value in zip(idle, seen, strict=True):
        begun = begun or value > 0  # before its first cost it had not started
        runs = [*runs[:-1], runs[-1] + 1] if is_idle and begun else [*runs, 0]
    return runs[-1], max(runs[:-1], default=0)
