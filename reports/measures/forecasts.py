"""Where months and quarters will end, and how good such forecasts have been.

Here: totals of periods by scope, months against the forecast of their first days, errors and coverage by days ahead.
Not here: computing them (dbt), candidates of the backtest (the page shows the mart as it is).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd

from reports.frames import float_or_none

PERIODS = {"month": "This month", "next_month": "Next month", "quarter": "This quarter"}
MATURITIES = {"run": Decimal("0.12"), "walk": Decimal("0.15"), "crawl": Decimal("0.20")}
"""The FinOps Framework's bands: how far off, at most, forecasts of such a practice are (ratio of what was billed)."""
LEVELS = ("company", "team")
ALL_SCOPES = "(all)"
NO_TEAM = "unallocated"
"""The team scope of spend that has no owner."""


@dataclass(frozen=True)
class PeriodTotal:
    """What a whole period will have cost, with the ends of its 80% and 95% intervals.

    ``is_extended``: the period ends after the forecast; its days beyond are taken to be like those that it reaches.
    """

    period: str
    period_start: date
    period_end: date
    expected: Decimal
    lower: Decimal
    upper: Decimal
    lower_95: Decimal
    upper_95: Decimal
    is_extended: bool


@dataclass(frozen=True)
class ScopeTotals:
    """Totals of one scope by period (``PERIODS``)."""

    scope_type: str
    scope_value: str
    totals: Mapping[str, PeriodTotal]

    @property
    def name(self) -> str:
        return _name(self.scope_type, self.scope_value)


@dataclass(frozen=True)
class JudgedMonth:
    """A month as billed against the forecast of its first days.

    ``variance_ratio`` is (forecast − billed) / billed. ``is_backcast``: no forecast was made then, this is what it
    would have said. ``last_day`` is the last one compared; without ``is_complete`` the month is not over or not billed.
    """

    scope_type: str
    scope_value: str
    month: date
    last_day: date
    forecast: Decimal
    actual: Decimal
    variance_ratio: float | None
    maturity: str | None
    is_backcast: bool
    is_complete: bool

    @property
    def name(self) -> str:
        return _name(self.scope_type, self.scope_value)


@dataclass(frozen=True)
class Quality:
    """Forecasts of billed days by days ahead, of all scopes of a level together. Ratios; None where nothing was spent.

    ``horizon`` is such as ``1–7`` days.
    """

    level: str
    currency: str
    horizon: str
    days: int
    error_ratio: float | None
    scaled_error: float | None
    bias_ratio: float | None
    coverage_80: float
    coverage_95: float


@dataclass(frozen=True)
class Forecasts:
    """Forecasts of one currency: level by level, scopes with the dearest first; months oldest first."""

    totals: tuple[ScopeTotals, ...]
    company_months: tuple[JudgedMonth, ...]
    team_months: tuple[JudgedMonth, ...]
    quality: tuple[Quality, ...]

    @property
    def extended_periods(self) -> set[str]:
        """Periods that end later than the forecast."""
        return {total.period for scope in self.totals for total in scope.totals.values() if total.is_extended}

    @property
    def team_maturities(self) -> dict[str, int]:
        """How many whole months of teams are in each band, best band first."""
        found = Counter(month.maturity for month in self.team_months if month.is_complete and month.maturity)
        return {name: found[name] for name in (*MATURITIES, "below crawl") if found[name]}


def forecasts(
    totals: pd.DataFrame, variances: pd.DataFrame, quality: pd.DataFrame, levels: Sequence[str] = LEVELS
) -> Forecasts:
    """Some levels of ``fct_forecast_total``, ``fct_forecast_variance_monthly`` and ``fct_forecast_quality``.

    All frames are of one currency.
    """
    months = [_month(row) for row in variances.sort_values("usage_month").to_dict("records")]
    return Forecasts(
        totals=_totals(totals, levels),
        company_months=tuple(month for month in months if month.scope_type == "company"),
        team_months=tuple(month for month in months if month.scope_type == "team"),
        quality=_quality(quality, levels),
    )


def _totals(frame: pd.DataFrame, levels: Sequence[str]) -> tuple[ScopeTotals, ...]:
    by_scope: dict[tuple[str, str], dict[str, PeriodTotal]] = {}
    for row in frame[frame["scope_type"].isin(levels)].to_dict("records"):
        scope = str(row["scope_type"]), str(row["scope_value"])
        by_scope.setdefault(scope, {})[str(row["period"])] = PeriodTotal(
            period=str(row["period"]),
            period_start=row["period_start"].date(),
            period_end=row["period_end"].date(),
            expected=row["expected_cost"],
            lower=row["lower_cost"],
            upper=row["upper_cost"],
            lower_95=row["lower_95_cost"],
            upper_95=row["upper_95_cost"],
            is_extended=bool(row["is_extended"]),
        )
    found = [ScopeTotals(kind, value, totals) for (kind, value), totals in by_scope.items()]
    return tuple(
        sorted(
            found,
            key=lambda one: (
                levels.index(one.scope_type),
                -max(total.expected for total in one.totals.values()),
                one.scope_value,
            ),
        )
    )


def _month(row: Mapping[Any, Any]) -> JudgedMonth:
    return JudgedMonth(
        scope_type=str(row["scope_type"]),
        scope_value=str(row["scope_value"]),
        month=row["usage_month"].date(),
        last_day=row["last_day"].date(),
        forecast=row["forecast_cost"],
        actual=row["actual_cost"],
        variance_ratio=float_or_none(row["variance_ratio"]),
        maturity=row["maturity"] if isinstance(row["maturity"], str) else None,
        is_backcast=bool(row["is_backcast"]),
        is_complete=bool(row["is_complete"]),
    )


def _quality(frame: pd.DataFrame, levels: Sequence[str]) -> tuple[Quality, ...]:
    rows = frame[(frame["scope_value"] == ALL_SCOPES) & frame["scope_type"].isin(levels)]
    return tuple(
        Quality(
            level=str(row["scope_type"]),
            currency=str(row["currency"]),
            horizon=_horizon(str(row["horizon_band"])),
            days=int(row["day_count"]),
            error_ratio=float_or_none(row["weighted_absolute_error_ratio"]),
            scaled_error=float_or_none(row["mean_absolute_scaled_error"]),
            bias_ratio=float_or_none(row["bias_ratio"]),
            coverage_80=float(row["coverage_80"]),
            coverage_95=float(row["coverage_95"]),
        )
        for row in rows.sort_values(["scope_type", "currency", "horizon_band"]).to_dict("records")
    )


def _horizon(band: str) -> str:
    """``08-14`` → ``8–14``."""
    first, dash, last = band.partition("-")
    return f"{first.lstrip('0')}–{last.lstrip('0')}" if dash else band.lstrip("0")


def _name(scope_type: str, scope_value: str) -> str:
    if scope_type == "company":
        return "Company"
    return "No owner" if scope_value == NO_TEAM else scope_value
