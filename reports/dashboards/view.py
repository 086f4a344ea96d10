"""What a page is asked for: whose marts, which period, which currency, about whom.

Here: the question. Not here: any answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from reports.dashboards.access import Published
from reports.dashboards.period import Period


@dataclass(frozen=True)
class Operations:
    """What ledgers know and marts do not, as mappings that the ledger keeps; empty where nobody asked it.

    ``decisions``: guardrail decisions (``reports.measures.decisions.view_decision``). ``approvals``: what waits for
    people. ``deliveries``: messages and orders that wait or were given up. ``statements``: issued months.
    """

    decisions: Sequence[Mapping[str, Any]] = ()
    approvals: Sequence[Mapping[str, Any]] = ()
    deliveries: Sequence[Mapping[str, Any]] = ()
    statements: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class View:
    """``as_of`` (UTC) is the moment the marts report on; ``billed_through`` the last billed day of the currency, None
    where nothing was billed; ``scope`` the team or app of pages that are about one."""

    published: Published
    as_of: datetime
    period: Period
    currency: str
    billed_through: date | None
    scope: str | None = None
    operations: Operations = field(default_factory=Operations)
