"""Questions that pages put to the published marts, with the view's values filled in.

Here: the scope of a page (company, team, app), rows and frames of a question.
Not here: the questions (``parts``, ``pages``), who may see which rows (``access``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Literal

import pandas as pd

from finops.periods import BillingPeriod
from reports.dashboards.model import Target
from reports.dashboards.view import View
from reports.marts import MARTS, from_rows

Kind = Literal["company", "team", "app"]
Row = dict[str, Any]
Rows = list[Row]

_CONDITIONS: dict[Kind, str] = {"company": "true", "team": "team = $scope", "app": "app = $scope"}
_PAGES: dict[Kind, str] = {"company": "executive", "team": "team", "app": "app"}
_VALUE = re.compile(r"\$([a-z_0-9]+)")
_MART = re.compile(r"\b(?:from|join)\s+((?:fct|dim|focus)_[a-z_0-9]+)")


@dataclass(frozen=True)
class Ask:
    """Asks for a view, about the company or about the team or app ``view.scope``.

    In SQL ``{scope}`` is the condition on ``team`` or ``app``. Values known everywhere: ``$currency``, ``$scope``,
    ``$scope_type``, ``$scope_value`` (as forecasts and budgets name scopes), ``$first`` to ``$last`` and
    ``$before_first`` to ``$before_last`` (the period and what it is compared with), ``$through`` (the last billed day),
    ``$today``.
    """

    view: View
    kind: Kind = "company"

    @property
    def name(self) -> str:
        """How sentences name the scope."""
        return "the company" if self.kind == "company" else self.view.scope or ""

    @property
    def currency(self) -> str:
        return self.view.currency

    @property
    def through(self) -> date:
        return self.view.billed_through or self.view.period.last

    @property
    def month(self) -> BillingPeriod:
        """The month that was billed last: budgets and forecasts are of it."""
        return BillingPeriod.containing(self.through)

    @property
    def is_current(self) -> bool:
        """Whether the period reaches the last billed day, so that budgets, forecasts and estimates belong to it."""
        return self.view.period.last >= self.through

    @property
    def first_month(self) -> BillingPeriod:
        """The month that the period begins in."""
        return BillingPeriod.containing(self.view.period.first)

    @property
    def shown_month(self) -> BillingPeriod:
        """The month that the period ends in."""
        return BillingPeriod.containing(self.view.period.last)

    @property
    def sees_company(self) -> bool:
        """Whether figures of the whole company may be told: not to someone who sees some teams only."""
        return self.kind != "company" or self.view.published.viewer.sees_everything

    def empty(self, mart: str, words: str) -> str:
        """Why there are no rows of a mart: ``words``, unless the viewer may not see it at all."""
        return "This is shown to finance people and administrators only." if self.hides(mart) else words

    def hides(self, mart: str) -> bool:
        """Whether the mart was published and this viewer may not see it: no rows then say nothing about the world."""
        return mart in self.view.published.marts and not self.has(mart)

    def here(self, anchor: str) -> Target:
        """A section of the page about the scope."""
        return Target(_PAGES[self.kind], self.view.scope if self.kind != "company" else None, anchor)

    def has(self, *marts: str) -> bool:
        return self.view.published.has(*marts)

    def rows(self, sql: str, **values: Any) -> list[Row]:
        """Rows of a query; none where a mart that it names was never published, or is not for this viewer."""
        if not self.has(*_MART.findall(sql)):
            return []
        asked = sql.replace("{scope}", _CONDITIONS[self.kind])
        known = self._values | values
        return self.view.published.rows(asked, **{name: known[name] for name in set(_VALUE.findall(asked))})

    def one(self, sql: str, **values: Any) -> Row:
        """The only row of a query without groups; empty where ``rows`` has none."""
        return next(iter(self.rows(sql, **values)), {})

    def frame(self, mart: str, condition: str, **values: Any) -> pd.DataFrame:
        """Rows of a mart as ``reports.measures`` read them."""
        columns = ", ".join(MARTS[mart].columns)
        found = self.rows(f"select {columns} from {mart} where {condition}", **values)  # noqa: S608 - own names
        return from_rows(mart, found)

    @cached_property
    def _values(self) -> Row:
        period = self.view.period
        return {
            "currency": self.view.currency,
            "scope": self.view.scope,
            "scope_type": self.kind,
            "scope_value": "all" if self.kind == "company" else self.view.scope,
            "first": period.first,
            "last": period.last,
            "before_first": period.before_first,
            "before_last": period.before_last,
            "through": self.through,
            "today": self.view.as_of.date(),
        }
