"""How much of an incident is price, volume, mix and cache.

Here: the usage of an incident's days against that of the same weekdays just before it, decomposed.
Not here: the formula (finops.cost_change), which ``aifinops compare`` uses too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

import pandas as pd

from finops.cost_change import CostChange, TokenCost, decompose
from finops.tokens import TokenClass
from models.anomaly.incident_money import reference_days
from models.series import Scope, dates, require_columns

KIND = ("team", "app", "model", "provider_name", "deployment_type", "region_id", "service_tier", "context_tier")
"""What tells usage apart besides its token class: whose it is, and all that a price depends on."""

COLUMNS = ("usage_date", "currency", *KIND, "token_class", "tokens", "cost")
SCOPES = ("team", "app", "model")
UNALLOCATED = "unallocated"

Line = tuple[date, TokenCost]


class UsageIndex:
    """Priced tokens by scope, ready to be asked about single days.

    Built from a frame with ``COLUMNS``: rows of attributable, priced usage; ``tokens`` whole numbers, ``cost`` Decimal.
    """

    def __init__(self, usage: pd.DataFrame | None) -> None:
        self._lines: dict[Scope, list[Line]] = defaultdict(list)
        if usage is None or usage.empty:
            return
        require_columns(usage, COLUMNS, "usage")
        days = [stamp.date() for stamp in dates(usage["usage_date"], "usage")]
        for day, row in zip(days, usage.to_dict("records"), strict=True):
            if not row["tokens"]:
                continue
            kind = tuple(None if pd.isna(row[name]) else str(row[name]) for name in KIND)
            line = (day, TokenCost(kind, TokenClass(row["token_class"]), int(row["tokens"]), row["cost"]))
            currency = str(row["currency"])
            self._lines[Scope("company", "all", currency)].append(line)
            for name, value in zip(SCOPES, kind, strict=False):
                if value is not None or name == "team":
                    self._lines[Scope(name, value or UNALLOCATED, currency)].append(line)

    def change(self, scope: Scope, days: Sequence[date], first: date) -> CostChange | None:
        """What moved the scope's estimated cost on ``days`` against the same weekdays before ``first``.

        Each day is held against the newest day of its weekday before the incident, so both sides have the same number
        of days and of each weekday. None where the scope used no tokens on either side.
        """
        lines = self._lines.get(scope)
        if not lines or not days:
            return None
        by_day: dict[date, list[TokenCost]] = defaultdict(list)
        for day, line in lines:
            by_day[day].append(line)
        after = [line for day in days for line in by_day.get(day, ())]
        before = [line for day in days for line in by_day.get(reference_days(day, first)[0], ())]
        if not after and not before:
            return None
        return total(decompose(before, after).values())


def total(changes: Iterable[CostChange]) -> CostChange:
    return sum(changes, CostChange())
