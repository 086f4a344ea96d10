"""Today's cost in its smallest parts: so many tokens of a class a day at a price, or so much money a day.

Here: the cell, which cells a filter means, what cells cost day by day.
Not here: where cells come from (base) and what changes them (changes).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from finops.config.scenarios import UsageFilter
from finops.tokens import TokenClass
from models.series import Floats

GrowthKey = tuple[str, str] | None
"""Scope type and value whose forecast the cell follows; None: it costs the same every day."""


@dataclass(frozen=True)
class Cell:
    """``per_day`` × ``unit_cost`` is a day's money; both profiles are factors of each day of the horizon.

    A cell of tokens has a ``token_class``, tokens as ``per_day`` and money per token as ``unit_cost``. Any other cell
    has money as ``per_day`` and 1 as ``unit_cost``.
    """

    category: str
    team: str | None
    app: str | None
    feature: str | None
    environment: str | None
    provider: str | None
    model: str | None
    per_day: float
    unit_cost: float
    volume: Floats
    price: Floats
    grows_with: GrowthKey
    token_class: TokenClass | None = None
    region_id: str | None = None
    deployment_type: str | None = None
    service_tier: str = "standard"
    context_tier: int | None = None
    resource_id: str | None = None
    calibration: float = 1.0
    """What the bill says for each unit of estimate; already in ``unit_cost``."""

    @property
    def cost(self) -> Floats:
        """Money a day before growth."""
        return self.per_day * self.unit_cost * self.volume * self.price


def matches(cell: Cell, where: UsageFilter) -> bool:
    return all(getattr(cell, name) in values for name, values in where.values.items())


def total(cells: Iterable[Cell], growth: Mapping[GrowthKey, Floats]) -> Floats:
    """Money by day of all cells, each grown as its key says.

    Args:
        growth: factor by key; the last axis is the day, so one path or many give one row or many.
    """
    by_key: dict[GrowthKey, Floats] = {}
    for cell in cells:
        known = by_key.get(cell.grows_with)
        by_key[cell.grows_with] = cell.cost if known is None else known + cell.cost
    grown: Any = np.zeros(1)
    for key, daily in by_key.items():
        grown = grown + (daily if key is None else daily * growth[key])
    return np.asarray(grown, dtype=np.float64)
