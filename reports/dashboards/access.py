"""Who may see which rows of the published marts: the only place where that is decided.

Here: viewers, the rule of every mart, and a DuckDB connection that holds nothing but what the viewer may see.
Not here: who a person is (the portal's sign-on), and what is shown (pages, the mart API).

Default deny: a mart without a rule is empty for whoever does not see everything. SQL cannot reach around the rules:
whoever sees everything reads views on the files of one version and can open no other file; whoever does not reads
tables that hold the own rows and nothing else, and can open no file at all.

Those tables are filled when they are asked for, with the columns that are: copying rows is most of what a page costs
that somebody of one team opens first, and a question names a fifth of a wide mart's columns.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

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

_TEAM = "team in $one_of_teams"
_APP = "app in $one_of_apps"
_SCOPE = (
    "(scope_type = 'team' and scope_value in $one_of_teams) or (scope_type = 'app' and scope_value in $one_of_apps)"
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
Answer = tuple[tuple[str, ...], list[tuple[Any, ...]]]
"""Names of columns, and rows."""
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_EVERY_COLUMN = re.compile(r"(?:\bselect|\bdistinct|,|\.)\s*\*", re.IGNORECASE)


class Answers(Protocol):
    """Answers that were given before, by what was asked of which version by whom."""

    def get(self, key: tuple[Any, ...], make: Callable[[], Answer]) -> Answer: ...


class Asked:
    """Words of the questions that pages have put to marts, of all viewers: so that whose tables are filled next gets at
    once the columns that pages ask, instead of some with each question. Threads may share it."""

    def __init__(self) -> None:
        self._words: Mapping[str, frozenset[str]] = {}
        self._lock = threading.Lock()

    def of(self, mart: str) -> frozenset[str]:
        return self._words.get(mart, frozenset())

    def note(self, marts: frozenset[str], words: frozenset[str]) -> None:
        if all(words <= self.of(mart) for mart in marts):
            return
        with self._lock:
            self._words = {**self._words, **{mart: self.of(mart) | words for mart in marts}}


class Published:
    """The marts of one published version as a viewer sees them; threads may share it.

    Who does not see everything gets tables that are filled when a query first names them; all else stays views.
    """

    def __init__(
        self,
        folder: Path,
        viewer: Viewer = ORGANISATION,
        *,
        asked: Asked | None = None,
        answers: Answers | None = None,
    ) -> None:
        """
        Args:
            asked: what others have asked of the same marts.
            answers: where answers to ``rows`` are kept; without it each question is asked again.
        """
        # The folder is a link that a run replaces: resolved once, so that all marts read are of the same run.
        self.folder = folder.resolve()
        self.viewer = viewer
        self.marts = frozenset(path.stem for path in self.folder.glob("*.parquet") if _NAME.fullmatch(path.stem))
        self._everything, self._is_eng, self._teams = viewer.key
        self._filling = threading.Lock()
        self._filled: Mapping[str, frozenset[str]] = {}
        self._asked = Asked() if asked is None else asked
        self._answers = answers
        self._schemas: dict[str, tuple[str, ...]] = {}
        self._types: dict[str, dict[str, str]] = {}
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
        words = frozenset(_NAME.findall(sql))
        self._asked.note(self.marts & words, words)
        if self._answers is None:
            names, found = self._answer(sql, words, values)
        else:
            key = (str(self.folder), self.viewer.key, sql, repr(sorted(values.items())))
            names, found = self._answers.get(key, lambda: self._answer(sql, words, values))
        return [dict(zip(names, row, strict=True)) for row in found]

    def relation(self, sql: str, **values: Any) -> duckdb.DuckDBPyRelation:
        """A query that is not run yet, for answers too large to hold; one thread at a time reads from it."""
        self._fill(sql, frozenset(_NAME.findall(sql)))
        return self._connection.cursor().sql(sql, params=values or None)

    def types(self, mart: str) -> dict[str, str]:
        """DuckDB's types of the mart's columns; no row is read for it."""
        if mart not in self._types:
            shape = _reader().sql(f"select * from {self._file(mart)} limit 0")  # noqa: S608 - a known name
            self._types[mart] = dict(zip(shape.columns, map(str, shape.types), strict=True))
        return self._types[mart]

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
        if mart not in self._schemas:
            self._schemas[mart] = tuple(pq.read_schema(self.folder / f"{mart}.parquet").names)
        return self._schemas[mart]

    def _answer(self, sql: str, words: frozenset[str], values: Mapping[str, Any]) -> Answer:
        self._fill(sql, words)
        found = self._connection.cursor().execute(sql, dict(values) or None)
        return tuple(column[0] for column in found.description or ()), found.fetchall()

    def _fill(self, sql: str, words: frozenset[str]) -> None:
        """Fill the tables of the marts that a query names with the columns that it names; a name too many costs time
        and shows nothing."""
        if self._everything:
            return
        is_all = _EVERY_COLUMN.search(sql) is not None
        wanted = {mart: self._wanted(mart, words, is_all=is_all) for mart in self.marts & words}
        if self._has_filled(wanted):
            return
        with self._filling:
            for mart, names in sorted(wanted.items()):
                if not self._has_filled({mart: names}):
                    self._copy(mart, names | self._filled.get(mart, frozenset()))

    def _has_filled(self, wanted: Mapping[str, frozenset[str]]) -> bool:
        return all(mart in self._filled and names <= self._filled[mart] for mart, names in wanted.items())

    def _wanted(self, mart: str, words: frozenset[str], *, is_all: bool) -> frozenset[str]:
        names = self.columns(mart)
        # A table has a column, also where only its rows are counted.
        return frozenset(names) if is_all else frozenset(words.intersection(names) or names[:1])

    def _copy(self, mart: str, names: frozenset[str]) -> None:
        """The own rows; who reads the table of before goes on reading it."""
        every = self.columns(mart)
        names |= self._asked.of(mart).intersection(every)
        chosen = ", ".join(self._own_column(mart, name) for name in every if name in names)
        own = _reader().sql(f"select {chosen} from {self._file(mart)} where {self._condition(mart)}")  # noqa: S608
        cursor = self._connection.cursor()
        cursor.register("own_rows", own.to_arrow_reader())
        cursor.execute(f"create or replace table {mart} as select * from own_rows")  # noqa: S608
        cursor.unregister("own_rows")
        self._filled = {**self._filled, mart: names}

    def _own_column(self, mart: str, name: str) -> str:
        instead = _OTHERS.get((mart, name))
        return f'"{name}"' if instead is None else f'{self._own(instead)} as "{name}"'

    def _condition(self, mart: str) -> str:
        return self._own(RULES[mart]) if self.may_see(mart) else "false"

    def _own(self, sql: str) -> str:
        for name, values in (("teams", sorted(self._teams)), ("apps", self._apps)):
            sql = sql.replace(f"${name}", _text_list(values)).replace(f"$one_of_{name}", _one_of(values))
        return sql

    def _own_apps(self) -> list[str]:
        if "dim_app" not in self.marts:
            return []
        return [row["app"] for row in self.rows("select app from dim_app order by app")]

    def _file(self, mart: str) -> str:
        return f"read_parquet('{_quoted((self.folder / mart).as_posix())}.parquet')"


def _reader() -> duckdb.DuckDBPyConnection:
    """What reads files for viewers who may not: nobody's questions come here, only the rules' own. Opening a database
    takes longer than most of what is read."""
    return _files().cursor()


@cache
def _files() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"autoinstall_known_extensions": "false", "python_enable_replacements": "false"})
    connection.execute("set timezone = 'UTC'")
    return connection


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _one_of(values: Sequence[str]) -> str:
    """For ``in``: written out, so that the engine need not read what has none of them; null is in no list."""
    texts = ", ".join(f"'{_quoted(value)}'" for value in values)
    return f"({texts or 'null'})"


def _text_list(values: Sequence[str]) -> str:
    texts = ", ".join(f"'{_quoted(value)}'" for value in values)
    return f"cast([{texts}] as varchar[])"
