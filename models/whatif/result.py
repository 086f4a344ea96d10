"""What a scenario comes to, as numbers that can be kept and compared.

Here: the result's form and its JSON.
Not here: how it is computed (run), how it looks (cli, reports).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any

FORMAT = 1


@dataclass(frozen=True)
class Spread:
    """Money: as expected, and where it lies in 80 and 95 of 100 cases."""

    expected: Decimal
    lo80: Decimal
    hi80: Decimal
    lo95: Decimal
    hi95: Decimal


@dataclass(frozen=True)
class Months:
    """One month (or the part of it that is counted), or the whole time: without the changes, with them, the gap."""

    first_day: date
    last_day: date
    without: Spread
    with_changes: Spread
    difference: Spread


@dataclass(frozen=True)
class Effect:
    """What one change adds, after those before it. Effects sum to the difference, exactly."""

    change: str
    effect: Decimal


@dataclass(frozen=True)
class Swing:
    """The difference when one number is at its ends and everything else is as expected.

    ``is_assumed``: the scenario gives one value; the ends are 10% to either side of it.
    """

    what: str
    low: Decimal
    high: Decimal
    difference_at_low: Decimal
    difference_at_high: Decimal
    is_assumed: bool

    @property
    def width(self) -> Decimal:
        return abs(self.difference_at_high - self.difference_at_low)


@dataclass(frozen=True)
class Part:
    """An app's money over the whole time, as expected."""

    team: str | None
    app: str | None
    without: Decimal
    with_changes: Decimal


@dataclass(frozen=True)
class WhatIf:
    """A scenario's answer. Money in ``currency``; ``total`` and ``months`` are of the days named in them."""

    scenario_id: str
    name: str
    as_of: date
    currency: str
    window: tuple[date, date]
    forecast_through: date
    draws: int
    total: Months
    months: tuple[Months, ...]
    effects: tuple[Effect, ...]
    swings: tuple[Swing, ...]
    parts: tuple[Part, ...]
    share_of_draws_that_save: Decimal
    notes: tuple[str, ...]
    scenario: dict[str, Any]

    def to_json(self) -> str:
        return json.dumps({"format": FORMAT, **asdict(self)}, default=str, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> WhatIf:
        """Raises ValueError for a file of another format."""
        content = json.loads(text)
        if content.pop("format", None) != FORMAT:
            raise ValueError("not a what-if result of this version: run the scenario again")
        day, money = date.fromisoformat, Decimal

        def spread(found: dict[str, str]) -> Spread:
            return Spread(**{name: money(value) for name, value in found.items()})

        def months(found: dict[str, Any]) -> Months:
            return Months(
                day(found["first_day"]),
                day(found["last_day"]),
                *(spread(found[name]) for name in ("without", "with_changes", "difference")),
            )

        first, last = content["window"]
        return cls(
            **{
                **content,
                "as_of": day(content["as_of"]),
                "window": (day(first), day(last)),
                "forecast_through": day(content["forecast_through"]),
                "total": months(content["total"]),
                "months": tuple(months(one) for one in content["months"]),
                "effects": tuple(Effect(one["change"], money(one["effect"])) for one in content["effects"]),
                "swings": tuple(
                    Swing(
                        what=one["what"],
                        low=money(one["low"]),
                        high=money(one["high"]),
                        difference_at_low=money(one["difference_at_low"]),
                        difference_at_high=money(one["difference_at_high"]),
                        is_assumed=one["is_assumed"],
                    )
                    for one in content["swings"]
                ),
                "parts": tuple(
                    Part(one["team"], one["app"], money(one["without"]), money(one["with_changes"]))
                    for one in content["parts"]
                ),
                "share_of_draws_that_save": money(content["share_of_draws_that_save"]),
                "notes": tuple(content["notes"]),
            }
        )
