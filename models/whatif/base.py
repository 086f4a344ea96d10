"""How things are: the last four weeks as cells, and how the forecast lets them grow.

Here: frames in, ``Base`` out; estimates of usage brought to what the bill says.
Not here: changes (changes), totals (run).
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from finops.config.scenarios import UsageFilter
from finops.pricing import Price, Usage, candidates
from finops.tokens import TokenClass
from models.series import Floats, dates, require_columns
from models.whatif.cells import Cell, GrowthKey, matches, total

FLAT_DAYS = 28
"""Beyond the forecast, the mean of its last four weeks goes on."""

USAGE_COLUMNS = (
    "team", "app", "feature", "environment", "provider_name", "model", "region_id", "deployment_type", "service_tier",
    "context_tier", "token_class", "tokens", "request_count", "estimated_cost",
)  # fmt: skip
COST_COLUMNS = (
    "team", "app", "environment", "ai_category", "provider_name", "model", "resource_id", "is_tokens", "effective_cost",
)  # fmt: skip
PROVISIONED_COLUMNS = (
    "pool_id", "resource_id", "unit_hours", "used_unit_hours", "pay_as_you_go_cost", "spillover_cost",
)  # fmt: skip
HOUR_COLUMNS = ("resource_id", "usage_hour", "tokens")
FORECAST_COLUMNS = ("scope_type", "scope_value", "forecast_date", "expected_cost")
PATH_COLUMNS = ("scope_type", "scope_value", "path", "forecast_date", "cost")


class WhatIfError(ValueError):
    """A scenario that cannot be answered; the message says which part of it and what to do."""


@dataclass(frozen=True)
class ProvisionedPool:
    """Provisioned throughput in the window: units bought, demand by hour in units, and what the calls of a unit-hour
    cost where they spill over."""

    pool_id: str
    resource_id: str
    units: float
    pay_as_you_go_unit_hour_cost: float
    demand_units: Floats


@dataclass(frozen=True)
class Growth:
    """Factors of the window's mean day, by day of the horizon: as expected, and path by path."""

    expected: Mapping[GrowthKey, Floats]
    paths: Mapping[GrowthKey, Floats]

    @property
    def path_count(self) -> int:
        return min((path.shape[0] for path in self.paths.values()), default=1)

    def of_path(self, number: int) -> dict[GrowthKey, Floats]:
        return {key: path[number % path.shape[0]] for key, path in self.paths.items()}


@dataclass
class Notes:
    """What a reader should know about an answer, each said once."""

    texts: dict[str, None]

    def add(self, text: str) -> None:
        self.texts[text] = None


@dataclass(frozen=True)
class TokenPrice:
    """Money per token; ``stands_in`` is the class whose price it is, where it is not the class's own."""

    per_token: float
    stands_in: TokenClass | None


class PriceFinder:
    """Prices per token by the price book, on one day."""

    def __init__(self, book: Iterable[Price], day: date, currency: str) -> None:
        self._book: dict[tuple[str, str], list[Price]] = defaultdict(list)
        for price in book:
            if price.currency == currency:
                self._book[price.provider, price.model].append(price)
        self._day = day
        self._known: dict[tuple[Any, ...], TokenPrice | None] = {}

    def require(self, provider: str, model: str) -> None:
        """Raises WhatIfError, with names that come near, where the price book has no such model."""
        if (provider, model) in self._book:
            return
        of_provider = [name for owner, name in self._book if owner == provider]
        owners = sorted(owner for owner, name in self._book if name == model)
        if owners:
            raise WhatIfError(f"{provider} has no price for {model}; it is of {', '.join(owners)}: say to_provider")
        near = difflib.get_close_matches(model, of_provider, 5, 0.3) or sorted(of_provider)[:5]
        raise WhatIfError(
            f"the price book has no model {model!r} of {provider}. Near it: {', '.join(near) or 'none'}. "
            "Add its price to prices.yml where it is new"
        )

    def per_token(self, cell: Cell, token_class: TokenClass) -> TokenPrice | None:
        """Price of a token of a class for usage like the cell's; None where there is none."""
        key = (
            cell.provider, cell.model, token_class, cell.region_id, cell.deployment_type, cell.service_tier,
            cell.context_tier,
        )  # fmt: skip
        if key not in self._known:
            self._known[key] = self._find(cell, token_class)
        return self._known[key]

    def require_per_token(self, cell: Cell, token_class: TokenClass, notes: Notes) -> float:
        """The same, with a note where another class's price stands in.

        Raises:
            WhatIfError: there is no price.
        """
        found = self.per_token(cell, token_class)
        if found is None:
            raise WhatIfError(
                f"{cell.provider} has no {cell.service_tier} price for {token_class.value} of {cell.model}: "
                "add it to prices.yml"
            )
        if found.stands_in is not None:
            notes.add(
                f"{cell.model} has no price of its own for {token_class.value}: it counts as {found.stands_in.value}"
            )
        return found.per_token

    def _find(self, cell: Cell, token_class: TokenClass) -> TokenPrice | None:
        if cell.provider is None or cell.model is None:
            return None
        usage = Usage(
            cell.provider, cell.model, self._day, cell.region_id, cell.deployment_type, cell.service_tier, None,
            cell.context_tier,
        )  # fmt: skip
        chain = candidates(self._book.get((cell.provider, cell.model), []), usage, token_class)
        if not chain:
            return None
        return TokenPrice(float(chain[0].price.price_per_1m_tokens) / 1e6, chain[0].fallback_class)


@dataclass(frozen=True)
class Base:
    """All that a scenario is asked against. ``requests`` are (cell like filter names, calls a day)."""

    as_of: date
    currency: str
    window: tuple[date, date]
    first_day: date
    days: int
    forecast_through: date
    cells: tuple[Cell, ...]
    requests: tuple[tuple[Cell, float], ...]
    provisioned: tuple[ProvisionedPool, ...]
    growth: Growth
    prices: PriceFinder
    notes: tuple[str, ...]

    def select(self, where: UsageFilter, cells: Sequence[Cell], what: str) -> list[Cell]:
        """Cells that the filter means.

        Raises:
            WhatIfError: there are none; it says which names there are.
        """
        found = [cell for cell in cells if matches(cell, where)]
        if not found:
            for name, values in where.values.items():
                known = sorted({text for cell in cells if (text := getattr(cell, name))})
                for value in values:
                    if value not in known:
                        near = difflib.get_close_matches(value, known, 5, 0.4) or known[:8]
                        raise WhatIfError(f"no {what} of {name} {value!r}. Known: {', '.join(near) or 'none'}")
            raise WhatIfError(f"no {what} has all of {where.values}")
        return found


def build_base(
    *,
    usage: pd.DataFrame,
    cost: pd.DataFrame,
    provisioned: pd.DataFrame,
    provisioned_hours: pd.DataFrame,
    forecast: pd.DataFrame,
    paths: pd.DataFrame,
    book: Iterable[Price],
    window: tuple[date, date],
    as_of: date,
    currency: str,
    first_day: date,
    last_day: date,
) -> Base:
    """Cells of the window and their growth from ``first_day`` through ``last_day``.

    Args:
        usage: sums of the window's priced usage by USAGE_COLUMNS.
        cost: sums of the window's AI cost by COST_COLUMNS; ``is_tokens`` says that usage explains the charge.
        provisioned: the window's days of fct_provisioned_throughput_daily.
        provisioned_hours: tokens by hour of the resources in ``provisioned``.
        forecast: future rows of fct_forecast_daily; ``paths``: ml.forecast_path. All frames in ``currency``.
        window: first and last day that the sums are of.

    Raises:
        WhatIfError: nothing was spent in the window, or there is no forecast.
        HistoryError: a frame lacks a column.
    """
    for frame, columns, name in (
        (usage, USAGE_COLUMNS, "usage"),
        (cost, COST_COLUMNS, "cost"),
        (provisioned, PROVISIONED_COLUMNS, "provisioned"),
        (provisioned_hours, HOUR_COLUMNS, "provisioned_hours"),
        (forecast, FORECAST_COLUMNS, "forecast"),
        (paths, PATH_COLUMNS, "paths"),
    ):
        require_columns(frame, columns, name)
    if usage.empty and cost.empty:
        raise WhatIfError(f"nothing was spent in {currency} from {window[0]} to {window[1]}")
    if forecast.empty or paths.empty:
        raise WhatIfError(f"there is no forecast in {currency} yet: run `aifinops run` first")
    days, window_days = (last_day - first_day).days + 1, (window[1] - window[0]).days + 1
    growth = _Grower(forecast, paths, cost, window_days, first_day, days)
    maker = _CellMaker(growth, window_days, days)
    notes: list[str] = []
    cells, requests = maker.token_cells(usage, cost, notes)
    cells += maker.other_cells(cost, {(cell.team, cell.app) for cell in cells})
    used = growth.used()
    if (company := growth.company()) is not None:
        cells.append(maker.rest(company - total(cells, used.expected)))
    if growth.last_day < last_day:
        notes.append(f"The forecast ends on {growth.last_day}; the mean of its last four weeks goes on from there")
    return Base(
        as_of=as_of,
        currency=currency,
        window=window,
        first_day=first_day,
        days=days,
        forecast_through=growth.last_day,
        cells=tuple(cells),
        requests=tuple(requests),
        provisioned=tuple(_pools(provisioned, provisioned_hours)),
        growth=used,
        prices=PriceFinder(book, first_day, currency),
        notes=tuple(notes),
    )


class _CellMaker:
    def __init__(self, growth: _Grower, window_days: int, days: int) -> None:
        self._growth = growth
        self._window_days = window_days
        self._ones = np.ones(days)

    def token_cells(
        self, usage: pd.DataFrame, cost: pd.DataFrame, notes: list[str]
    ) -> tuple[list[Cell], list[tuple[Cell, float]]]:
        billed: dict[tuple[str | None, str | None], float] = defaultdict(float)
        estimated: dict[tuple[str | None, str | None], float] = defaultdict(float)
        for row in _records(cost):
            if row["is_tokens"]:
                billed[row["team"], row["app"]] += float(row["effective_cost"])
        for row in _records(usage):
            estimated[row["team"], row["app"]] += float(row["estimated_cost"])
        cells, requests, unbilled = [], [], {}
        for row in _records(usage):
            owner = row["team"], row["app"]
            calibration = 1.0
            if estimated[owner] > 0 and billed.get(owner, 0.0) > 0:
                calibration = billed[owner] / estimated[owner]
            elif estimated[owner] > 0:
                unbilled[owner] = estimated[owner]
            tokens = float(row["tokens"]) / self._window_days
            cell = Cell(
                category="inference",
                team=row["team"],
                app=row["app"],
                feature=row["feature"],
                environment=row["environment"],
                provider=row["provider_name"],
                model=row["model"],
                per_day=tokens,
                unit_cost=float(row["estimated_cost"]) / float(row["tokens"]) * calibration if tokens else 0.0,
                volume=self._ones,
                price=self._ones,
                grows_with=self._growth.key(row["team"], row["app"]),
                token_class=TokenClass(row["token_class"]),
                region_id=row["region_id"],
                deployment_type=row["deployment_type"],
                service_tier=row["service_tier"] or "standard",
                context_tier=None if row["context_tier"] is None else int(row["context_tier"]),
                calibration=calibration,
            )
            cells.append(cell)
            if row["request_count"]:
                requests.append((cell, float(row["request_count"]) / self._window_days))
        if unbilled:
            names = sorted({app or "no app" for _, app in unbilled})
            notes.append(
                f"Usage of {', '.join(names)} is on no bill under that name: its estimate of "
                f"{sum(unbilled.values()):,.2f} in {self._window_days} days counts as it is"
            )
        return cells, requests

    def rest(self, daily: Floats) -> Cell:
        """What the company's forecast has beside the cells, so that "without" is the forecast that is published."""
        return Cell(
            category="rest",
            team=None,
            app=None,
            feature=None,
            environment=None,
            provider=None,
            model=None,
            per_day=1.0,
            unit_cost=1.0,
            volume=daily,
            price=self._ones,
            grows_with=None,
        )

    def other_cells(self, cost: pd.DataFrame, explained: set[tuple[str | None, str | None]]) -> list[Cell]:
        cells = []
        for row in _records(cost):
            if row["is_tokens"] and (row["team"], row["app"]) in explained:
                continue
            fixed = row["ai_category"] == "provisioned_capacity"
            cells.append(
                Cell(
                    category=row["ai_category"],
                    team=row["team"],
                    app=row["app"],
                    feature=None,
                    environment=row["environment"],
                    provider=row["provider_name"],
                    model=row["model"],
                    per_day=float(row["effective_cost"]) / self._window_days,
                    unit_cost=1.0,
                    volume=self._ones,
                    price=self._ones,
                    # Units that are bought cost the same whatever is asked of them.
                    grows_with=None if fixed else self._growth.key(row["team"], row["app"]),
                    resource_id=row["resource_id"],
                )
            )
        return cells


class _Grower:
    """Forecast of each scope ÷ its mean day of the window."""

    def __init__(
        self,
        forecast: pd.DataFrame,
        paths: pd.DataFrame,
        cost: pd.DataFrame,
        window_days: int,
        first_day: date,
        days: int,
    ) -> None:
        self._mean = _mean_days(cost, window_days)
        self._first, self._days = first_day, days
        self._forecast = dict(tuple(forecast.groupby(["scope_type", "scope_value"])))
        self._paths = dict(tuple(paths.groupby(["scope_type", "scope_value"])))
        self.last_day: date = dates(forecast["forecast_date"], "forecast").max().date()
        self._used: dict[GrowthKey, tuple[Floats, Floats]] = {}

    def key(self, team: str | None, app: str | None) -> GrowthKey:
        """The narrowest scope with a forecast and a cost in the window."""
        for key in (("app", app), ("team", team or "unallocated"), ("company", "all")):
            if key[1] is None or key not in self._forecast or key not in self._paths:
                continue
            if self._mean.get((key[0], str(key[1])), 0.0) <= 0:
                continue
            found = (key[0], str(key[1]))
            if found not in self._used:
                self._used[found] = self._factors(found)
            return found
        return None

    def company(self) -> Floats | None:
        """The company's forecast, money by day; None where there is none."""
        key = ("company", "all")
        if key not in self._forecast or key not in self._paths or self._mean.get(key, 0.0) <= 0:
            return None
        return self._factors(key)[0] * self._mean[key]

    def used(self) -> Growth:
        return Growth(
            {key: expected for key, (expected, _) in self._used.items()},
            {key: paths for key, (_, paths) in self._used.items()},
        )

    def _factors(self, key: tuple[str, str]) -> tuple[Floats, Floats]:
        rows, mean = self._forecast[key], self._mean[key]
        days = dates(rows["forecast_date"], "forecast")
        expected = pd.Series(rows["expected_cost"].astype(float).to_numpy(), index=days)
        of_paths = self._paths[key]
        table = (
            of_paths.assign(day=dates(of_paths["forecast_date"], "paths"), cost=of_paths["cost"].astype(float))
            .pivot_table(index="path", columns="day", values="cost", aggfunc="sum")
            .sort_index()
        )
        return self._dense(expected.to_frame().T)[0] / mean, self._dense(table) / mean

    def _dense(self, table: pd.DataFrame) -> Floats:
        """One column for each day of the horizon; beyond the forecast, the mean of its last four weeks."""
        table = table.sort_index(axis=1)
        wanted = pd.DatetimeIndex([pd.Timestamp(self._first + timedelta(days=i)) for i in range(self._days)])
        flat = table.iloc[:, -FLAT_DAYS:].mean(axis=1).to_numpy(dtype=np.float64)
        dense = table.reindex(columns=wanted).to_numpy(dtype=np.float64)
        return np.where(np.isnan(dense), flat[:, None], dense)


def _mean_days(cost: pd.DataFrame, window_days: int) -> dict[tuple[str, str], float]:
    mean: dict[tuple[str, str], float] = defaultdict(float)
    for row in _records(cost):
        amount = float(row["effective_cost"]) / window_days
        mean["company", "all"] += amount
        mean["team", row["team"] or "unallocated"] += amount
        if row["app"]:
            mean["app", row["app"]] += amount
    return mean


def _pools(provisioned: pd.DataFrame, hours: pd.DataFrame) -> Iterable[ProvisionedPool]:
    for (pool_id, resource_id), rows in provisioned.groupby(["pool_id", "resource_id"]):
        unit_hours, used, on_demand, spilled = (
            float(rows[name].astype(float).sum())
            for name in ("unit_hours", "used_unit_hours", "pay_as_you_go_cost", "spillover_cost")
        )
        of_resource = hours[hours["resource_id"] == resource_id]
        by_hour = of_resource.groupby("usage_hour")["tokens"].sum().astype(float)
        if unit_hours <= 0 or used <= 0 or by_hour.sum() <= 0:
            continue
        per_unit_hour = on_demand / used
        demand = used + (spilled / per_unit_hour if per_unit_hour > 0 else 0.0)
        count = 24 * len(rows)
        shares = np.zeros(count)
        shares[: min(by_hour.size, count)] = by_hour.to_numpy()[:count] / by_hour.to_numpy()[:count].sum()
        yield ProvisionedPool(str(pool_id), str(resource_id), unit_hours / count, per_unit_hour, shares * demand)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in frame.to_dict("records")
    ]
