"""Making the company's forecast the sum of its teams'.

Here: moving both towards each other by how uncertain each is.
Not here: scopes that are no parts of one another, such as models (a model's cost is part of a team's).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from models.forecast.one_series import Line, SeriesForecast
from models.series import MONEY_DIGITS, DailySeries, Floats

TOLERANCE = 1e-6
"""Histories that differ by more than this share of the total are not a whole and its parts."""


def reconcile(series: Sequence[DailySeries], forecasts: Sequence[SeriesForecast]) -> list[SeriesForecast]:
    """Per currency, make the company's future equal the sum of its teams' where its history does.

    Weighted least squares on a two-level hierarchy (Hyndman & Athanasopoulos, "Forecasting: Principles and Practice",
    3rd ed., 11.3, WLS by variance): the gap is shared in proportion to the squared widths of the intervals. Each
    interval moves with its expectation. Where a team would fall below zero it stays at zero, and the company follows.
    """
    result = list(forecasts)
    for top, company in enumerate(series):
        if company.scope.type != "company":
            continue
        parts = [
            index
            for index, other in enumerate(series)
            if other.scope.type == "team" and other.scope.currency == company.scope.currency
        ]
        if not parts or not _sums_up(company, [series[index] for index in parts]):
            continue
        lines = [forecasts[index].future for index in parts]
        whole = forecasts[top].future
        expected = np.array([line.expected for line in lines])
        variance = np.array([_variance(line) for line in lines])
        gap = np.array(whole.expected) - expected.sum(axis=0)
        total = variance.sum(axis=0) + _variance(whole)
        share = np.divide(variance, total, out=np.zeros_like(variance), where=total > 0)
        moved = expected + share * gap
        kept = np.array([series[index].values.min() >= 0 for index in parts])
        moved = np.where(kept[:, None], np.maximum(moved, 0.0), moved)
        moved = np.round(moved, MONEY_DIGITS)  # so that the rounded parts sum to the rounded whole
        for row, index in enumerate(parts):
            never_negative = bool(kept[row])
            result[index] = replace(result[index], future=_shift(lines[row], moved[row], never_negative))
        result[top] = replace(result[top], future=_shift(whole, moved.sum(axis=0), bool(company.values.min() >= 0)))
    return result


def _sums_up(company: DailySeries, parts: Sequence[DailySeries]) -> bool:
    total = np.zeros(company.values.size)
    for part in parts:
        start = company.index(part.first_day)
        if start < 0:
            return False
        total[start : start + part.values.size] += part.values
    return bool(np.abs(total - company.values).max() <= TOLERANCE * max(float(np.abs(company.values).max()), 1.0))


def _variance(line: Line) -> Floats:
    return (np.array(line.upper) - np.array(line.lower)) ** 2


def _shift(line: Line, expected: Floats, never_negative: bool) -> Line:
    move = expected - np.array(line.expected)
    lower, upper = np.array(line.lower) + move, np.array(line.upper) + move
    if never_negative:
        lower = np.maximum(lower, 0.0)
    return replace(line, expected=expected.tolist(), lower=np.minimum(lower, expected).tolist(), upper=upper.tolist())
