"""Who may see which rows of the published marts: the only place where that is decided.

Here: viewers, the rule of every mart, and a DuckDB connection that holds nothing but what the viewer may see.
Not here: who a person is (the portal's sign-on), and what is shown (pages, the mart API).

Default deny: a mart without a rule is empty for whoever does not see everything, and SQL cannot reach around the rules,
because the connection may open no file but those behind the views.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import pyarrow.parquet as pq


class Role(StrEnum):
    """The roles of the organisation, as sign-on and Power BI know them."""

    ADMIN = "Admin"
    FINANCE = "Finance"
    ENG = "Eng"


@dataclass(frozen=True)
class Viewer:
    """``teams`` limit who has only the role Eng; without a role nothing is seen."""

    name: str
    roles: frozenset[Role]
    teams: frozenset[str] = frozenset()

    @property
    def sees_everything(self) -> bool:
        return bool(self.roles & {Role.ADMIN, Role.FINANCE})

    @property
    def key(self) -> tuple[bool, frozenset[str]]:
        """Viewers with the same key see the same rows."""
        everything = self.sees_everything
        teams = self.teams if Role.ENG in self.roles and not everything else frozenset()
        return everything, teams


ORGANISATION = Viewer("organisation", frozenset({Role.ADMIN}))
"""Who the static site is made for: whoever can open its folder sees all of it."""

_TEAM = "team in (select unnest($teams))"
_SCOPE = (
    "(scope_type = 'team' and scope_value in (select unnest($teams)))"
    " or (scope_type = 'app' and scope_value in (select unnest($apps)))"
)
_OPEN = "true"
RULES: Mapping[str, str] = {
    "dim_app": _TEAM,
    "dim_date": _OPEN,
    "dim_model": _OPEN,
    "dim_price": _OPEN,
    "dim_resource": _TEAM,
    "dim_team": _TEAM,
    "fct_ai_cost_daily": _TEAM,
    "fct_allocated_charge": _TEAM,
    "fct_allocation_coverage_monthly": _SCOPE,
    "fct_budget_status": _SCOPE,
    "fct_cost_to_date_daily": _TEAM,
    "fct_forecast_daily": _SCOPE,
    "fct_forecast_total": _SCOPE,
    "fct_forecast_variance_monthly": _SCOPE,
    "fct_gpu_hourly": _TEAM,
    "fct_gpu_utilization_daily": _TEAM,
    "fct_incident": _TEAM,
    "fct_interruption_daily": _TEAM,
    "fct_prompt_economics_daily": _TEAM,
    "fct_service_level_daily": _TEAM,
    "fct_statement_line_monthly": _TEAM,
    "fct_tag_gap": _TEAM,
    "fct_training_cost_monthly": _TEAM,
    "fct_training_run": _TEAM,
    "fct_unit_cost_daily": _TEAM,
    "fct_unit_economics_daily": _SCOPE,
    "fct_usage_cost_hourly": _TEAM,
    "fct_usage_forecast_hourly": _SCOPE,
    "fct_value_monthly": _TEAM,
}
"""Marts that someone with the role Eng sees, and which of their rows: those of the own teams."""

Row = Mapping[str, Any]
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Published:
    """The marts of one published version as a viewer sees them; not for use by several threads at a time."""

    def __init__(self, folder: Path, viewer: Viewer = ORGANISATION) -> None:
        # The folder is a link that a run replaces: resolved once, so that all marts read are of the same run.
        self.folder = folder.resolve()
        self.viewer = viewer
        self.marts = frozenset(path.stem for path in self.folder.glob("*.parquet") if _NAME.fullmatch(path.stem))
        self._connection = duckdb.connect()
        self._connection.execute("set timezone = 'UTC'")
        self._apps = self._own_apps()
        for mart in sorted(self.marts):
            self._create_view(mart)

    def __enter__(self) -> Published:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def rows(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        """Rows of a query over the views, which have the marts' names; ``$name`` in it is a value.

        Money is ``Decimal``, dates are ``date``, timestamps naive UTC ``datetime``.
        """
        found = self._connection.execute(sql, values or None)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def has(self, *marts: str) -> bool:
        """Whether all of these marts were published and this viewer may see rows of them."""
        return all(mart in self.marts and (self.viewer.sees_everything or mart in RULES) for mart in marts)

    def columns(self, mart: str) -> Sequence[str]:
        return pq.read_schema(self.folder / f"{mart}.parquet").names

    def _create_view(self, mart: str) -> None:
        source = f"read_parquet('{(self.folder / mart).as_posix().replace(chr(39), chr(39) * 2)}.parquet')"
        condition = _OPEN if self.viewer.sees_everything else RULES.get(mart, "false")
        if Role.ENG not in self.viewer.roles and not self.viewer.sees_everything:
            condition = "false"
        for name, values in (("$teams", sorted(self.viewer.teams)), ("$apps", self._apps)):
            condition = condition.replace(name, _text_list(values))
        self._connection.execute(f"create view {mart} as select * from {source} where {condition}")  # noqa: S608

    def _own_apps(self) -> list[str]:
        file = self.folder / "dim_app.parquet"
        if not file.exists() or self.viewer.sees_everything:
            return []
        found = self._connection.execute(
            "select app from read_parquet($file) where team in (select unnest($teams)) order by app",
            {"file": str(file), "teams": sorted(self.viewer.teams)},
        )
        return [row[0] for row in found.fetchall()]


def _text_list(values: Sequence[str]) -> str:
    quoted = ", ".join(f"'{value.replace(chr(39), chr(39) * 2)}'" for value in values)
    return f"cast([{quoted}] as varchar[])"
