"""What could be saved, for documents: the opportunities of the savings page, ranked.

Here: the tile and the short table.
Not here: finding opportunities (``reports.dashboards.pages.savings``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reports.dashboards.ask import Ask
from reports.dashboards.model import Column, Table, Tile

Opportunities = Sequence[Any]


def opportunities(ask: Ask) -> Sequence[Any]:
    return ()


def tile(ask: Ask, found: Sequence[Any]) -> Tile:
    return Tile("Could be saved", "–")


def table(ask: Ask, found: Sequence[Any], most: int) -> Table:
    return Table("savings", "Savings", (Column("What"),), (), "Nothing found.")
