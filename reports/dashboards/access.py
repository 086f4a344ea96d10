"""Who may see which rows of the published marts: the only place where that is decided.

Here: viewers, the rule of every mart, and a DuckDB connection that holds nothing but what the viewer may see.
Not here: who a person is (the portal's sign-on), and what is shown (pages, the mart API).

Default deny: a mart without a rule is empty for whoever does not see everything. SQL cannot reach around the rules:
whoever sees everything reads views on the files of one version and can open no other file; whoever does not reads
tables that hold the own rows and nothing else, and can open no file at all.
"""

from __future__ import annotations

import re
import threading
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
    def key(self) -> tuple[bool, bool, frozenset[str]]:
        """Viewers with the same key see the same rows: whether they see everything, are Eng, and of which teams."""
        if self.sees_everything:
            return True, False, frozenset()
        is_eng = Role.ENG in self.roles
        return False, is_eng, self.teams if is_eng else frozenset()


ORGANISATION = Viewer("organisation", frozenset({Role.ADMIN}))
"""Who the static site is made for: whoever can open its folder sees all of it."""

_TEAM = "team in (select unnest($teams))"
_APP = "app in (select unnest($apps))"
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
    "fct_alert_quality_monthly": _TEAM,
    "fct_allocated_charge": _TEAM,
    "fct_allocation_coverage_monthly": _SCOPE,
    "fct_anomaly": _TEAM,
    "fct_budget_status": _SCOPE,
    "fct_cluster_cost_daily": _TEAM,
    "fct_cluster_event_daily": _TEAM,
    "fct_cost_to_date_daily": _TEAM,
    "fct_forecast_accuracy": _SCOPE,
    "fct_forecast_daily": _SCOPE,
    "fct_forecast_exchange_rate": _OPEN,
    "fct_forecast_quality": _SCOPE,
    "fct_forecast_result_daily": _SCOPE,
    "fct_forecast_total": _SCOPE,
    "fct_forecast_variance_monthly": _SCOPE,
    "fct_gpu_hourly": _TEAM,
    "fct_gpu_utilization_daily": _TEAM,
    "fct_guardrail_facts": _SCOPE,
    "fct_incident": _TEAM,
    "fct_interruption_daily": _TEAM,
    "fct_model_tradeoff_monthly": _APP,
    "fct_prompt_economics_daily": _TEAM,
    "fct_service_level_daily": _TEAM,
    "fct_statement_line_monthly": _TEAM,
    "fct_tag_gap": _TEAM,
    "fct_training_amortisation_daily": _TEAM,
    "fct_training_cost_monthly": _TEAM,
    "fct_training_run": _TEAM,
    "fct_unit_cost_daily": _TEAM,
    "fct_unit_economics_daily": _SCOPE,
    "fct_usage_cost_hourly": _TEAM,
    "fct_usage_forecast_hourly": _SCOPE,
    "fct_value_monthly": _TEAM,
}
"""Marts that someone with the role Eng sees, and which of their rows: those of the own teams."""

_OTHERS = {
    # What resembled it may have happened to another team.
    ("fct_incident", "similar_incidents"): (
        "cast(to_json(list_filter(json_extract(similar_incidents, '$[*]'), lambda one:"
        " (one ->> 'scope_type' = 'team' and list_contains($teams, one ->> 'scope_value'))"
        " or (one ->> 'scope_type' = 'app' and list_contains($apps, one ->> 'scope_value')))) as varchar)"
    ),
}
"""Columns of own rows that tell of other teams, and what stands in their place."""

Row = Mapping[str, Any]
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Published:
    """The marts of one published version as a viewer sees them; threads may share it.

    Who does not see everything gets tables that are filled when a query first names them; all else stays views.
    """

    def __init__(self, folder: Path, viewer: Viewer = ORGANISATION) -> None:
        # The folder is a link that a run replaces: resolved once, so that all marts read are of the same run.
        self.folder = folder.resolve()
        self.viewer = viewer
        self.marts = frozenset(path.stem for path in self.folder.glob("*.parquet") if _NAME.fullmatch(path.stem))
        self._everything, self._is_eng, self._teams = viewer.key
        self._filling = threading.Lock()
        self._filled: frozenset[str] = frozenset()
        self._connection = duckdb.connect(
            config={
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "python_enable_replacements": "false",
            }
        )
        self._connection.execute("set timezone = 'UTC'")
        if self._everything:
            for mart in sorted(self.marts):
                self._connection.execute(f"create view {mart} as select * from {self._file(mart)}")  # noqa: S608
            # DuckDB judges by where a file really is; one in the folder may be a link.
            places = sorted({str((self.folder / f"{mart}.parquet").resolve().parent) for mart in self.marts})
            self._connection.execute(f"set allowed_directories = {_text_list(places)}")
        self._connection.execute("set enable_external_access = false")
        self._connection.execute("set lock_configuration = true")
        self._apps: list[str] = []
        if not self._everything:
            self._apps = self._own_apps()

    def __enter__(self) -> Published:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def rows(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        """Rows of a query over the marts under their names; ``$name`` in it is a value.

        Money is ``Decimal``, dates are ``date``, timestamps naive UTC ``datetime``.
        """
        self._fill(sql)
        found = self._connection.cursor().execute(sql, values or None)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def relation(self, sql: str, **values: Any) -> duckdb.DuckDBPyRelation:
        """A query that is not run yet, for answers too large to hold; one thread at a time reads from it."""
        self._fill(sql)
        return self._connection.cursor().sql(sql, params=values or None)

    def has(self, *marts: str) -> bool:
        """Whether all of these marts were published and this viewer may see rows of them."""
        return all(mart in self.marts and self.may_see(mart) for mart in marts)

    def may_see(self, mart: str) -> bool:
        """Whether any row of the mart could be for this viewer."""
        return self._everything or (self._is_eng and mart in RULES)

    @property
    def apps(self) -> frozenset[str]:
        """The own apps of whoever does not see everything."""
        return frozenset(self._apps)

    def columns(self, mart: str) -> Sequence[str]:
        return pq.read_schema(self.folder / f"{mart}.parquet").names

    def _fill(self, sql: str) -> None:
        """Fill the tables of the marts that a query names; a name too many costs time and shows nothing."""
        if self._everything:
            return
        named = self.marts.intersection(_NAME.findall(sql))
        if named <= self._filled:
            return
        with self._filling, duckdb.connect() as reader:
            reader.execute("set timezone = 'UTC'")
            for mart in sorted(named - self._filled):
                own = reader.sql(
                    f"select {self._own_columns(mart)} from {self._file(mart)} where {self._condition(mart)}"  # noqa: S608
                )
                cursor = self._connection.cursor()
                cursor.register("own_rows", own.to_arrow_reader())
                cursor.execute(f"create table {mart} as select * from own_rows")  # noqa: S608
                cursor.unregister("own_rows")
            self._filled |= named

    def _own_columns(self, mart: str) -> str:
        hidden = {
            name: instead
            for (of, name), instead in _OTHERS.items()
            if of == mart and name in pq.read_schema(self.folder / f"{mart}.parquet").names
        }
        if not hidden:
            return "*"
        return f"* replace ({', '.join(f'{self._own(instead)} as {name}' for name, instead in hidden.items())})"

    def _condition(self, mart: str) -> str:
        return self._own(RULES[mart]) if self.may_see(mart) else "false"

    def _own(self, sql: str) -> str:
        for name, values in (("$teams", sorted(self._teams)), ("$apps", self._apps)):
            sql = sql.replace(name, _text_list(values))
        return sql

    def _own_apps(self) -> list[str]:
        if "dim_app" not in self.marts:
            return []
        return [row["app"] for row in self.rows("select app from dim_app order by app")]

    def _file(self, mart: str) -> str:
        return f"read_parquet('{_quoted((self.folder / mart).as_posix())}.parquet')"


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _text_list(values: Sequence[str]) -> str:
    texts = ", ".join(f"'{_quoted(value)}'" for value in values)
    return f"cast([{texts}] as varchar[])"
