"""What one unit costs.

Here: cost per 1M tokens, per GPU-hour, per business outcome, over the newest 30 days and the 30 before them, or over a
period; its 7-day average.
Not here: how cost and quantity were matched (dbt).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import pandas as pd

from reports.frames import ZERO, between, change, last_day, ratio

WINDOW_DAYS = 30
TOKENS = "1m_tokens"
GPU_HOURS = ("gpu_hour_billed", "gpu_hour_allocated", "gpu_hour_busy")
BASES = ("billed", "estimated")
"""In order of preference."""
SMOOTHING_DAYS = 7
GPU_HOUR_WORDS = {
    "gpu_hour_billed": "Billed hour",
    "gpu_hour_allocated": "Allocated hour",
    "gpu_hour_busy": "Busy hour",
}


@dataclass(frozen=True)
class UnitCost:
    """``unit_cost`` is cost ÷ quantity of the window's days, so busy days weigh more than idle ones."""

    unit: str
    scope_type: str
    scope_value: str
    cost_basis: str
    first_day: date
    last_day: date
    cost: Decimal
    quantity: Decimal
    unit_cost: Decimal
    previous_unit_cost: Decimal | None
    previous_quantity: Decimal | None

    @property
    def change_ratio(self) -> Decimal | None:
        return None if self.previous_unit_cost is None else change(self.unit_cost, self.previous_unit_cost)


def unit_costs(economics: pd.DataFrame, as_of: date) -> tuple[UnitCost, ...]:
    """One entry per unit, scope and cost basis. ``economics``: ``fct_unit_economics_daily`` of one currency."""
    known = economics[economics["usage_date"] <= pd.Timestamp(as_of)]
    found = []
    for basis in BASES:
        rows = known[known["cost_basis"] == basis]
        through = last_day(rows["usage_date"])
        if through is None:
            continue
        first = through - timedelta(days=WINDOW_DAYS - 1)
        found += _costs(rows, basis, first, through, first - timedelta(days=WINDOW_DAYS), first - timedelta(days=1))
    return _ordered(found)


def period_unit_costs(
    economics: pd.DataFrame, first: date, last: date, before_first: date, before_last: date
) -> tuple[UnitCost, ...]:
    """The same over a period and what it is compared with, instead of the newest days."""
    found = []
    for basis in BASES:
        rows = economics[economics["cost_basis"] == basis]
        found += _costs(rows, basis, first, last, before_first, before_last)
    return _ordered(found)


def smoothed(rows: pd.DataFrame, by: str) -> pd.DataFrame:
    """``day, series, value``: cost ÷ quantity of the 7 days that end on each day, one series per value of ``by``."""
    sums: dict[str, dict[date, list[float]]] = {}
    for series, day, cost, quantity in zip(
        rows[by], rows["usage_date"].dt.date, rows["cost"], rows["quantity"], strict=True
    ):
        of_day = sums.setdefault(series, {}).setdefault(day, [0.0, 0.0])
        of_day[0] += float(cost or 0)
        of_day[1] += float(quantity or 0)
    found = []
    for series, daily in sorted(sums.items()):
        day, last = min(daily), max(daily)
        days = [day + timedelta(days=n) for n in range((last - day).days + 1)]
        costs, quantities = zip(*(daily.get(one, (0.0, 0.0)) for one in days), strict=True)
        for end, one in enumerate(days, start=1):
            window = slice(max(end - SMOOTHING_DAYS, 0), end)
            quantity = sum(quantities[window])
            found.append((one, series, sum(costs[window]) / quantity if quantity > 0 else float("nan")))
    return pd.DataFrame(found, columns=["day", "series", "value"])


def _costs(
    rows: pd.DataFrame, basis: str, first: date, last: date, before_first: date, before_last: date
) -> list[UnitCost]:
    now = _sums(between(rows, "usage_date", first, last))
    before = _sums(between(rows, "usage_date", before_first, before_last))
    return [
        UnitCost(
            *key,
            basis,
            first,
            last,
            cost,
            quantity,
            unit_cost,
            _cost(before, key),
            before[key][1] if key in before else None,
        )
        for key, (cost, quantity) in now.items()
        if (unit_cost := ratio(cost, quantity)) is not None
    ]


def _ordered(found: list[UnitCost]) -> tuple[UnitCost, ...]:
    return tuple(
        sorted(found, key=lambda line: (line.unit, BASES.index(line.cost_basis), -line.cost, line.scope_value))
    )


def company_cost(costs: tuple[UnitCost, ...], unit: str) -> UnitCost | None:
    """Of the whole company, on the bill if it is there, else estimated from usage."""
    return next((line for line in costs if line.unit == unit and line.scope_type == "company"), None)


def model_costs(costs: tuple[UnitCost, ...]) -> tuple[UnitCost, ...]:
    """Cost per 1M tokens of each model, on the better basis there is, by cost."""
    lines: dict[str, UnitCost] = {}
    for line in costs:
        if line.unit == TOKENS and line.scope_type == "model":
            lines.setdefault(line.scope_value, line)
    return tuple(sorted(lines.values(), key=lambda line: -line.cost))


def outcome_costs(costs: tuple[UnitCost, ...]) -> tuple[UnitCost, ...]:
    """One entry per business outcome and app (or team, or company, where the mart has no finer one)."""
    outcomes = [line for line in costs if line.unit != TOKENS and line.unit not in GPU_HOURS]
    chosen: list[UnitCost] = []
    for unit in dict.fromkeys(line.unit for line in outcomes):
        for scope_type in ("app", "team", "company"):
            lines: dict[str, UnitCost] = {}
            for line in outcomes:
                if (line.unit, line.scope_type) == (unit, scope_type):
                    lines.setdefault(line.scope_value, line)
            if lines:
                chosen += lines.values()
                break
    return tuple(sorted(chosen, key=lambda line: -line.cost))


_Key = tuple[str, str, str]


def _sums(rows: pd.DataFrame) -> dict[_Key, tuple[Decimal, Decimal]]:
    """Cost and quantity by unit and scope, in the order of their names."""
    sums: dict[_Key, tuple[Decimal, Decimal]] = {}
    columns = (rows[name] for name in ("unit", "scope_type", "scope_value", "cost", "quantity"))
    for unit, kind, value, cost, quantity in zip(*columns, strict=True):
        known = sums.get((unit, kind, value), (ZERO, ZERO))
        sums[unit, kind, value] = known[0] + (cost or ZERO), known[1] + (quantity or ZERO)
    return dict(sorted(sums.items()))


def _cost(sums: dict[_Key, tuple[Decimal, Decimal]], key: _Key) -> Decimal | None:
    return ratio(*sums[key]) if key in sums else None
