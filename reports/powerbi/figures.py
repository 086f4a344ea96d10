"""Control figures: what the report's measures must say, computed from the published marts.

Here: the star as tables in DuckDB, every measure's SQL in a chosen month, currency, team, app.
Not here: what measures mean (``measures``).

Someone who has refreshed the report compares its cards with these; a difference is a stale refresh or a changed model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from reports.powerbi.expressions import Chosen, Scope, quoted, sql_text
from reports.powerbi.measure import Measure
from reports.powerbi.measures import measures
from reports.powerbi.star import STAR, links, mart_view, marts

CHOICES = {
    "month": ("Date", "year_month"),
    "currency": ("Currency", "currency"),
    "team": ("Team", "team"),
    "app": ("App", "app"),
}
"""What may be chosen, as the slicers of the pages do."""


class FiguresError(ValueError):
    """Published marts that the measures cannot be computed from."""


@dataclass(frozen=True)
class ControlFigure:
    """``value`` is None where Power BI shows a blank; ratios are shares, money is in the chosen currency."""

    measure: Measure
    value: float | None

    @property
    def text(self) -> str:
        """As the measure's format shows it; a dash where it is blank."""
        if self.value is None:
            return "–"
        places = len(self.measure.format.rstrip("%").partition(".")[2])
        return f"{self.value:.{places}%}" if self.measure.format.endswith("%") else f"{self.value:,.{places}f}"


def control_figures(published_dir: Path, **chosen: str) -> list[ControlFigure]:
    """Every visible measure over the marts of the last run.

    Args:
        published_dir: folder with ``<mart>.parquet``.
        chosen: any of ``CHOICES``, such as ``month="2026-10"``, ``currency="EUR"``.

    Raises:
        FiguresError: a mart is not published or lacks a column, or a choice exists nowhere in the marts.
    """
    with connect(published_dir) as connection:
        choices = []
        for name, value in chosen.items():
            table, column = CHOICES[name]
            known = connection.execute(f"SELECT 1 FROM {quoted(table)} WHERE {quoted(column)} = ? LIMIT 1", [value])
            if known.fetchone() is None:
                raise FiguresError(f"no {name} is called {value!r} in the published marts")
            choices.append(Chosen(table, column, sql_text(value)))
        shown = [measure for measure in measures() if not measure.is_hidden]
        values = evaluate(connection, shown, tuple(choices))
        return [ControlFigure(measure, values[measure.name]) for measure in shown]


def connect(published_dir: Path) -> duckdb.DuckDBPyConnection:
    """A connection in which every mart is a view and every table of the star a table of that name.

    Raises:
        FiguresError: a mart is not published or lacks a column.
    """
    connection = duckdb.connect()
    try:
        for mart in marts():
            path = published_dir / f"{mart}.parquet"
            if not path.exists():
                raise FiguresError(f"{mart} is not published in {published_dir}: run the pipeline first")
            described = connection.execute(f"DESCRIBE SELECT * FROM read_parquet({sql_text(str(path))})").fetchall()
            types = {str(row[0]): str(row[1]).lower() for row in described}
            connection.execute(mart_view(mart, str(path), types))
        for table in STAR:
            connection.execute(f"CREATE TABLE {quoted(table.name)} AS {table.rows.sql()}")
    except duckdb.Error as error:
        connection.close()
        raise FiguresError(
            f"the published marts do not fit the Power BI model ({str(error).splitlines()[0]}): build and publish again"
        ) from error
    except FiguresError:
        connection.close()
        raise
    return connection


def evaluate(
    connection: duckdb.DuckDBPyConnection, wanted: list[Measure], chosen: tuple[Chosen, ...]
) -> Mapping[str, float | None]:
    """Value of each measure by name, in the scope that was chosen."""
    meanings = {measure.name: measure.meaning for measure in measures()}
    scope = Scope(links(), meanings, chosen)
    found: dict[str, float | None] = {}
    for measure in wanted:
        row = connection.execute(f"SELECT {measure.meaning.sql(scope)}").fetchone()
        found[measure.name] = None if row is None or row[0] is None else float(row[0])
    return found
