"""What is running away: the newest minutes against the same hours of past weeks.

Here: usage by hour and by slices of minutes in, findings out.
Not here: complete days (detectors), what a complete day's hours look like (pattern_hours).

A window of minutes is held against what its hours usually bring, of calls and of money. Calls are counts and cost is a
sum of calls: how far out a window is follows from how few calls are usual in it and from how restless the scope is, so
that an app with a few calls a day may have a few more without an alarm.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any

import numpy as np
import pandas as pd

from models.anomaly.contributors import ranked
from models.anomaly.explain import money_text
from models.anomaly.finding import RUNNING, Contributor, Finding, HourWindow
from models.anomaly.settings import AnomalySettings
from models.series import Floats, Scope, amounts, hours, moments, require_columns

HOURLY_COLUMNS = ("usage_hour", "told_by", "scope_type", "scope_value", "currency", "request_count", "cost")
MINUTES_COLUMNS = (
    "slice_at", "told_by", "slice_minutes", "scope_type", "scope_value", "currency", "dimension", "value",
    "request_count", "cost",
)  # fmt: skip

HISTORY_DAYS = 28
MINIMUM_DAYS = 14
LEVEL_DAYS = 7
WEEKS = 4
HIGHEST_LEFT_OUT = 0.1
"""Share of the same hours that does not count as usual: what ran away before is among them."""
CALM_DAYS = 0.85
"""How restless a scope is, is learnt from this share of its days: a storm of two or three would hide the next one."""
SMALLEST_SPREAD = 0.03
CALLS_AN_HOUR = 0.5
MONEY_A_DAY = 10.0
"""Added to what is usual where a window is judged: beside nothing, anything is much."""
CALL_SPREAD = 2.0
"""Second moment of a call's cost over the square of its mean: as of an exponential distribution."""
FEWEST_CALLS = 6
FAR_OUT = 3.0
"""Powers of ten beyond the bound from which a window counts that is not odd in both of its halves."""
GPUS = "gpus"
BEYOND_HIGHEST = 1.5
"""Jobs hold GPUs or not: what runs away holds half as many again as in the dearest hour of four weeks."""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DAY_MINUTES = 1440
STILL = timedelta(minutes=30)
"""What is over for so long runs away no more, however much it cost."""


@dataclass(frozen=True)
class _Part:
    """What one kind of source tells of a scope: ``calls`` one by one, ``counts`` of hours, ``gpus`` that are held."""

    scope: Scope
    told_by: str


@dataclass(frozen=True)
class _Hours:
    """Calls and cost by day and hour, oldest day first; the last row is the day before the newest slices' first."""

    first: datetime
    calls: Floats
    cost: Floats


@dataclass(frozen=True)
class _Window:
    start: datetime
    end: datetime
    calls: float
    cost: float
    usual_calls: float
    usual_cost: float
    evidence: float
    """Powers of ten: how unlikely so much is where all is as usual."""

    @property
    def minutes(self) -> float:
        return (self.end - self.start) / timedelta(minutes=1)

    @property
    def day_rate(self) -> float:
        """Money beyond the usual that 24 hours like the window cost; less where few calls tell of them."""
        sure = 1 - 1 / np.sqrt(self.calls) if self.calls > 1 else 1.0
        return float((self.cost * sure - self.usual_cost) / self.minutes * DAY_MINUTES)


def running_findings(
    hourly: pd.DataFrame, newest: pd.DataFrame, *, before: datetime, settings: AnomalySettings
) -> list[Finding]:
    """At most one finding a scope: the part of the newest day that costs most beyond the usual, and what makes it up.

    Args:
        hourly: ``HOURLY_COLUMNS``, the weeks before and what there is of the newest day.
        newest: ``MINUTES_COLUMNS``, the newest two days; no dimension is the whole scope.
        before: naive UTC; slices that start at or after it are left out.
    """
    require_columns(hourly, HOURLY_COLUMNS, "hourly")
    require_columns(newest, MINUTES_COLUMNS, "minutes")
    newest = newest.assign(at=moments(newest["slice_at"], "minutes"))
    newest = newest[newest["at"] < pd.Timestamp(before)]
    if newest.empty or hourly.empty:
        return []
    newest = newest.assign(money=amounts(newest["cost"], "minutes"))
    whole = newest[newest["dimension"].isna()]
    # Nobody may be ahead of the newest call of all: what is late is no drop, and no pause.
    last = whole.groupby(["currency", "told_by"])["at"].max().to_dict()
    minutes = whole.groupby(["currency", "told_by"])["slice_minutes"].max().to_dict()
    history = _Histories(hourly, whole["at"].min().normalize().to_pydatetime())
    found: dict[Scope, tuple[Finding, _Part, _Window]] = {}
    for part, rows in _parts(whole):
        known = history.of(part)
        if known is None:
            continue
        source = part.scope.currency, part.told_by
        step = timedelta(minutes=int(minutes[source]))
        slices = _Slices(rows, min(last[source].to_pydatetime() + step, _ceil(before, step)), step)
        told = _finding(part, slices, _Usual.of(known, by_highest=part.told_by == GPUS), settings)
        if told is not None and (part.scope not in found or told[0].impact > found[part.scope][0].impact):
            found[part.scope] = (told[0], part, told[1])
    made_of = newest[newest["dimension"].notna()]
    return [_explained(*found[scope], made_of) for scope in sorted(found)]


def _ceil(moment: datetime, step: timedelta) -> datetime:
    """The end of the slice that is told whole by then; an hour's sum may be told before the hour is over."""
    midnight = datetime.combine(moment, time())
    slices, rest = divmod((moment - midnight) / step, 1)
    return midnight + step * (slices + (step >= HOUR and rest > 0))


def _parts(rows: pd.DataFrame) -> Iterator[tuple[_Part, pd.DataFrame]]:
    keys = ["scope_type", "scope_value", "currency", "told_by"]
    for (scope_type, value, currency, told_by), own in rows.groupby(keys, sort=True):
        yield _Part(Scope(str(scope_type), str(value), str(currency)), str(told_by)), own


class _Histories:
    """Hours of the weeks before ``until``, by part."""

    def __init__(self, hourly: pd.DataFrame, until: datetime) -> None:
        clean = hourly.assign(hour=hours(hourly["usage_hour"], "hourly"), money=amounts(hourly["cost"], "hourly"))
        clean = clean[(clean["hour"] < until) & (clean["hour"] >= until - HISTORY_DAYS * DAY)]
        oldest = clean.groupby(["currency", "told_by"])["hour"].min().dt.normalize()
        self._first = {key: first.to_pydatetime() for key, first in oldest.to_dict().items()}
        self._until = until
        self._rows = dict(_parts(clean)) if len(clean) else {}

    def of(self, part: _Part) -> _Hours | None:
        """None where its kind of source is too young. Before its first row a scope cost nothing, and that is known."""
        first = self._first.get((part.scope.currency, part.told_by))
        count = 0 if first is None else (self._until - first).days
        if first is None or count < MINIMUM_DAYS:
            return None
        calls, cost = np.zeros(count * 24), np.zeros(count * 24)
        if part in self._rows:
            rows = self._rows[part]
            places = ((rows["hour"] - pd.Timestamp(first)) / pd.Timedelta(hours=1)).to_numpy().astype(np.int64)
            np.add.at(calls, places, rows["request_count"].fillna(0).to_numpy(dtype=np.float64))
            np.add.at(cost, places, rows["money"].to_numpy(dtype=np.float64))
        return _Hours(first, calls.reshape(count, 24), cost.reshape(count, 24))


@dataclass(frozen=True)
class _Rate:
    """What one quantity usually is, an hour, and how restless it is."""

    by_hour: tuple[Floats, Floats]
    """Workdays and weekends."""
    same_weekday: Mapping[int, Floats]
    spread: float
    """Variance of an hour's level over the square of it, beyond what single calls make of it."""

    @classmethod
    def of(cls, first: datetime, values: Floats, of_one: float) -> _Rate:
        """``of_one``: the variance that a mean of 1 has because calls come one by one."""
        weekdays = np.array([(first + day * DAY).weekday() for day in range(len(values))])
        profile = tuple(_usual_hours(values[(weekdays >= 5) == weekend]) for weekend in (False, True))
        expected = np.where((weekdays >= 5)[:, None], profile[1], profile[0])
        newest = slice(-LEVEL_DAYS, None)
        level = _level(float(values[newest].sum()), float(expected[newest].sum()))
        square = (expected**2).sum(axis=1)
        beyond = ((values - expected) ** 2).sum(axis=1) - of_one * expected.sum(axis=1)
        calm = np.argsort(beyond / np.maximum(square, 1e-12), kind="stable")[: int(len(values) * CALM_DAYS)]
        spread = float(beyond[calm].sum() / square[calm].sum()) if square[calm].sum() > 0 else 0.0
        median = {int(day): np.median(values[weekdays == day][-WEEKS:], axis=0) for day in set(weekdays.tolist())}
        return cls((profile[0] * level, profile[1] * level), median, max(spread, SMALLEST_SPREAD))

    def expected(self, start: datetime, end: datetime) -> float:
        total, moment = 0.0, start
        while moment < end:
            hour = moment.replace(minute=0, second=0, microsecond=0)
            until = min(end, hour + timedelta(hours=1))
            usual = self.by_hour[moment.weekday() >= 5][moment.hour]
            weekly = self.same_weekday.get(moment.weekday())
            most = usual if weekly is None else max(usual, weekly[moment.hour])
            total += float(most) * ((until - moment) / timedelta(hours=1))
            moment = until
        return total


def _usual_hours(values: Floats) -> Floats:
    """The mean of each hour of the day with its neighbours, without the highest."""
    if not len(values):
        return np.zeros(24)
    around = np.concatenate([np.roll(values, 1, axis=1), values, np.roll(values, -1, axis=1)])
    kept = np.sort(around, axis=0)[: max(int(len(around) * (1 - HIGHEST_LEFT_OUT)), 1)]
    return np.asarray(kept.mean(axis=0), dtype=np.float64)


def _level(actual: float, expected: float) -> float:
    return float(np.clip(actual / expected, 0.7, 2.0)) if expected > 0 else 1.0


@dataclass(frozen=True)
class _Usual:
    calls: _Rate
    cost: _Rate
    call_cost: float
    """Mean cost of a call; 0 where nobody counts them."""
    highest: float | None
    """The dearest hour of what is held in few large pieces, for which no hour is usual."""

    @classmethod
    def of(cls, known: _Hours, *, by_highest: bool) -> _Usual:
        calls, cost = float(known.calls.sum()), float(known.cost.sum())
        call_cost = cost / calls if calls > 0 else 0.0
        return cls(
            _Rate.of(known.first, known.calls, 1.0),
            _Rate.of(known.first, known.cost, CALL_SPREAD * call_cost),
            call_cost,
            float(known.cost.max()) if by_highest else None,
        )

    def window(self, start: datetime, end: datetime, calls: float, cost: float) -> _Window:
        usual_calls, usual_cost = self.calls.expected(start, end), self.cost.expected(start, end)
        share = (end - start) / DAY
        of_calls = _counted(calls, usual_calls + CALLS_AN_HOUR * 24 * share, self.calls.spread)
        own = self.call_cost or (cost / calls if calls > 0 else 0.0)
        of_cost = _summed(cost, usual_cost + MONEY_A_DAY * share, self.cost.spread, own)
        evidence = max(of_calls, of_cost)
        if self.highest is not None:
            is_beyond = cost >= BEYOND_HIGHEST * self.highest * ((end - start) / HOUR) > 0
            evidence = float("inf") if is_beyond else 0.0
        return _Window(start, end, calls, cost, usual_calls, usual_cost, evidence)


def _counted(count: float, usual: float, spread: float) -> float:
    """Powers of ten, by Chernoff's bound of a negative binomial with the mean ``usual``."""
    if count <= usual:
        return 0.0
    size = 1 / spread
    nats = count * np.log(count / usual) - (count + size) * np.log((count + size) / (usual + size))
    return float(nats / np.log(10))


def _summed(amount: float, usual: float, spread: float, of_one: float) -> float:
    """The same of a gamma distribution: a sum of calls that cost ``of_one`` on average."""
    if amount <= usual:
        return 0.0
    shape = usual / (CALL_SPREAD * of_one + spread * usual)
    return float(shape * (amount / usual - 1 - np.log(amount / usual)) / np.log(10))


class _Slices:
    """Calls and cost of one part by slice of ``step``, the last one ending at ``end``."""

    def __init__(self, rows: pd.DataFrame, end: datetime, step: timedelta) -> None:
        self.end, self.step = end, step
        first = end - 2 * DAY
        rows = rows[(rows["at"] >= pd.Timestamp(first)) & (rows["at"] < pd.Timestamp(end))]
        places = ((rows["at"] - pd.Timestamp(first)) // self.step).to_numpy().astype(np.int64)
        count = int(2 * DAY / self.step)
        self._calls, self._cost = np.zeros(count + 1), np.zeros(count + 1)
        np.add.at(self._calls, places + 1, rows["request_count"].fillna(0).to_numpy(dtype=np.float64))
        np.add.at(self._cost, places + 1, rows["money"].to_numpy(dtype=np.float64))
        self._calls, self._cost = np.cumsum(self._calls), np.cumsum(self._cost)

    def window(self, usual: _Usual, back: int, until: int = 0) -> _Window:
        """From ``back`` slices before the end up to ``until`` slices before it."""
        last = len(self._cost) - 1
        calls, cost = (float(sums[last - until] - sums[last - back]) for sums in (self._calls, self._cost))
        return usual.window(self.end - back * self.step, self.end - until * self.step, calls, cost)


def _finding(part: _Part, slices: _Slices, usual: _Usual, settings: AnomalySettings) -> tuple[Finding, _Window] | None:
    odd = None
    for minutes in settings.running_windows_minutes:
        back = timedelta(minutes=minutes) // slices.step
        if back:
            window = slices.window(usual, back)
            if _is_odd(window, slices, usual, back, settings) and (odd is None or window.evidence > odd.evidence):
                odd = window
    if odd is None:
        return None
    so_far = _since(slices, usual, odd)
    stake = so_far.cost - so_far.usual_cost + odd.day_rate
    if _times(so_far) < 1 or stake < float(settings.minimum_impact):
        return None
    day = (slices.end - timedelta(minutes=1)).date()
    figures: dict[str, Any] = {
        "name": RUNNING,
        "minutes": round(odd.minutes),
        "ratio": round(odd.cost / odd.usual_cost, 4) if odd.usual_cost > 0 else None,
        "evidence": round(min(odd.evidence, 99.0), 2),
        "calls": round(odd.calls),
        "usual_calls": round(odd.usual_calls, 2),
        "at_stake": round(stake, 2),
    }
    told_of = HourWindow(so_far.start, so_far.end)
    finding = Finding(
        part.scope, day, so_far.cost, so_far.usual_cost, [figures], kind="hours", hours=told_of, stake=stake
    )  # fmt: skip
    return finding, so_far


def _is_odd(window: _Window, slices: _Slices, usual: _Usual, back: int, settings: AnomalySettings) -> bool:
    if window.evidence < settings.running_evidence or window.day_rate < float(settings.minimum_impact):
        return False
    if slices.step < HOUR and window.calls < FEWEST_CALLS:
        return False
    if _times(window) < settings.running_ratio:
        return False
    half = back // 2
    if not half:
        return window.evidence >= settings.running_evidence + FAR_OUT
    now = min(max(back // 4, 2), half, max(STILL // slices.step, 1))
    older, newest = slices.window(usual, back, half), slices.window(usual, now)
    # What is over runs away no more; what has just begun must be the further out.
    is_begun = window.evidence >= settings.running_evidence + FAR_OUT or _times(older) >= settings.running_ratio
    return is_begun and _times(newest) >= 1


def _times(window: _Window) -> float:
    beside = MONEY_A_DAY * (window.end - window.start) / DAY
    return float(window.cost / (window.usual_cost + beside))


def _since(slices: _Slices, usual: _Usual, odd: _Window) -> _Window:
    """The part of the newest day, up to its end, that costs most beyond the usual; at least the window that is odd, or
    what of it is in that day."""
    midnight = datetime.combine(slices.end - timedelta(minutes=1), time())
    today = int((slices.end - midnight) / slices.step)
    least = min(round((slices.end - odd.start) / slices.step), today)
    windows = [slices.window(usual, back) for back in range(least, today + 1)]
    return max(windows, key=lambda window: (window.cost - window.usual_cost, -window.minutes))


def _explained(finding: Finding, part: _Part, window: _Window, made_of: pd.DataFrame) -> Finding:
    """With what it is made of, and who: a key, callers without a customer."""
    rows = made_of[
        (made_of["scope_type"] == part.scope.type)
        & (made_of["scope_value"] == part.scope.value)
        & (made_of["currency"] == part.scope.currency)
        & (made_of["told_by"] == part.told_by)
    ]
    now = _shares(rows[(rows["at"] >= pd.Timestamp(window.start)) & (rows["at"] < pd.Timestamp(window.end))])
    usual = _shares(rows[rows["at"] < pd.Timestamp(window.start)])
    parts = []
    for key, share in now.items():
        actual, expected = share * finding.actual, usual.get(key, 0.0) * finding.expected
        parts.append(Contributor(*key, actual, expected, (actual - expected) / finding.impact))
    figures = {**finding.detectors[0], "says": _says(finding, parts, now, usual)}
    return replace(finding, detectors=[figures], contributors=ranked(parts))


def _shares(rows: pd.DataFrame) -> dict[tuple[str, str], float]:
    """(dimension, value) → its share of what the dimension tells of."""
    sums: dict[tuple[str, str], float] = defaultdict(float)
    totals: dict[str, float] = defaultdict(float)
    for dimension, value, cost in zip(rows["dimension"], rows["value"], rows["money"], strict=True):
        sums[str(dimension), str(value)] += float(cost)
        totals[str(dimension)] += float(cost)
    return {key: cost / totals[key[0]] for key, cost in sorted(sums.items()) if totals[key[0]] > 0}


def _says(
    finding: Finding,
    parts: Sequence[Contributor],
    now: Mapping[tuple[str, str], float],
    usual: Mapping[tuple[str, str], float],
) -> str:
    stake = money_text(finding.stake or 0.0, finding.scope.currency)
    says = [f"At this rate it will have cost {stake} more than usual 24 hours from now"]
    for dimension, name in (("api_key", "on the key"), ("pod", "held by the pod")):
        leading = max(
            (part for part in parts if part.dimension == dimension), key=lambda part: part.share, default=None
        )
        if leading is not None and leading.share >= 0.5:
            says.append(f"{min(leading.share, 1):.0%} of it is {name} {leading.value}")
    nameless, before = now.get(("customer", "none"), 0.0), usual.get(("customer", "none"), 0.0)
    if usual and nameless >= 0.5 and before <= 0.25:
        says.append(f"{nameless:.0%} of it names no customer, where {before:.0%} is usual")
    return "; ".join(says) + "."
