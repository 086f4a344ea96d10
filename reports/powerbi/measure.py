"""What a measure of the semantic model is, and the words and conditions that several share.

Here: name, table, folder, format, meaning, description; formats; conditions on rows.
Not here: which measures there are (``measures``, ``month_measures``, ``unit_measures``).
"""

from __future__ import annotations

from dataclasses import dataclass

from reports.powerbi.expressions import Expression, Is

MONEY, UNIT_MONEY, SHARE, WHOLE = "#,##0.00", "#,##0.0000", "0.0%", "#,##0"
ONE_CURRENCY = "Blank over several currencies: choose one."


@dataclass(frozen=True)
class Measure:
    """``basis``: billed (effective), invoiced, estimated, forecast or budget where it is money; charts colour by it."""

    name: str
    table: str
    folder: str
    format: str
    meaning: Expression
    description: str
    basis: str | None = None
    is_hidden: bool = False


AI = Is("is_ai", (True,))
COMPANY, TEAM, APP = (Is("scope_type", (kind,)) for kind in ("company", "team", "app"))
MONTHLY = Is("period", ("month",))
