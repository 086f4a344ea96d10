"""How far each kind of data reaches, as the viewer sees it.

Here: the newest moments that the measure needs, asked of the marts without reading them whole; a table and a sentence.
Not here: what counts as late (``reports.measures.health``), the state of each source (``sources``).
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Cell, Column, Link, Note, Row, Table, Target
from reports.measures.health import Freshness, freshness


def ages_of(ask: Ask) -> tuple[Freshness, ...]:
    """Bills by provider, usage by source, GPU metrics and the forecast; by kind where nothing arrived."""

    def frame(sql: str, column: str) -> pd.DataFrame:
        rows = ask.rows(sql)
        names = list(rows[0]) if rows else [*("provider_name", "source"), column]
        read = pd.DataFrame(rows, columns=names)
        return read.assign(**{column: pd.to_datetime(read[column]).astype("datetime64[us]")})

    cost = frame(
        "select provider_name, max(usage_date) as usage_date from fct_ai_cost_daily where is_ai group by 1 order by 1",
        "usage_date",
    )
    return freshness(
        cost.assign(is_ai=True),
        frame(
            "select source, max(usage_hour) as usage_hour from fct_usage_cost_hourly group by 1 order by 1",
            "usage_hour",
        ),
        frame("select max(usage_hour) as usage_hour from fct_gpu_hourly", "usage_hour"),
        frame("select max(as_of) as as_of from fct_forecast_daily", "as_of"),
        ask.view.as_of.replace(tzinfo=None),
    )


def headline(known: Sequence[Freshness]) -> Note:
    """Whether what has arrived is up to date; ``known``: what ``ages_of`` knows to have arrived."""
    late = [line.name for line in known if line.is_late]
    health = Link("Data health", Target("data-health"))
    if not known:
        return Note("No data has arrived that this page could stand on.", "warn", health)
    if late:
        return Note(f"Late: {', '.join(late)}. Guardrails do not act on old data.", "warn", health)
    return Note("All data that this page stands on is up to date.", "good", health)


def table(ages: Sequence[Freshness]) -> Table:
    rows = []
    for line in ages:
        if line.through is None or line.age_hours is None:
            rows.append(
                Row(
                    (
                        _name_cell(line),
                        Cell("nothing arrived"),
                        Cell(cells.NOTHING),
                        cells.badge("No data", "neutral"),
                    )
                )
            )
            continue
        rows.append(
            Row(
                (
                    _name_cell(line),
                    Cell(f.moment(line.through), sort=line.through.isoformat()),
                    Cell(f.age(line.age_hours), sort=line.age_hours),
                    cells.badge("Late", "warn") if line.is_late else cells.badge("Up to date", "good"),
                )
            )
        )
    return Table(
        "freshness",
        "How far each kind of data reaches",
        (Column("Data"), Column("Reaches"), Column("Age", "number"), Column("State", "badge")),
        tuple(rows),
        "No data has arrived.",
    )


def _name_cell(line: Freshness) -> Cell:
    return cells.text(line.name, target=Target("asset", line.mart))
