"""What a measure means, said once: the same expression is written as DAX for Power BI and as SQL for control figures.

Here: aggregates with filters, ratios, windows of days, sums over currencies.
Not here: which measures there are (``measures``) and the tables that they are over (``star``).

Rules that both languages follow: an empty sum is blank (null), a division by zero is blank, a difference with a blank
is blank. An amount is blank where its rows are of more than one currency. Measures are combined by name, so no
expression is written twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

DATE_TABLE, DATE_COLUMN = "Date", "date_day"
CURRENCY_TABLE, CURRENCY_COLUMN = "Currency", "currency"


class Expression(Protocol):
    """``measures``: names of the measures that it is made from."""

    @property
    def measures(self) -> tuple[str, ...]: ...

    def dax(self) -> str: ...

    def sql(self, scope: Scope) -> str: ...


@dataclass(frozen=True)
class Chosen:
    """What a slicer chose: a column of a dimension with one value, given as SQL."""

    table: str
    column: str
    value_sql: str


@dataclass(frozen=True)
class Scope:
    """Where an expression is evaluated, as Power BI's filter context is.

    ``links``: of every table, the column that leads to each dimension, and the dimension's key. ``days``: first and
    last day, as SQL, in place of all choices on the calendar. ``meanings``: the expression of every measure.
    """

    links: Mapping[str, Mapping[str, tuple[str, str]]]
    meanings: Mapping[str, Expression]
    chosen: tuple[Chosen, ...] = ()
    days: tuple[str, str] | None = None

    def rows(self, table: str, more: Sequence[str] = ()) -> str:
        """``FROM … WHERE …`` of a table's rows in this scope, as ``t``."""
        terms = [*more]
        for choice in self.chosen:
            if self.days is not None and choice.table == DATE_TABLE:
                continue
            if choice.table == table:
                terms.append(f"t.{quoted(choice.column)} = {choice.value_sql}")
                continue
            link = self.links.get(table, {}).get(choice.table)
            if link is None:
                continue
            column, key = link
            if choice.column == key:
                terms.append(f"t.{quoted(column)} = {choice.value_sql}")
            else:
                terms.append(
                    f"t.{quoted(column)} IN (SELECT d.{quoted(key)} FROM {quoted(choice.table)} AS d "
                    f"WHERE d.{quoted(choice.column)} = {choice.value_sql})"
                )
        if self.days is not None:
            day = DATE_COLUMN if table == DATE_TABLE else self.links.get(table, {}).get(DATE_TABLE, ("", ""))[0]
            if day:
                terms.append(f"t.{quoted(day)} BETWEEN {self.days[0]} AND {self.days[1]}")
        return f"FROM {quoted(table)} AS t" + (f" WHERE {' AND '.join(terms)}" if terms else "")


@dataclass(frozen=True)
class Is:
    """A condition on rows: the column has one of these values."""

    column: str
    values: tuple[str | bool, ...]

    def dax(self, table: str) -> str:
        values = [_dax_value(value) for value in self.values]
        column = dax_column(table, self.column)
        return f"{column} = {values[0]}" if len(values) == 1 else f"{column} IN {{{', '.join(values)}}}"

    def sql(self) -> str:
        return f"t.{quoted(self.column)} IN ({', '.join(_sql_value(value) for value in self.values)})"


@dataclass(frozen=True)
class Blank:
    """A condition on rows: the column has no value."""

    column: str

    def dax(self, table: str) -> str:
        return f"ISBLANK({dax_column(table, self.column)})"

    def sql(self) -> str:
        return f"t.{quoted(self.column)} IS NULL"


@dataclass(frozen=True)
class Aggregate:
    """SUM, MIN or MAX of a column over the rows that meet ``where``; blank unless each of ``single`` has one value."""

    function: str
    table: str
    column: str
    where: tuple[Is | Blank, ...] = ()
    single: tuple[str, ...] = ()

    @property
    def measures(self) -> tuple[str, ...]:
        return ()

    def dax(self) -> str:
        inner = f"{self.function}({dax_column(self.table, self.column)})"
        if self.single:
            tests = " && ".join(f"DISTINCTCOUNTNOBLANK({dax_column(self.table, name)}) = 1" for name in self.single)
            inner = f"IF({tests}, {inner})"
        return _calculate(inner, self.table, self.where)

    def sql(self, scope: Scope) -> str:
        inner = f"{self.function.lower()}(t.{quoted(self.column)})"
        if self.single:
            tests = " AND ".join(f"count(DISTINCT t.{quoted(name)}) = 1" for name in self.single)
            inner = f"CASE WHEN {tests} THEN {inner} END"
        return f"(SELECT {inner} {scope.rows(self.table, [term.sql() for term in self.where])})"


@dataclass(frozen=True)
class Count:
    """How many rows meet ``where``; zero where none does."""

    table: str
    where: tuple[Is | Blank, ...] = ()

    @property
    def measures(self) -> tuple[str, ...]:
        return ()

    def dax(self) -> str:
        return _calculate(f"COUNTROWS({dax_table(self.table)})", self.table, self.where) + " + 0"

    def sql(self, scope: Scope) -> str:
        return f"(SELECT count(*) {scope.rows(self.table, [term.sql() for term in self.where])})"


@dataclass(frozen=True)
class Newest:
    """A column's value on the newest day in view that has one; blank unless that is one row's, and all rows in view are
    alike in ``alike`` (blank is a value of its own).

    For what is no sum, such as an average that a mart tells every day: of several things there is no such value.
    """

    table: str
    day: str
    column: str
    alike: tuple[str, ...]

    @property
    def measures(self) -> tuple[str, ...]:
        return ()

    def dax(self) -> str:
        table = dax_table(self.table)
        day, column = dax_column(self.table, self.day), dax_column(self.table, self.column)
        known = f"KEEPFILTERS(NOT ISBLANK({column}))"
        tests = " && ".join(f"DISTINCTCOUNT({dax_column(self.table, name)}) = 1" for name in self.alike)
        return "\n".join(
            [
                f"VAR newest_day = CALCULATE(MAX({day}), {known})",
                f"VAR newest_rows = CALCULATETABLE({table}, {known}, KEEPFILTERS({day} = newest_day))",
                f"RETURN IF({tests} && COUNTROWS(newest_rows) = 1, MAXX(newest_rows, {column}))",
            ]
        )

    def sql(self, scope: Scope) -> str:
        column, day = f"t.{quoted(self.column)}", f"t.{quoted(self.day)}"
        known = f"{column} IS NOT NULL"
        newest = f"{day} = (SELECT max({day}) {scope.rows(self.table, [known])})"
        value = f"SELECT CASE WHEN count(*) = 1 THEN max({column}) END {scope.rows(self.table, [known, newest])}"
        names = [f"t.{quoted(name)}" for name in self.alike]
        tests = [f"count(DISTINCT {name}) + max(CASE WHEN {name} IS NULL THEN 1 ELSE 0 END) = 1" for name in names]
        return f"(CASE WHEN (SELECT {' AND '.join(tests)} {scope.rows(self.table)}) THEN ({value}) END)"


@dataclass(frozen=True)
class Constant:
    """A number; ``text`` is the same in both languages."""

    text: str

    @property
    def measures(self) -> tuple[str, ...]:
        return ()

    def dax(self) -> str:
        return self.text

    def sql(self, scope: Scope) -> str:
        return f"({self.text})"


@dataclass(frozen=True)
class Ratio:
    """``part`` ÷ ``whole``, measures by name."""

    part: str
    whole: str

    @property
    def measures(self) -> tuple[str, ...]:
        return (self.part, self.whole)

    def dax(self) -> str:
        return f"DIVIDE([{self.part}], [{self.whole}])"

    def sql(self, scope: Scope) -> str:
        return f"({_of(scope, self.part)} / NULLIF({_of(scope, self.whole)}, 0))"


@dataclass(frozen=True)
class Difference:
    """``first`` − ``second``; with ``relative``, as a share of ``second``."""

    first: str
    second: str
    relative: bool = False

    @property
    def measures(self) -> tuple[str, ...]:
        return (self.first, self.second)

    def dax(self) -> str:
        inner = f"[{self.first}] - [{self.second}]"
        inner = f"DIVIDE({inner}, [{self.second}])" if self.relative else inner
        return f"IF(NOT ISBLANK([{self.first}]) && NOT ISBLANK([{self.second}]), {inner})"

    def sql(self, scope: Scope) -> str:
        first, second = _of(scope, self.first), _of(scope, self.second)
        return f"(({first} - {second}) / NULLIF({second}, 0))" if self.relative else f"({first} - {second})"


@dataclass(frozen=True)
class Unless:
    """``measure``, but blank where ``count`` is not zero: a sum that would lack rows is not told."""

    measure: str
    count: str

    @property
    def measures(self) -> tuple[str, ...]:
        return (self.measure, self.count)

    def dax(self) -> str:
        return f"IF([{self.count}] = 0, [{self.measure}])"

    def sql(self, scope: Scope) -> str:
        return f"(CASE WHEN {_of(scope, self.count)} = 0 THEN {_of(scope, self.measure)} END)"


@dataclass(frozen=True)
class WhateverCurrency:
    """``measure`` of all rows, whichever currency is chosen: what has no price has no currency."""

    measure: str

    @property
    def measures(self) -> tuple[str, ...]:
        return (self.measure,)

    def dax(self) -> str:
        return f"CALCULATE([{self.measure}], REMOVEFILTERS({dax_table(CURRENCY_TABLE)}))"

    def sql(self, scope: Scope) -> str:
        others = tuple(choice for choice in scope.chosen if choice.table != CURRENCY_TABLE)
        return _of(replace(scope, chosen=others), self.measure)


@dataclass(frozen=True)
class EachDay:
    """``measure`` where one day is in view; blank otherwise: ends of daily intervals do not sum to those of a month."""

    measure: str

    @property
    def measures(self) -> tuple[str, ...]:
        return (self.measure,)

    def dax(self) -> str:
        return f"IF(HASONEVALUE({dax_column(DATE_TABLE, DATE_COLUMN)}), [{self.measure}])"

    def sql(self, scope: Scope) -> str:
        days = f"(SELECT count(*) {scope.rows(DATE_TABLE)})"
        return f"(CASE WHEN {days} = 1 THEN {_of(scope, self.measure)} END)"


@dataclass(frozen=True)
class Window:
    """Days around the newest billed day in view. ``needs_first_day``: blank unless the bill reaches back to them."""

    first_dax: str
    last_dax: str
    first_sql: Callable[[str], str]
    last_sql: Callable[[str], str]
    needs_first_day: bool = False


def _month_start(day: str, months: int = 0) -> str:
    return f"CAST(date_trunc('month', {day}) - INTERVAL {months} MONTH AS DATE)"


def _day_before(day: str) -> str:
    return f"CAST({day} - INTERVAL 1 DAY AS DATE)"


def _days_before(count: int) -> Callable[[str], str]:
    return lambda day: f"CAST({day} - INTERVAL {count} DAY AS DATE)"


def _same_day_before(day: str) -> str:
    month_end = _day_before(_month_start(day))
    return f"(CASE WHEN last_day({day}) = {day} THEN {month_end} ELSE CAST({day} - INTERVAL 1 MONTH AS DATE) END)"


MONTH_TO_DATE = Window("EOMONTH(through_day, -1) + 1", "through_day", _month_start, lambda day: day)
SAME_DAYS_BEFORE = Window(
    "EOMONTH(through_day, -2) + 1",
    "IF(through_day = EOMONTH(through_day, 0), EOMONTH(through_day, -1), EDATE(through_day, -1))",
    lambda day: _month_start(day, 1),
    _same_day_before,
    needs_first_day=True,
)
MONTH_BEFORE = Window(
    "EOMONTH(through_day, -2) + 1",
    "EOMONTH(through_day, -1)",
    lambda day: _month_start(day, 1),
    lambda day: _day_before(_month_start(day)),
    needs_first_day=True,
)
WHOLE_MONTH = Window(
    "EOMONTH(through_day, -1) + 1", "EOMONTH(through_day, 0)", _month_start, lambda day: f"last_day({day})"
)
SEVEN_DAYS = Window("through_day - 6", "through_day", _days_before(6), lambda day: day)
THIRTY_DAYS = Window("through_day - 29", "through_day", _days_before(29), lambda day: day)
THIRTY_DAYS_BEFORE = Window("through_day - 59", "through_day - 30", _days_before(59), _days_before(30))
SINCE_BILLED = Window(
    "through_day + 1",
    "DATE(2999, 12, 31)",
    lambda day: f"CAST({day} + INTERVAL 1 DAY AS DATE)",
    lambda day: "DATE '2999-12-31'",
)
ALL_DAYS = Window("DATE(1900, 1, 1)", "DATE(2999, 12, 31)", lambda day: "DATE '1900-01-01'", SINCE_BILLED.last_sql)


@dataclass(frozen=True)
class During:
    """``measure`` in a window of days, whatever days are in view."""

    window: Window
    measure: str

    @property
    def measures(self) -> tuple[str, ...]:
        return (self.measure,)

    def dax(self) -> str:
        day = dax_column(DATE_TABLE, DATE_COLUMN)
        billed = dax_column(CURRENCY_TABLE, "billed_through")
        moved = (
            f"CALCULATE([{self.measure}], REMOVEFILTERS({dax_table(DATE_TABLE)}), "
            f"{day} >= first_day && {day} <= last_day)"
        )
        if self.window.needs_first_day:
            moved = f"IF(MAX({dax_column(CURRENCY_TABLE, 'billed_from')}) <= first_day, {moved})"
        return "\n".join(
            [
                f"VAR billed_day = MAX({billed})",
                f"VAR through_day = IF(NOT ISBLANK(billed_day), MIN(MAX({day}), billed_day))",
                f"VAR first_day = {self.window.first_dax}",
                f"VAR last_day = {self.window.last_dax}",
                f"RETURN IF(NOT ISBLANK(through_day), {moved})",
            ]
        )

    def sql(self, scope: Scope) -> str:
        newest = f"(SELECT max(t.{quoted(DATE_COLUMN)}) {scope.rows(DATE_TABLE)})"
        billed = f"(SELECT max(t.billed_through) {scope.rows(CURRENCY_TABLE)})"
        through = f"(CASE WHEN {billed} IS NOT NULL THEN least({newest}, {billed}) END)"
        first, last = self.window.first_sql(through), self.window.last_sql(through)
        inner = _of(replace(scope, days=(first, last)), self.measure)
        terms = [f"{through} IS NOT NULL"]
        if self.window.needs_first_day:
            terms.append(f"(SELECT max(t.billed_from) {scope.rows(CURRENCY_TABLE)}) <= {first}")
        return f"(CASE WHEN {' AND '.join(terms)} THEN {inner} END)"


@dataclass(frozen=True)
class InReportingCurrency:
    """``measure`` of every currency at its newest rate, summed over the currencies that have ``needed``.

    Blank where one of them has no such amount or no rate: a sum over the others would pass for the whole.
    """

    measure: str
    needed: str

    @property
    def measures(self) -> tuple[str, ...]:
        return (self.measure, self.needed)

    def dax(self) -> str:
        currencies = f"VALUES({dax_column(CURRENCY_TABLE, CURRENCY_COLUMN)})"
        rate = f"CALCULATE(MAX({dax_column(CURRENCY_TABLE, 'newest_rate')}))"
        return "\n".join(
            [
                f"VAR spending = FILTER({currencies}, NOT ISBLANK([{self.needed}]))",
                f"VAR lacking = COUNTROWS(FILTER(spending, ISBLANK([{self.measure}]) || ISBLANK({rate})))",
                f"RETURN IF(lacking = 0, SUMX(spending, [{self.measure}] * {rate}))",
            ]
        )

    def sql(self, scope: Scope) -> str:
        each = replace(
            scope,
            chosen=(
                *(c for c in scope.chosen if c.table != CURRENCY_TABLE),
                Chosen(CURRENCY_TABLE, CURRENCY_COLUMN, "c.currency"),
            ),
        )
        rows = scope.rows(CURRENCY_TABLE).replace(" AS t", " AS c").replace("t.", "c.")
        return (
            "(SELECT CASE WHEN count(*) FILTER (WHERE x.amount IS NULL OR x.rate IS NULL) = 0 "
            "THEN sum(x.amount * x.rate) END FROM ("
            f"SELECT c.newest_rate AS rate, {_of(each, self.measure)} AS amount, {_of(each, self.needed)} AS needed "
            f"{rows}) AS x WHERE x.needed IS NOT NULL)"
        )


def amount(
    table: str, column: str, currency: str, *where: Is | Blank, single: tuple[str, ...] = (), function: str = "SUM"
) -> Aggregate:
    """Money: an aggregate that is blank over rows of several currencies."""
    return Aggregate(function, table, column, where, (currency, *single))


def dax_table(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"


def dax_column(table: str, column: str) -> str:
    return f"{dax_table(table)}[{column}]"


def quoted(name: str) -> str:
    """A name as SQL."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def sql_text(value: str) -> str:
    """A text as SQL."""
    escaped = value.replace("'", "''")
    return f"'{escaped}'"


def _of(scope: Scope, measure: str) -> str:
    return scope.meanings[measure].sql(scope)


def _calculate(inner: str, table: str, where: Sequence[Is | Blank]) -> str:
    """Filters narrow what is in view; without KEEPFILTERS they would replace a slicer's choice on the same column."""
    if not where:
        return inner
    return f"CALCULATE({', '.join([inner, *(f'KEEPFILTERS({term.dax(table)})' for term in where)])})"


def _dax_value(value: str | bool) -> str:
    if isinstance(value, bool):
        return "TRUE()" if value else "FALSE()"
    escaped = value.replace('"', '""')
    return f'"{escaped}"'


def _sql_value(value: str | bool) -> str:
    return str(value).upper() if isinstance(value, bool) else sql_text(value)
