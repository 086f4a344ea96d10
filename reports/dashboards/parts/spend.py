"""What was spent on AI: in all, by anything that the bill names, by day and month, and estimated since the bill.

Here: exact sums of ``fct_ai_cost_daily`` and ``fct_usage_cost_hourly`` for a period and the one it is compared with.
Not here: budgets and projections (``budgets``), owners (``allocation``).

Spend is effective (amortised) cost; what was invoiced for the same days (billed cost) is told beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

import pandas as pd

from finops import money
from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Cell, Column, Note, Row, Table, Target, Tile
from reports.dashboards.parts import words
from reports.frames import ZERO
from reports.marts import from_rows
from reports.measures.health import EstimatedUsage, estimated_usage
from reports.measures.missing import Missing

Dimension = Literal[
    "team",
    "app",
    "business_unit",
    "cost_center",
    "service_name",
    "model",
    "environment",
    "ai_category",
    "project",
    "region_id",
]
DAYS_SHOWN = 60
SPARK_DAYS = 30

_PERIODS = "(usage_date between $first and $last or usage_date between $before_first and $before_last)"
_TOTAL = f"""
select coalesce(sum(effective_cost) filter (is_ai and now and {{scope}}), 0) as now,
       coalesce(sum(billed_cost) filter (is_ai and now and {{scope}}), 0) as billed,
       coalesce(sum(effective_cost) filter (is_ai and not now and {{scope}}), 0) as before,
       coalesce(sum(effective_cost) filter (now and {{scope}}), 0) as whole_bill,
       (select min(usage_date) from fct_ai_cost_daily where billing_currency = $currency) as oldest
from (select team, app, is_ai, effective_cost, billed_cost, usage_date between $first and $last as now
      from fct_ai_cost_daily where billing_currency = $currency and {_PERIODS})
"""  # noqa: S608 - put together from constants
_BY = f"""
select {{columns}}, grouping_id({{columns}}) as dimension,
       coalesce(sum(effective_cost) filter (usage_date between $first and $last), 0) as now,
       coalesce(sum(effective_cost) filter (usage_date not between $first and $last), 0) as before
from fct_ai_cost_daily
where is_ai and billing_currency = $currency and {{scope}} and {_PERIODS}
group by grouping sets ({{sets}})
having now <> 0 or before <> 0
"""  # noqa: S608
_DAILY = """
select usage_date as day, column_name as name, sum(effective_cost) as cost
from fct_ai_cost_daily
where is_ai and billing_currency = $currency and {scope} and usage_date between $since and $until
group by all
order by 1, 2
"""
_ESTIMATED = """
select usage_hour::date as day, column_name as name, team, model, price_status, max(usage_hour) as usage_hour,
       sum(tokens) as tokens, sum(estimated_cost) as estimated_cost, true as is_attributable
from fct_usage_cost_hourly
where is_attributable and (currency = $currency or currency is null) and {scope}
      and usage_hour >= $through + interval 1 day and usage_hour <= $as_of
group by all
"""


@dataclass(frozen=True)
class Total:
    """AI spend of the period; ``before`` is None where bills do not reach back. ``whole_bill``: with what is no AI."""

    now: Decimal
    billed: Decimal
    before: Decimal | None
    whole_bill: Decimal


@dataclass(frozen=True)
class Part:
    """Spend of one value of a dimension; ``name`` None: the bill names none."""

    name: str | None
    now: Decimal
    before: Decimal | None


@dataclass(frozen=True)
class Estimate:
    """Priced usage after the last billed day; ``rows`` have ``day, name, cost``. Never added to what is billed."""

    found: EstimatedUsage | Missing
    rows: pd.DataFrame


def total(ask: Ask) -> Total:
    row = ask.one(_TOTAL)
    oldest = row.get("oldest")
    known = oldest is not None and oldest <= ask.view.period.before_first
    return Total(
        row.get("now", ZERO),
        row.get("billed", ZERO),
        row.get("before", ZERO) if known else None,
        row.get("whole_bill", ZERO),
    )


def by(ask: Ask, whole: Total, *dimensions: Dimension) -> dict[Dimension, list[Part]]:
    """Parts of ``whole`` by each dimension, most money first, what has no name last. They sum to it exactly."""
    asked = _BY.replace("{columns}", ", ".join(dimensions)).replace(
        "{sets}", ", ".join(f"({dimension})" for dimension in dimensions)
    )
    # The bit of a column in grouping_id() is 0 where rows are grouped by it, the last column's bit is the lowest.
    every = 2 ** len(dimensions) - 1
    of_id = {every - 2**n: dimension for n, dimension in enumerate(reversed(dimensions))}
    found: dict[Dimension, list[Part]] = {dimension: [] for dimension in dimensions}
    for row in ask.rows(asked):
        dimension = of_id[row["dimension"]]
        found[dimension].append(Part(row[dimension], row["now"], None if whole.before is None else row["before"]))
    for parts in found.values():
        parts.sort(key=lambda part: (part.name is None, -part.now, part.name or ""))
    return found


def daily(ask: Ask, dimension: Dimension, since: date, until: date) -> pd.DataFrame:
    """``day, name, cost`` of each billed day."""
    found = ask.rows(_DAILY.replace("column_name", dimension), since=since, until=until)
    return pd.DataFrame(found, columns=["day", "name", "cost"]).astype({"name": object})


def shown_days(ask: Ask) -> tuple[date, date]:
    """What charts of days show: the period, and at least 60 days, so that there is something to compare with."""
    last = ask.view.period.last
    return min(ask.view.period.first, last - timedelta(days=DAYS_SHOWN - 1)), last


def sparks(days: pd.DataFrame, last: date) -> Mapping[str | None, tuple[float, ...]]:
    """Cost of each of the newest 30 days by name, oldest first."""
    found: dict[str | None, list[float]] = {}
    for day, name, cost in days.itertuples(index=False):
        ago = (last - day).days
        if 0 <= ago < SPARK_DAYS:
            values = found.setdefault(name if isinstance(name, str) else None, [0.0] * SPARK_DAYS)
            values[SPARK_DAYS - 1 - ago] += float(cost)
    return {name: tuple(values) for name, values in found.items()}


def spark_days(ask: Ask) -> tuple[date, date]:
    return ask.view.period.last - timedelta(days=SPARK_DAYS - 1), ask.view.period.last


def all_of(trend: Mapping[str | None, tuple[float, ...]]) -> tuple[float, ...]:
    """The sum of all sparks, day by day."""
    return tuple(sum(values) for values in zip(*trend.values(), strict=True))


def estimate(ask: Ask, dimension: Literal["team", "app", "model"]) -> Estimate:
    """Usage priced from the price book after the last billed day; nothing for periods that ended before."""
    nothing = pd.DataFrame(columns=["day", "name", "cost"])
    if not ask.is_current:
        return Estimate(Missing("The period is billed; nothing of it is estimated."), nothing)
    rows = ask.rows(_ESTIMATED.replace("column_name", dimension), as_of=ask.view.as_of.replace(tzinfo=None))
    if not rows:
        ever = ask.rows("select 1 as one from fct_usage_cost_hourly where {scope} limit 1")
        reason = (
            "No usage has arrived since the last billed day."
            if ever
            else "No model usage has arrived; connect gateway spans, usage files or Azure Monitor."
        )
        return Estimate(Missing(reason), nothing)
    priced = [row for row in rows if row["estimated_cost"] is not None]
    return Estimate(
        estimated_usage(
            from_rows("fct_usage_cost_hourly", rows), ask.view.billed_through, ask.view.as_of.replace(tzinfo=None)
        ),
        pd.DataFrame(
            [(row["day"], row["name"], row["estimated_cost"]) for row in priced], columns=["day", "name", "cost"]
        ).astype({"name": object}),
    )


# ── tiles and sentences ───────────────────────────────────────────────────────────────────────────────────────────────


def tile(ask: Ask, whole: Total, spark: Sequence[float], target: Target | None = None) -> Tile:
    period = ask.view.period
    foot = words.period_words(period)
    if whole.billed != whole.now:
        foot += f"; {f.whole_money(whole.billed, ask.currency)} was invoiced for the same days"
    return Tile(
        "AI spend",
        f.whole_money(whole.now, ask.currency),
        sub=words.change_words(whole.now, whole.before, period),
        foot=f"{foot}.",
        spark=tuple(spark),
        spark_label="Daily AI spend of the last 30 billed days",
        target=target,
    )


def estimate_tile(ask: Ask, found: Estimate) -> Tile:
    usage = found.found
    if isinstance(usage, Missing):
        return Tile("Estimated since the bill", "None", sub=usage.reason)
    foot = "Model usage at list price; in no billed figure."
    if usage.unpriced_tokens:
        names = words.listed(usage.unpriced_models) or "unnamed models"
        foot += f" {f.compact(usage.unpriced_tokens)} tokens of {names} have no price and are not in it."
    return Tile(
        "Estimated since the bill",
        f.whole_money(usage.cost, ask.currency),
        sub=f"{f.day(usage.since)} to {f.moment(usage.through)}",
        foot=foot,
    )


def share_note(ask: Ask, whole: Total) -> Note:
    """What part of the whole bill AI is, and what amounts mean."""
    share = f"{f.percent(whole.now / whole.whole_bill)} of " if whole.whole_bill > 0 else "part of "
    text = (
        f"AI is {share}a bill of {f.money(whole.whole_bill, ask.currency)}, {words.period_words(ask.view.period)}. "
        "Amounts are effective (amortised) cost"
    )
    if whole.billed != whole.now:
        text += f"; {f.money(whole.billed, ask.currency)} was invoiced for the same days"
    return Note(f"{text}.")


# ── tables ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def parts_table(
    ask: Ask,
    key: str,
    title: str,
    heading: str,
    parts: Sequence[Part],
    whole: Total,
    name_cell: Mapping[str | None, Cell] | None = None,
    *,
    most: int = 12,
) -> Table:
    """Values of a dimension by money with their share and change; the total is the tile's.

    A dimension that the bill names nothing of is told in words: one row of everything says nothing.
    """
    if parts and all(part.name is None for part in parts):
        parts = ()
    shown = shortened(parts, most)
    names = name_cell or {}
    columns = (
        Column(heading),
        Column("Spend", "number"),
        Column("Share", "bar"),
        Column("Change", "number", f"Against {ask.view.period.before_label}"),
    )

    def row(part: Part, name: Cell) -> Row:
        return Row(
            (
                name,
                cells.money(part.now, ask.currency),
                words.share_cell(part.now, whole.now),
                words.change_cell(part.now, part.before, ask.currency),
            )
        )

    def named(part: Part) -> Cell:
        return names.get(part.name) or Cell(part.name or words.NOT_NAMED)

    return Table(
        key,
        title,
        columns,
        tuple(row(part, named(part)) for part in shown),
        f"The bill of {words.period_words(ask.view.period)} names no {heading.lower()}.",
        caption=f"{words.period_words(ask.view.period)}; change against {ask.view.period.before_label}.",
        total=row(Part("All AI spend", whole.now, whole.before), Cell("All AI spend")),
        export="fct_ai_cost_daily",
    )


_TITLES: Mapping[Dimension, str] = {
    "service_name": "Service",
    "model": "Model",
    "environment": "Environment",
    "project": "Project",
    "business_unit": "Business unit",
    "region_id": "Region",
}


def by_table(ask: Ask, parts: Mapping[Dimension, Sequence[Part]], dimension: Dimension, whole: Total) -> Table:
    """A dimension of the bill as a table of its own; ``parts``: of ``by``."""
    title = _TITLES[dimension]
    links = {part.name: cells.model(part.name) for part in parts[dimension]} if dimension == "model" else {}
    return parts_table(
        ask,
        f"by-{dimension.removesuffix('_name').removesuffix('_id').replace('_', '-')}",
        f"By {title.lower()}",
        title,
        parts[dimension],
        whole,
        {**links, None: Cell(f"No {title.lower()} named")},
    )


def app_cells(parts: Sequence[Part]) -> Mapping[str | None, Cell]:
    return {part.name: cells.app(part.name) for part in parts}


def shortened(parts: Sequence[Part], most: int) -> list[Part]:
    """The dearest parts, the rest of those with a name together, and what has none: it is never hidden in the rest."""
    named = [part for part in parts if part.name is not None]
    nameless = [part for part in parts if part.name is None]
    rest = named[most:]
    if len(rest) > 1:
        before = [part.before for part in rest if part.before is not None]
        rest = [
            Part(
                f"{len(rest)} more",
                money.total(part.now for part in rest),
                money.total(before) if before else None,
            )
        ]
    return [*named[:most], *rest, *nameless]
