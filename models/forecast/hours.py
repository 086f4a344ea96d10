"""The next two days of usage, hour by hour: cost at list price, tokens and requests.

Here: hourly history in, an expectation with intervals for each hour ahead out, parts adding up to their wholes; keeping
what was expected of hours that are over now.
Not here: the engine, which knows hourly rhythms as it knows daily ones; cost on the bill (run), which is days late;
what runs away right now (anomaly.intraday).

No Prophet: what an hour costs follows the day and the week, and a refresh has no minutes to wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from finops.config.events import EventsFile
from finops.periods import as_utc
from models.events import DayMarks, events_touching
from models.forecast.beginning import began_at
from models.forecast.changes import Days, KnownChanges
from models.forecast.engine import BLEND, Outlook, Track, outlooks
from models.forecast.intervals import LEVELS
from models.forecast.one_series import Line
from models.forecast.reconcile import parents_of, reconcile_lines
from models.forecast.rhythm import rhythm_of
from models.series import Floats, Scope, amounts, hours, money, naive_utc, require_columns
from models.tables import BOUNDS, build_frame

HOURS_AHEAD = 48
LONGEST_DELAY_HOURS = 48
"""Usage that ends longer ago than this is no base for the next hours."""

SHORTEST_HISTORY_HOURS = 72
"""Three days: the least from which a day's shape can be told from chance."""

SILENT_HOURS = 168
"""What was not used for a week is not expected to be."""

KEPT_DAYS = 7
"""How long what was expected of an hour stays beside what it became."""

NORMAL_80 = 1.281552
"""Half an 80% interval of a normal ÷ its standard deviation."""

HOUR = timedelta(hours=1)
RHYTHM = rhythm_of(pd.Timedelta(hours=1))
MEASURES = {"cost": "cost", "tokens": "tokens", "requests": "request_count"}
"""Measure → its column of the history."""

COLUMNS = ("usage_hour", "scope_type", "scope_value", "currency", *MEASURES.values())


@dataclass(frozen=True)
class HourlySeries:
    """One measure of a scope, hour by hour without gaps; all of a currency end at the same hour."""

    scope: Scope
    first_hour: datetime
    values: Floats


def forecast_hours(
    history: pd.DataFrame,
    *,
    as_of: datetime,
    events: EventsFile,
    team_of_app: Mapping[str, str] | None = None,
    business_unit_of_team: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Forecast every scope's usage for ``HOURS_AHEAD`` hours from ``as_of`` on.

    Args:
        history: columns ``COLUMNS``: hours (UTC), cost at list price in currency, tokens, requests. Hours without a row
            had no usage. The hour that ``as_of`` lies in is not over and is left out.
        as_of: the moment reported on, with time zone.
        events: known events, of which hours of temporary ones teach nothing, and price changes.
        team_of_app, business_unit_of_team: as for ``forecast_costs``.

    Returns:
        The table ``ml.forecast_hourly``: rows from the hour after the newest one of each currency, through
        ``HOURS_AHEAD`` hours from ``as_of``; none of a currency that ends too long ago or began too lately.

    Raises:
        HistoryError: the history lacks a column or holds a value that is no hour or no amount.
        ValueError: ``as_of`` has no time zone.
    """
    moment = naive_utc(as_utc(as_of))
    running = moment.replace(minute=0, second=0, microsecond=0)
    end = running + HOURS_AHEAD * HOUR
    rows: list[dict[str, Any]] = []
    for every in _by_currency(history, running):
        newest = every.last_hour
        if every.count < SHORTEST_HISTORY_HOURS or running - newest > LONGEST_DELAY_HOURS * HOUR:
            continue
        horizon = round((end - newest) / HOUR) - 1
        lines = {
            measure: _lines(
                every.series(column),
                horizon,
                events if measure == "cost" else events.model_copy(update={"price_changes": []}),
                team_of_app or {},
                business_unit_of_team or {},
            )
            for measure, column in MEASURES.items()
        }
        for position, scope in enumerate(every.scopes):
            name = {"scope_type": scope.type, "scope_value": scope.value, "currency": scope.currency, "as_of": moment}
            for step in range(horizon):
                row = {**name, "usage_hour": newest + (step + 1) * HOUR}
                for measure, found in lines.items():
                    for bound in BOUNDS:
                        said = getattr(found[position], bound)[step]
                        row[f"{bound}_{measure}"] = money(said) if measure == "cost" else said
                rows.append(row)
    return build_frame("forecast_hourly", rows)


def with_earlier(forecast: pd.DataFrame, earlier: pd.DataFrame | None, *, as_of: datetime) -> pd.DataFrame:
    """The forecast, and of hours of the last ``KEPT_DAYS`` that are over what was last expected of them.

    Args:
        earlier: what this returned before; None: nothing was expected yet.
    """
    if earlier is None or earlier.empty:
        return forecast
    moment = pd.Timestamp(naive_utc(as_utc(as_of)))
    first = forecast.groupby("currency")["usage_hour"].min()
    until = earlier["currency"].map(first).fillna(moment.floor("h"))
    is_over = (earlier["usage_hour"] < until) & (earlier["as_of"] <= moment)
    kept = earlier[is_over & (earlier["usage_hour"] >= moment - pd.Timedelta(days=KEPT_DAYS))]
    return pd.concat([kept, forecast], ignore_index=True) if len(forecast) else kept.reset_index(drop=True)


@dataclass(frozen=True)
class _Hours:
    """Usage of one currency on hours without gaps; ``values``: column of the history → hours × scopes."""

    first_hour: datetime
    count: int
    scopes: list[Scope]
    values: dict[str, Floats]

    @property
    def last_hour(self) -> datetime:
        return self.first_hour + (self.count - 1) * HOUR

    def series(self, column: str) -> list[HourlySeries]:
        return [
            HourlySeries(scope, self.first_hour, self.values[column][:, place])
            for place, scope in enumerate(self.scopes)
        ]  # fmt: skip


def _by_currency(history: pd.DataFrame, running: datetime) -> list[_Hours]:
    require_columns(history, COLUMNS, "hourly")
    if history.empty:
        return []
    clean = pd.DataFrame(
        {
            "usage_hour": hours(history["usage_hour"], "hourly"),
            **{name: history[name].astype(str) for name in ("scope_type", "scope_value", "currency")},
            **{column: amounts(history[column], "hourly") for column in MEASURES.values()},
        }
    )
    clean = clean[clean["usage_hour"] < pd.Timestamp(running)]
    found = []
    for currency, rows in clean.groupby("currency", sort=True):
        first = rows["usage_hour"].min()
        place = ((rows["usage_hour"] - first) // pd.Timedelta(hours=1)).to_numpy(dtype=np.int64)
        names = list(zip(rows["scope_type"], rows["scope_value"], strict=True))
        number = {name: index for index, name in enumerate(sorted(set(names)))}
        at = np.array([number[name] for name in names])
        values = {column: np.zeros((int(place.max()) + 1, len(number))) for column in MEASURES.values()}
        for column, table in values.items():
            np.add.at(table, (place, at), rows[column].to_numpy(dtype=np.float64))
        scopes = [Scope(kind, value, str(currency)) for kind, value in number]
        found.append(_Hours(first.to_pydatetime(), int(place.max()) + 1, scopes, values))
    return found


def _lines(
    every: list[HourlySeries],
    horizon: int,
    events: EventsFile,
    team_of_app: Mapping[str, str],
    business_unit_of_team: Mapping[str, str],
) -> list[Line]:
    """One line per series; what events know of prices is in it."""
    parents = parents_of(every, team_of_app, business_unit_of_team)
    changes = KnownChanges(tuple(events.price_changes), (), parents, {})
    factors = changes.on_newest_prices(every, [_days(one.first_hour, one.values.size) for one in every])
    every = [replace(one, values=one.values * factor) for one, factor in zip(every, factors, strict=True)]
    alive = [one for one in every if one.values[-SILENT_HOURS:].any()]
    tracks = [_track(one, events, team_of_app) for one in alive]
    said = dict(zip((one.scope for one in alive), outlooks(tracks, RHYTHM, horizon), strict=True)) if alive else {}
    nothing = [0.0] * horizon
    lines = []
    for one in every:
        start = one.first_hour.date()
        found = said.get(one.scope)
        lines.append(_line(start, found) if found else Line(start, "silent", *[nothing] * len(BOUNDS)))
    no_paths = [np.zeros((0, horizon))] * len(every)
    moved, _ = reconcile_lines(every, lines, no_paths, parents)
    ahead = [_days(one.first_hour + one.values.size * HOUR, horizon) for one in every]
    moved, _ = changes.ahead(every, moved, no_paths, ahead)
    return moved


def _days(first_hour: datetime, count: int) -> Days:
    """The day of each of some hours."""
    return (np.datetime64(first_hour, "h") + np.arange(count)).astype("datetime64[D]")


def _track(series: HourlySeries, events: EventsFile, team_of_app: Mapping[str, str]) -> Track:
    """The series as roots: busy hours vary more than quiet ones, and roots of them alike, as the engine expects."""
    values = series.values
    skipped = min(
        max(int(np.flatnonzero(values)[0]), began_at(values, RHYTHM)), max(values.size - SHORTEST_HISTORY_HOURS, 0)
    )
    days = values.size // 24 + 2
    marks = DayMarks.of(events_touching(series.scope, events, team_of_app), series.first_hour.date(), days)
    of_hours = slice(series.first_hour.hour + skipped, series.first_hour.hour + values.size)
    temporary, jumps = np.repeat(marks.temporary, 24)[of_hours], np.repeat(marks.transition, 24)[of_hours]
    taught = values[skipped:].copy()
    if not temporary.all():
        taught[temporary] = np.nan
    return Track(np.sqrt(np.maximum(taught, 0.0)), jumps)


def _line(start: date, outlook: Outlook) -> Line:
    """Squares of what the engine says of roots. A mean of roots squared is a median; what is added makes it a mean."""
    root = np.maximum(outlook.expected, 0.0)
    ends = {level: (np.maximum(outlook.lower[level], 0.0), np.maximum(outlook.upper[level], root)) for level in LEVELS}
    spread = (ends[0.8][1] - np.minimum(outlook.lower[0.8], root)) / (2 * NORMAL_80)
    expected = root**2 + spread**2
    lower, upper = ends[0.8][0] ** 2, ends[0.8][1] ** 2
    lower_95, upper_95 = ends[0.95][0] ** 2, ends[0.95][1] ** 2
    return Line(
        start, BLEND, expected.tolist(), np.minimum(lower, expected).tolist(), np.maximum(upper, expected).tolist(),
        np.minimum(lower_95, lower).tolist(), np.maximum(upper_95, np.maximum(upper, expected)).tolist(),
    )  # fmt: skip
