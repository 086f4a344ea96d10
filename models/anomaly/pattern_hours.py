"""Who uses a key and when: leaked keys and runaway jobs.

Here: both patterns of complete days, from hourly usage with what tells a stranger from the usual caller.
Not here: the hours of the running day (intraday).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.anomaly.explain import day_text, money_text
from models.anomaly.pattern_days import (
    MINIMUM_DAYS,
    USAGE,
    Calendar,
    Pattern,
    grids,
    judged_by_currency,
    percent,
    usual_for,
    walk,
)
from models.anomaly.settings import AnomalySettings
from models.series import Floats, Scope, amounts, hours, require_columns

HOUR_COLUMNS = (
    "usage_hour", "usage_date", "source", "currency", "app", "model", "provider_name", "region_id", "resource_id",
    "has_customer", "cost",
)  # fmt: skip
PLACES = {"model": "model", "provider_name": "provider", "region_id": "region", "resource_id": "resource"}

LEAK_GROWTH = 2.5
LEAK_EVIDENCE = 2
"""Growth alone is success; two signs that it is somebody else make it a leak. A place counts once: who moves to
another region has another resource too."""

QUIET_HOURS = 8
QUIET_SHARE = 0.2
QUIET_MORE = 0.1
NAMELESS_MORE = 0.25
NAMELESS_NEVER = 0.01
NAMELESS_MOST = 0.5
"""Callers that never left out the customer and now mostly do are as good as two signs."""
STRANGE_SHARE = 0.25
ONE_MODEL = 0.9
USUAL_MODEL = 0.7

RUNAWAY_TIMES = 2.0
RUNAWAY_HOURS = 3


@dataclass(frozen=True)
class _App:
    """One app's cost, as one source tells it, by day and hour, the part without a customer, and by place
    (dimension, value)."""

    by_hour: NDArray[np.float64]
    nameless: Floats
    places: Mapping[tuple[str, str], Floats]

    @property
    def total(self) -> Floats:
        return np.asarray(self.by_hour.sum(axis=1), dtype=np.float64)


@dataclass(frozen=True)
class _Sign:
    says: str
    weight: int = 1


@dataclass(frozen=True)
class _Leak:
    money: float
    growth: float
    signs: tuple[str, ...]


@dataclass(frozen=True)
class _Runaway:
    money: float
    first_hour: int
    count: int
    times: float

    @property
    def last_hour(self) -> int:
        return self.first_hour + self.count - 1


def leaks_and_runaways(use: pd.DataFrame, before: date, settings: AnomalySettings) -> list[Pattern]:
    """``leaked_key`` and ``runaway_job`` of an app's priced usage.

    A leaked key: at least 2.5 times the usual cost, and two signs of somebody else: hours that are usually quiet, no
    customer where there is usually one, a place never seen before, all of it for one model of several. A runaway job:
    three or more hours in a row, each twice the dearest hour of the four weeks before. Money is what the day, or the
    hours, cost beyond what the same weekdays, or hours, usually do.
    """
    require_columns(use, HOUR_COLUMNS, "hours")
    found = []
    for currency, rows, calendar in judged_by_currency(use, "hours", ["app"], before, settings):
        for (app, _), own in _apps(rows, calendar).items():
            scope = Scope("app", app, currency)
            leaks = walk(calendar, settings, partial(_leak, own, settings=settings))
            found += [_leaked(scope, calendar.day(t), leak, run) for t, run, leak in leaks]
            strangers = {t for t, _, _ in leaks}  # who has the key is no job
            for t, run, runaway in walk(calendar, settings, partial(_runaway, own, settings=settings)):
                if t not in strangers:
                    found.append(_ran_away(scope, calendar.day(t), runaway, run))
    return found


def _apps(rows: pd.DataFrame, calendar: Calendar) -> dict[tuple[str, str], _App]:
    """By app and source: what a new source shows of an old app is no stranger, and has no usual days yet."""
    positions = (rows["day"] - pd.Timestamp(calendar.first)).dt.days.to_numpy()
    hour = pd.DatetimeIndex(hours(rows["usage_hour"], "hours")).hour
    costs = amounts(rows["cost"], "hours")
    by_hour: dict[tuple[str, str], NDArray[np.float64]] = {}
    for app, source, position, at, cost in zip(rows["app"], rows["source"], positions, hour, costs, strict=True):
        if position < calendar.count:
            by_hour.setdefault((str(app), str(source)), np.zeros((calendar.count, 24)))[position, at] += cost
    nameless = grids(rows[~rows["has_customer"].astype(bool)], ("app", "source"), "cost", calendar)
    places: dict[tuple[str, str], dict[tuple[str, str], Floats]] = defaultdict(dict)
    for dimension in PLACES:
        grid = grids(rows[rows[dimension].notna()], ("app", "source", dimension), "cost", calendar)
        for (app, source, value), by_day in grid.items():
            places[str(app), str(source)][dimension, str(value)] = by_day
    none = np.zeros(calendar.count)
    return {key: _App(by_hour[key], nameless.get(key, none), places[key]) for key in sorted(by_hour)}


def _leak(own: _App, t: int, days: Sequence[int], settings: AnomalySettings) -> _Leak | None:
    total = own.total
    known = [day for day in days if total[day] > 0]
    usual = usual_for(total, t, days)
    if len(known) < MINIMUM_DAYS or usual is None or usual <= 0:
        return None
    money = float(total[t]) - usual
    if money < float(settings.minimum_impact) or total[t] < LEAK_GROWTH * usual:
        return None
    before = float(total[known].sum())
    asked = (
        _at_odd_hours(own, t, known, before),
        _without_customer(own, t, known, before),
        _elsewhere(own, t, days, before, money),
    )
    signs = [sign for sign in asked if sign is not None]
    if sum(sign.weight for sign in signs) < LEAK_EVIDENCE:
        return None
    return _Leak(money, float(total[t]) / usual, tuple(sign.says for sign in signs))


def _at_odd_hours(own: _App, t: int, known: Sequence[int], before: float) -> _Sign | None:
    profile = own.by_hour[known].sum(axis=0)
    quiet = np.argsort(profile, kind="stable")[:QUIET_HOURS]
    usual, share = float(profile[quiet].sum()) / before, float(own.by_hour[t, quiet].sum() / own.by_hour[t].sum())
    if usual > QUIET_SHARE or share < usual + QUIET_MORE:
        return None
    return _Sign(f"{percent(share)} of it in the {QUIET_HOURS} hours of the day that usually bring {percent(usual)}")


def _without_customer(own: _App, t: int, known: Sequence[int], before: float) -> _Sign | None:
    usual, share = float(own.nameless[known].sum()) / before, float(own.nameless[t] / own.by_hour[t].sum())
    if share < usual + NAMELESS_MORE:
        return None
    is_clear = usual <= NAMELESS_NEVER and share >= NAMELESS_MOST
    return _Sign(f"{percent(share)} of it without a customer, where {percent(usual)} is usual", 2 if is_clear else 1)


def _elsewhere(own: _App, t: int, days: Sequence[int], before: float, money: float) -> _Sign | None:
    strange = [
        (float(costs[t]), f"from {PLACES[dimension]} {value}, which it did not use before")
        for (dimension, value), costs in own.places.items()
        if costs[t] >= STRANGE_SHARE * money and not costs[:t].any()
    ]
    if strange:
        return _Sign(max(strange)[1])
    for (dimension, value), costs in own.places.items():
        share = float(costs[list(days)].sum()) / before
        extra = float(costs[t]) - (usual_for(costs, t, days) or 0.0)
        if dimension == "model" and 0 < share <= USUAL_MODEL and extra >= ONE_MODEL * money:
            return _Sign(f"nearly all more of {value}, which usually brings {percent(share)}")
    return None


def _leaked(scope: Scope, day: date, leak: _Leak, run: int) -> Pattern:
    says = (
        f"This looks like a leaked key: {leak.growth:.1f} times its usual cost on {day_text(day, day)}, "
        f"{'; '.join(leak.signs)}. Rotate the key of {scope.value} if nobody there knows of it."
    )
    figures = {"growth": round(leak.growth, 4), "money": round(leak.money, 2), "signs": list(leak.signs)}
    return Pattern("leaked_key", scope, USAGE, day, leak.money, says, figures, run)


def _runaway(own: _App, t: int, days: Sequence[int], settings: AnomalySettings) -> _Runaway | None:
    total = own.total
    known = [day for day in days if total[day] > 0]
    if len(known) < MINIMUM_DAYS:
        return None
    highest = float(own.by_hour[known].max())
    above = own.by_hour[t] >= RUNAWAY_TIMES * highest
    best: _Runaway | None = None
    for first, count in _streaks(above):
        cost = own.by_hour[t, first : first + count]
        usual = sum(usual_for(own.by_hour[:, hour], t, days) or 0.0 for hour in range(first, first + count))
        money = float(cost.sum()) - usual
        if count >= RUNAWAY_HOURS and money >= float(settings.minimum_impact) and (best is None or money > best.money):
            best = _Runaway(money, first, count, float(cost.min()) / highest)
    return best


def _streaks(above: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(first hour, hours) of each run of hours."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], above.astype(np.int64), [0]])))
    return [(int(start), int(end - start)) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def _ran_away(scope: Scope, day: date, runaway: _Runaway, run: int) -> Pattern:
    end = runaway.last_hour + 1
    goes_on = " and it was still running at midnight" if end == 24 else ""
    between = f"from {runaway.first_hour:02d}:00 to {end:02d}:00 UTC on {day_text(day, day)}"
    says = (
        f"This looks like a runaway job: {between} every hour cost at least {runaway.times:.1f} times the dearest hour "
        f"of four weeks{goes_on}; that is {money_text(runaway.money, scope.currency)} more than usual."
    )
    figures = {"first_hour": runaway.first_hour, "hours": runaway.count, "money": round(runaway.money, 2)}
    return Pattern("runaway_job", scope, USAGE, day, runaway.money, says, figures, run)
