"""Making forecasts add up: company, teams, apps, and every other way in which a whole is the sum of parts.

Here: which sums hold, moving expectations, intervals and drawn futures so that they hold for the future too.
Not here: how each series is forecast.

Weighted least squares: the futures closest to the forecasts, in units of each one's own uncertainty, among all that add
up. That is minimum-trace reconciliation with a diagonal error covariance (Wickramasuriya, Athanasopoulos & Hyndman
2019; "WLS by variance" in "Forecasting: Principles and Practice", 3rd ed., 11.3). It is written as a projection on the
sums themselves, x = f − V Aᵀ (A V Aᵀ)⁻¹ A f, instead of through hierarchicalforecast, whose summing matrix wants every
whole to be built from one set of leaves; a company that is the sum of its teams and also of its services has two.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from models.forecast.one_series import Line, SeriesForecast
from models.series import MONEY_DIGITS, Floats, Scope

TOLERANCE = 1e-6
"""Histories that differ by more than this share of the whole are not a whole and its parts."""

SMOOTH_STEPS = 7
"""Steps around each over which it is measured how much surer sums have made it."""

Name = tuple[str, str]
"""Type and value of a scope."""

Parents = Mapping[Name, Collection[Name]]
"""Scope → the scopes it is a part of. Parts of one type make up one sum."""


PARTS_OF_COMPANY = ("business_unit", "team", "model", "service", "region", "environment", "provider")
"""Types of scopes that are parts of the company unless the caller says otherwise."""

COMPANY = ("company", "all")


class Series(Protocol):
    """A scope's history, daily or hourly; all of a currency end at the same time."""

    @property
    def scope(self) -> Scope: ...

    @property
    def values(self) -> Floats: ...


@dataclass(frozen=True)
class Sum:
    """Indices of a whole and its parts."""

    whole: int
    parts: tuple[int, ...]


def parents_of(
    every: Sequence[Series], team_of_app: Mapping[str, str], business_unit_of_team: Mapping[str, str]
) -> dict[Name, list[Name]]:
    """Apps are parts of their teams and teams of their business units as far as the two mappings know, all other levels
    of the company."""
    found: dict[Name, list[Name]] = {}
    for series in every:
        name = (series.scope.type, series.scope.value)
        if series.scope.type == "app" and series.scope.value in team_of_app:
            found[name] = [("team", team_of_app[series.scope.value])]
        elif series.scope.type in PARTS_OF_COMPANY:
            found[name] = [COMPANY]
        if series.scope.type == "team" and series.scope.value in business_unit_of_team:
            found[name].append(("business_unit", business_unit_of_team[series.scope.value]))
    return found


def sums(series: Sequence[Series], parents: Parents) -> list[Sum]:
    """The sums that ``parents`` names and the histories keep, wholes of parts before wholes of wholes."""
    place = {one.scope: index for index, one in enumerate(series)}
    groups: dict[tuple[int, str], list[int]] = {}
    for index, one in enumerate(series):
        for parent_type, parent_value in parents.get((one.scope.type, one.scope.value), ()):
            whole = place.get(Scope(parent_type, parent_value, one.scope.currency))
            if whole is not None:
                groups.setdefault((whole, one.scope.type), []).append(index)
    found = [
        Sum(whole, tuple(parts))
        for (whole, _), parts in groups.items()
        if _sums_up(series[whole], [series[index] for index in parts])
    ]
    return _small_first(found)


def _small_first(found: list[Sum]) -> list[Sum]:
    wholes: dict[int, list[Sum]] = {}
    for one in found:
        wholes.setdefault(one.whole, []).append(one)
    depth: dict[int, int] = {}

    def depth_of(index: int, above: tuple[int, ...] = ()) -> int:
        if index in above:
            raise ValueError("a scope is part of itself: check the parents that were given")
        if index not in depth:
            below = [part for one in wholes.get(index, []) for part in one.parts]
            depth[index] = 1 + max((depth_of(part, (*above, index)) for part in below), default=0)
        return depth[index]

    return sorted(found, key=lambda one: (depth_of(one.whole), one.whole, -len(one.parts)))


def _sums_up(whole: Series, parts: Sequence[Series]) -> bool:
    total = np.zeros(whole.values.size)
    for part in parts:
        start = total.size - part.values.size
        if start < 0:
            return False
        total[start:] += part.values
    return bool(np.abs(total - whole.values).max() <= TOLERANCE * max(float(np.abs(whole.values).max()), 1.0))


def reconcile(
    series: Sequence[Series], forecasts: Sequence[SeriesForecast], paths: Sequence[Floats], parents: Parents
) -> tuple[list[SeriesForecast], list[Floats]]:
    """Forecasts and paths as ``reconcile_lines`` makes them add up."""
    lines, drawn = reconcile_lines(series, [forecast.future for forecast in forecasts], paths, parents)
    return [replace(forecast, future=line) for forecast, line in zip(forecasts, lines, strict=True)], drawn


def reconcile_lines(
    series: Sequence[Series],
    lines: Sequence[Line],
    paths: Sequence[Floats],
    parents: Parents,
    *,
    fixed: Collection[int] = (),
) -> tuple[list[Line], list[Floats]]:
    """Lines and paths (each paths × steps) whose sums hold to the last of ``MONEY_DIGITS`` digits.

    With paths, intervals become as wide as the paths do: what is unsure of a whole is what is unsure of its parts, as
    far as they err together. Without, intervals move with their expectation. What was never negative stays so.

    Args:
        fixed: series that are known to be right; the others follow them.

    Raises:
        ValueError: a scope is named as part of itself.
    """
    result, drawn = list(lines), [np.round(one, MONEY_DIGITS) for one in paths]
    held = sums(series, parents)
    for members in _together(held, len(series)):
        rows = np.array(sorted(members))
        place = {int(row): number for number, row in enumerate(rows)}
        own = [Sum(place[one.whole], tuple(place[part] for part in one.parts)) for one in held if one.whole in place]
        own_lines = [lines[int(row)] for row in rows]
        if not own_lines[0].expected:
            continue
        expected = np.array([line.expected for line in own_lines])
        width = np.array([np.array(line.upper) - np.array(line.lower) for line in own_lines])
        held_fast = {number for number, row in enumerate(rows) if int(row) in fixed}
        width[sorted(held_fast)] = 0.0
        stack = np.concatenate([expected[:, None], np.stack([paths[int(row)] for row in rows])], axis=1)
        floor = np.array([0.0 if series[int(row)].values.min() >= 0 else -np.inf for row in rows])
        moved = _add_up(stack, width**2, floor, own, held_fast)
        for number, row in enumerate(rows):
            line, before, lowest = own_lines[number], paths[int(row)], float(floor[number])
            drawn[int(row)] = moved[number, 1:]
            result[int(row)] = (
                _as_sure_as(line, before, moved[number], lowest)
                if len(before)
                else _shift(line, moved[number, 0], lowest)
            )
    return result, drawn


def _together(held: Sequence[Sum], count: int) -> list[set[int]]:
    """Series that hang together through sums."""
    group = list(range(count))
    for one in held:
        joined = {group[index] for index in (one.whole, *one.parts)}
        target = min(joined)
        group = [target if name in joined else name for name in group]
    touched = {index for one in held for index in (one.whole, *one.parts)}
    return [{index for index in touched if group[index] == name} for name in sorted({group[i] for i in touched})]


def _add_up(stack: Floats, variance: Floats, floor: Floats, held: Sequence[Sum], fixed: Collection[int]) -> Floats:
    """series × lines × days that add up; ``variance`` is series × days."""
    constraints = np.zeros((len(held), len(stack)))
    for number, one in enumerate(held):
        constraints[number, one.whole] = 1.0
        constraints[number, list(one.parts)] -= 1.0
    moved = stack.copy()
    for day in range(stack.shape[2]):
        weight = variance[:, day] + 1e-9 * max(float(variance[:, day].max()), 1e-9)
        spread = weight[:, None] * constraints.T
        gain = spread @ np.linalg.pinv(constraints @ spread)
        moved[:, :, day] = stack[:, :, day] - gain @ (constraints @ stack[:, :, day])
    return _exact(np.maximum(moved, floor[:, None, None]), held, fixed)


def _exact(moved: Floats, held: Sequence[Sum], fixed: Collection[int]) -> Floats:
    """Whole numbers of the smallest amount, wholes built from their parts. A second sum of the same whole is stretched
    to it, and its largest leaf takes what is left of rounding; leaves that are known to be right take no part."""
    unit = 10.0**MONEY_DIGITS
    whole_numbers = np.rint(moved * unit)
    below: dict[int, tuple[int, ...]] = {}
    for one in held:
        total = whole_numbers[list(one.parts)].sum(axis=0)
        if one.whole not in below:
            below[one.whole] = one.parts
            whole_numbers[one.whole] = total
            continue
        target = whole_numbers[one.whole]
        every = [leaf for part in one.parts for leaf in _leaves(part, below)]
        leaves = [leaf for leaf in every if leaf not in fixed] or every
        known = total - whole_numbers[leaves].sum(axis=0)
        target, total = target - known, total - known
        stretch = np.divide(target, total, out=np.ones_like(total), where=(total != 0) & (target >= 0))
        whole_numbers[leaves] = np.rint(whole_numbers[leaves] * stretch)
        left = target - whole_numbers[leaves].sum(axis=0)
        largest = np.argmax(whole_numbers[leaves], axis=0)
        for number, leaf in enumerate(leaves):
            whole_numbers[leaf] += np.where(largest == number, left, 0.0)
        for part in one.parts:
            _rebuild(part, below, whole_numbers)
    # A whole beside what was stretched, such as a business unit where some teams have none, follows its own parts.
    for one in held:
        if below[one.whole] == one.parts:
            whole_numbers[one.whole] = whole_numbers[list(one.parts)].sum(axis=0)
    return whole_numbers / unit


def _leaves(index: int, below: Mapping[int, tuple[int, ...]]) -> list[int]:
    if index not in below:
        return [index]
    return [leaf for part in below[index] for leaf in _leaves(part, below)]


def _rebuild(index: int, below: Mapping[int, tuple[int, ...]], values: Floats) -> None:
    if index in below:
        for part in below[index]:
            _rebuild(part, below, values)
        values[index] = values[list(below[index])].sum(axis=0)


def _as_sure_as(line: Line, paths: Floats, moved: Floats, floor: float) -> Line:
    """The line with each side of its intervals as much wider or narrower as its paths have become.

    Quantiles of a hundred paths would be ragged from day to day; a mean distance over the days of a week is not.

    Args:
        paths: paths × steps as they were.
        moved: the expectation and the paths below it, as they have become.
    """
    before, after = paths - np.array(line.expected), moved[1:] - moved[0]
    sides = []
    for side in (1.0, -1.0):
        was, has = (
            np.convolve(np.maximum(side * one, 0.0).mean(axis=0), np.ones(SMOOTH_STEPS))[_middle(one.shape[1])]
            for one in (before, after)
        )
        sides.append(np.divide(has, was, out=np.ones_like(has), where=was > 0))
    expected = moved[0]

    def above(bound: list[float]) -> list[float]:
        return (expected + sides[0] * np.maximum(np.array(bound) - np.array(line.expected), 0.0)).tolist()

    def below(bound: list[float]) -> list[float]:
        down = sides[1] * np.maximum(np.array(line.expected) - np.array(bound), 0.0)
        return np.minimum(np.maximum(expected - down, floor), expected).tolist()

    return replace(
        line,
        expected=expected.tolist(),
        lower=below(line.lower),
        upper=above(line.upper),
        lower_95=below(line.lower_95),
        upper_95=above(line.upper_95),
    )


def _middle(steps: int) -> slice:
    """Where the sums over ``SMOOTH_STEPS`` around each step stand in a full convolution."""
    return slice(SMOOTH_STEPS // 2, SMOOTH_STEPS // 2 + steps)


def _shift(line: Line, expected: Floats, floor: float) -> Line:
    move = expected - np.array(line.expected)

    def lower(bound: list[float]) -> list[float]:
        return np.minimum(np.maximum(np.array(bound) + move, floor), expected).tolist()

    def upper(bound: list[float]) -> list[float]:
        return np.maximum(np.array(bound) + move, expected).tolist()

    return replace(
        line,
        expected=expected.tolist(),
        lower=lower(line.lower),
        upper=upper(line.upper),
        lower_95=lower(line.lower_95),
        upper_95=upper(line.upper_95),
    )
