"""Where the money of an anomaly comes from.

Here: ranking the values of each dimension by how much their cost changed against what is usual for them.
Not here: the sentence (explain).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd

from models.anomaly.finding import Contributor, Finding
from models.series import Scope, amounts, dates, require_columns

COLUMNS = ("scope_type", "scope_value", "dimension", "value", "cost")
REFERENCE_WEEKS = 4
PER_DIMENSION = 3
AT_MOST = 10
SMALLEST_SHARE = 0.05
DRIFT_GAP_DAYS = 28
ANY_CURRENCY = ""


class ContributorIndex:
    """Costs by scope, dimension and value, ready to be asked about single days.

    Built from a frame with usage_date, scope_type, scope_value, dimension, value, cost and, where a
    scope has several currencies, currency.
    """

    def __init__(self, frame: pd.DataFrame | None) -> None:
        self._costs: dict[tuple[str, str, str], dict[tuple[str, str], dict[date, float]]] = {}
        self._first: dict[tuple[str, str, str], date] = {}
        if frame is None or frame.empty:
            return
        require_columns(frame, ("usage_date", *COLUMNS), "contributors")
        times = [stamp.date() for stamp in dates(frame["usage_date"], "contributors")]
        currencies = frame["currency"].astype(str) if "currency" in frame.columns else [ANY_CURRENCY] * len(frame)
        costs = amounts(frame["cost"], "contributors")
        keys = zip(frame["scope_type"], frame["scope_value"], currencies, strict=True)
        parts = zip(frame["dimension"], frame["value"], strict=True)
        for key, (dimension, value), time, cost in zip(keys, parts, times, costs, strict=True):
            scope = (str(key[0]), str(key[1]), str(key[2]))
            name = "(none)" if pd.isna(value) else str(value)
            by_time = self._costs.setdefault(scope, {}).setdefault((str(dimension), name), defaultdict(float))
            by_time[time] += float(cost)
            if scope not in self._first or time < self._first[scope]:
                self._first[scope] = time

    def of(self, finding: Finding) -> list[Contributor]:
        """The ranked contributors of a finding; empty where nothing is known about its scope.

        Usual is the median over the same weekdays of the four weeks before; for a slow drift, over the weeks that
        ended four and more weeks ago.
        """
        key = self._key(finding.scope)
        if key is None or finding.impact == 0:
            return []
        actual, references = _windows(finding)
        known = [window for window in references if window[0] >= self._first[key]]
        # A scope without any cost before is not unknown where others' costs of those days are: it cost nothing.
        references = known or [window for window in references if window[0] >= min(self._first.values())]
        if not references:
            return []
        per_day = len(actual) if finding.kind == "drift" else 1
        found = []
        for (dimension, value), by_time in self._costs[key].items():
            now = sum(by_time.get(time, 0.0) for time in actual) / per_day
            usual = float(np.median([sum(by_time.get(time, 0.0) for time in window) for window in references]))
            found.append(Contributor(dimension, value, now, usual / per_day, (now - usual / per_day) / finding.impact))
        return ranked(found)

    def knows(self, scope: Scope, dimension: str) -> bool:
        """Is the scope's cost broken down by this dimension at all?"""
        key = self._key(scope)
        return key is not None and any(name == dimension for name, _ in self._costs[key])

    def _key(self, scope: Scope) -> tuple[str, str, str] | None:
        for currency in (scope.currency, ANY_CURRENCY):
            key = (scope.type, scope.value, currency)
            if key in self._costs:
                return key
        return None


def ranked(parts: Iterable[Contributor], *, at_most: int = AT_MOST) -> list[Contributor]:
    """The largest first, a few of each dimension, none that hardly counts."""
    kept: list[Contributor] = []
    for part in sorted(parts, key=lambda part: (-part.share, part.dimension, part.value)):
        if part.share >= SMALLEST_SHARE and sum(other.dimension == part.dimension for other in kept) < PER_DIMENSION:
            kept.append(part)
    return kept[:at_most]


def _windows(finding: Finding) -> tuple[Sequence[date], list[Sequence[date]]]:
    """The days that a finding is about, and the groups of days to compare them with."""
    actual: list[date]
    if finding.kind == "drift":
        actual = [finding.day - timedelta(days=back) for back in range(6, -1, -1)]
    else:
        actual = [finding.day]
    gap = DRIFT_GAP_DAYS if finding.kind == "drift" else 7
    offsets = [timedelta(days=gap + 7 * week) for week in range(REFERENCE_WEEKS)]
    return actual, [[time - offset for time in actual] for offset in offsets]


def as_json(parts: Sequence[Contributor]) -> list[dict[str, object]]:
    return [
        {
            "dimension": part.dimension,
            "value": part.value,
            "actual": round(part.actual, 2),
            "expected": round(part.expected, 2),
            "impact": round(part.impact, 2),
            "share": round(part.share, 4),
        }
        for part in parts
    ]
