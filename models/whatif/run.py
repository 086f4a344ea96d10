"""A scenario's answer: expected money, how sure it is, what each change does, what it hangs on.

Here: totals with and without the changes, Monte Carlo over the forecast's paths and the scenario's ranges, the effect
of each change in turn, sensitivity one number at a time.
Not here: what a change does to a cell (changes).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

import numpy as np

from finops.config import scenarios as s
from models.series import Floats, money
from models.whatif.base import Base, Notes, WhatIfError
from models.whatif.cells import Cell, total
from models.whatif.changes import amounts, apply, sentence
from models.whatif.result import Effect, Months, Part, Spread, Swing, WhatIf

DRAWS = 1000
ASSUMED_RANGE = Decimal("0.1")
_LEVELS = {"lo80": 0.1, "hi80": 0.9, "lo95": 0.025, "hi95": 0.975}

Numbers = dict[tuple[int, str], float]
"""Position of the change and setting → the number it has."""


def what_if(scenario: s.Scenario, base: Base, *, draws: int = DRAWS) -> WhatIf:
    """Answer a scenario. Equal input gives the equal answer: draws are seeded with the scenario's id.

    A draw takes one path of the forecast, the same with and without the changes, and a triangular number from each
    range (Law & Kelton, "Simulation Modeling and Analysis", 6.11: where only the ends and the likeliest value are
    known). The expected figures have the forecast's mean and the likely numbers, so they are not the draws' mean.

    Raises:
        WhatIfError: a change means nothing that there is, or has no price; it says which.
    """
    likely = {key: float(s.likely(amount)) for key, amount in _amounts(scenario).items()}
    notes = Notes(dict.fromkeys(base.notes))
    steps = _steps(scenario, base, likely, notes)
    before, after = steps[0], steps[-1]
    expected = [total(cells, base.growth.expected) for cells in steps]
    without, with_changes = _draw(scenario, base, draws)
    periods = _months(base)
    whole = slice(0, base.days)
    return WhatIf(
        scenario_id=scenario.id,
        name=scenario.name,
        as_of=base.as_of,
        currency=base.currency,
        window=base.window,
        forecast_through=base.forecast_through,
        draws=draws,
        total=_period(base, whole, expected[0], expected[-1], without, with_changes),
        months=tuple(_period(base, days, expected[0], expected[-1], without, with_changes) for days in periods),
        effects=_effects(scenario, expected),
        swings=_swings(scenario, base, likely, without, with_changes),
        parts=_parts(before, after, base),
        share_of_draws_that_save=_share_that_saves(without, with_changes),
        notes=tuple(notes.texts),
        scenario=scenario.model_dump(mode="json", exclude_none=True),
    )


def _share_that_saves(without: Floats, with_changes: Floats) -> Decimal:
    saves = with_changes.sum(axis=1) < without.sum(axis=1)
    return Decimal(str(round(float(saves.mean()), 4)))


def _amounts(scenario: s.Scenario) -> dict[tuple[int, str], s.Amount]:
    return {(i, name): amount for i, change in enumerate(scenario.changes) for name, amount in amounts(change).items()}


def _steps(
    scenario: s.Scenario, base: Base, numbers: Mapping[tuple[int, str], float], notes: Notes
) -> list[list[Cell]]:
    """Cells before any change, and after each."""
    steps = [list(base.cells)]
    for i, change in enumerate(scenario.changes):
        values = {name: numbers[i, name] for name in amounts(change)}
        try:
            steps.append(apply(change, values, steps[-1], base, notes))
        except WhatIfError as error:
            raise WhatIfError(f"scenario {scenario.id}, change {i + 1} ({change.kind}): {error}") from None
    return steps


def _draw(scenario: s.Scenario, base: Base, draws: int) -> tuple[Floats, Floats]:
    """Money by draw and day, without and with the changes."""
    seed = int.from_bytes(hashlib.sha256(scenario.id.encode()).digest()[:8], "big")
    random = np.random.default_rng(seed)
    ranges = {key: amount for key, amount in _amounts(scenario).items() if isinstance(amount, s.Range)}
    fixed = {key: float(s.likely(amount)) for key, amount in _amounts(scenario).items()}
    sampled = {key: _triangular(amount, draws, random) for key, amount in ranges.items()}
    quiet = Notes({})
    constant = None if ranges else _steps(scenario, base, fixed, quiet)[-1]
    without, with_changes = np.empty((draws, base.days)), np.empty((draws, base.days))
    for draw in range(draws):
        growth = base.growth.of_path(draw)
        numbers = {**fixed, **{key: float(values[draw]) for key, values in sampled.items()}}
        after = constant if constant is not None else _steps(scenario, base, numbers, quiet)[-1]
        without[draw] = total(base.cells, growth)
        with_changes[draw] = total(after, growth)
    return without, with_changes


def _triangular(amount: s.Range, draws: int, random: np.random.Generator) -> Floats:
    low, high = float(amount.low), float(amount.high)
    if low == high:
        return np.full(draws, low)
    # One draw from each of equally likely slices, shuffled: the same precision with far fewer draws.
    slices = (random.permutation(draws) + random.random(draws)) / draws
    turn = (float(amount.likely) - low) / (high - low)
    below = low + np.sqrt(slices * turn) * (high - low)
    above = high - np.sqrt((1 - slices) * (1 - turn)) * (high - low)
    return np.where(slices < turn, below, above)


def _months(base: Base) -> list[slice]:
    """The days of each calendar month in the horizon."""
    days = [base.first_day + timedelta(days=i) for i in range(base.days)]
    starts = [i for i, day in enumerate(days) if i == 0 or day.day == 1]
    return [slice(start, end) for start, end in zip(starts, [*starts[1:], base.days], strict=True)]


def _period(base: Base, days: slice, before: Floats, after: Floats, without: Floats, with_changes: Floats) -> Months:
    sums = [draws[:, days].sum(axis=1) for draws in (without, with_changes)]
    expected = [money(float(daily[days].sum())) for daily in (before, after)]
    return Months(
        first_day=base.first_day + timedelta(days=days.start),
        last_day=base.first_day + timedelta(days=days.stop - 1),
        without=_spread(expected[0], sums[0]),
        with_changes=_spread(expected[1], sums[1]),
        difference=_spread(expected[1] - expected[0], sums[1] - sums[0]),
    )


def _spread(expected: Decimal, draws: Floats) -> Spread:
    return Spread(expected, **{name: money(float(np.quantile(draws, level))) for name, level in _LEVELS.items()})


def _effects(scenario: s.Scenario, expected: Sequence[Floats]) -> tuple[Effect, ...]:
    totals = [money(float(daily.sum())) for daily in expected]
    return tuple(
        Effect(sentence(change), after - before)
        for change, before, after in zip(scenario.changes, totals, totals[1:], strict=False)
    )


def _swings(
    scenario: s.Scenario, base: Base, likely: Numbers, without: Floats, with_changes: Floats
) -> tuple[Swing, ...]:
    """The widest first. The forecast's own bar is the 80% interval of the difference over its paths."""
    quiet = Notes({})
    start = float(total(base.cells, base.growth.expected).sum())

    def difference(numbers: Mapping[tuple[int, str], float]) -> Decimal:
        cells = _steps(scenario, base, numbers, quiet)[-1]
        return money(float(total(cells, base.growth.expected).sum()) - start)

    swings = []
    for key, amount in _amounts(scenario).items():
        low, high = s.bounds(amount)
        assumed = not isinstance(amount, s.Range)
        if assumed:
            low, high = _around(s.likely(amount), key[1])
        swings.append(
            Swing(
                f"{sentence(scenario.changes[key[0]])}: {key[1].replace('_', ' ')}",
                low,
                high,
                difference({**likely, key: float(low)}),
                difference({**likely, key: float(high)}),
                assumed,
            )
        )
    after = _steps(scenario, base, likely, quiet)[-1]
    by_path = np.array(
        [
            float((total(after, growth) - total(base.cells, growth)).sum())
            for growth in (base.growth.of_path(path) for path in range(base.growth.path_count))
        ]
    )
    low, high = Decimal("0.1"), Decimal("0.9")
    swings.append(
        Swing(
            "the forecast itself",
            low,
            high,
            money(float(np.quantile(by_path, float(low)))),
            money(float(np.quantile(by_path, float(high)))),
            is_assumed=False,
        )
    )
    return tuple(sorted(swings, key=lambda swing: (-swing.width, swing.what)))


def _around(value: Decimal, setting: str) -> tuple[Decimal, Decimal]:
    low, high = value * (1 - ASSUMED_RANGE), value * (1 + ASSUMED_RANGE)
    return (low, min(high, Decimal(1))) if setting in ("share", "rate") else (low, high)


def _parts(before: Sequence[Cell], after: Sequence[Cell], base: Base) -> tuple[Part, ...]:
    """Apps whose money changes, the largest change first."""
    owners: dict[tuple[str | None, str | None], tuple[list[Cell], list[Cell]]] = defaultdict(lambda: ([], []))
    for which, cells in enumerate((before, after)):
        for cell in cells:
            owners[cell.team, cell.app][which].append(cell)
    parts = []
    for (team, app), sides in owners.items():
        sums = [money(float((total(cells, base.growth.expected) * np.ones(base.days)).sum())) for cells in sides]
        if sums[0] != sums[1]:
            parts.append(Part(team, app, *sums))
    return tuple(sorted(parts, key=lambda part: -abs(part.with_changes - part.without)))


def horizon(scenario: s.Scenario, as_of: date, forecast_through: date) -> tuple[date, date]:
    """First and last day counted: the scenario's own, else from the report's day through the forecast's end.

    Raises:
        WhatIfError: the scenario ends before it starts, or starts in the past.
    """
    first = scenario.starts_on or as_of
    last = scenario.ends_on or max(forecast_through, first + timedelta(days=29))
    if first < as_of:
        raise WhatIfError(
            f"scenario {scenario.id} starts on {first}, before the report's day {as_of}: name a later day"
        )
    if last < first:
        raise WhatIfError(f"scenario {scenario.id} ends on {last}, before it starts on {first}")
    return first, last
