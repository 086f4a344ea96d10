"""Service objectives: what was promised, what was reached, how much of each error budget is burned.

Here: the newest whole day of each objective.
Not here: latency and errors beside their cost (``service``).
"""

from __future__ import annotations

from decimal import Decimal

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask, Rows
from reports.dashboards.model import Cell, Column, Gauge, Note, Row, Table, Target, Tile, Tone

ALERT_BURNED, PAGE_BURNED = Decimal("0.4"), Decimal("0.8")
"""Shares of an error budget at which somebody is alerted, and at which somebody is woken."""
HEADLINES = 3


def objectives_of(ask: Ask) -> Rows:
    """The newest whole day of each objective, most of its error budget burned first."""
    return ask.rows(
        """select objective_id, objective_name, aspect, latency_target_milliseconds, target_ratio, window_good_ratio,
                  budget_burned_ratio, burn_rate_1d, burn_rate_7d, burn_rate_28d, window_days, is_met, usage_date,
                  window_bad_request_count, window_error_budget
           from fct_service_objective_daily
           where is_complete
           qualify row_number() over (partition by objective_id, aspect order by usage_date desc) = 1
           order by budget_burned_ratio desc nulls last, objective_name, aspect""",
    )


def burned(objectives: Rows, share: Decimal) -> Rows:
    """Those that have burned at least ``share`` of their error budget."""
    return [row for row in objectives if row["budget_burned_ratio"] is not None and row["budget_burned_ratio"] >= share]


def _state(burned: Decimal | None) -> tuple[str, Tone]:
    if burned is None:
        return "Not known", "neutral"
    if burned >= 1:
        return "Overspent", "bad"
    if burned >= PAGE_BURNED:
        return "Page", "bad"
    if burned >= ALERT_BURNED:
        return "Alert", "warn"
    return "Fine", "good"


def tiles(objectives: Rows) -> list[Tile]:
    """The one with most of its error budget burned; nothing where there are none."""
    if not objectives:
        return []
    worst = objectives[0]
    share = worst["budget_burned_ratio"]
    _, tone = _state(share)
    return [
        Tile(
            "Error budget burned, most",
            cells.NOTHING if share is None else f.percent(share),
            f"{worst['objective_name']}, {worst['aspect']}",
            f"{f.count(len(burned(objectives, ALERT_BURNED)), 'objective')} of {len(objectives)} above "
            f"{f.percent(ALERT_BURNED)}",
            tone=tone,
            gauge=None if share is None else Gauge(float(share), tone=tone),
            target=Target("on-call", anchor="objectives"),
        )
    ]


def headlines(objectives: Rows) -> list[Note]:
    notes = []
    for row in burned(objectives, ALERT_BURNED)[:HEADLINES]:
        text, tone = _state(row["budget_burned_ratio"])
        notes.append(
            Note(
                f"{row['objective_name']}, {row['aspect']}: {f.percent(row['budget_burned_ratio'])} of the error "
                f"budget of {row['window_days']} days is burned ({text.lower()}).",
                tone,
            )
        )
    return notes


def lead() -> str:
    return (
        f"An error budget is what may go wrong in the window. At {f.percent(ALERT_BURNED)} burned somebody is alerted, "
        f"at {f.percent(PAGE_BURNED)} woken."
    )


def table(ask: Ask, objectives: Rows) -> Table:
    def rate(value: Decimal | None) -> Cell:
        if value is None:
            return Cell(cells.NOTHING)
        return Cell(f"{value:.1f}×", sort=value, tone="warn" if value > 1 else "")

    rows = []
    for row in objectives:
        limit, target = row["latency_target_milliseconds"], row["target_ratio"]
        promise = (
            f"{f.percent(target, 1)} without an error"
            if row["aspect"] == "availability"
            else f"{f.percent(target, 1)} within {limit / 1000:g} s"
        )
        share = row["budget_burned_ratio"]
        text, tone = _state(share)
        rows.append(
            Row(
                (
                    cells.text(row["objective_name"], small=row["aspect"]),
                    cells.text(promise, small=f"over {row['window_days']} days"),
                    cells.share(row["window_good_ratio"], 2),
                    Cell(
                        cells.NOTHING if share is None else f.percent(share),
                        sort=share,
                        gauge=None if share is None else Gauge(float(share), tone=tone),
                    ),
                    Cell(
                        f"{f.whole(row['window_bad_request_count'])} of {f.whole(row['window_error_budget'])}",
                        sort=row["window_bad_request_count"],
                    ),
                    rate(row["burn_rate_1d"]),
                    rate(row["burn_rate_7d"]),
                    rate(row["burn_rate_28d"]),
                    cells.badge(text, tone),
                )
            )
        )
    through = f" Through {f.day(max(row['usage_date'] for row in objectives))}." if objectives else ""
    return Table(
        "objectives",
        "Objectives and their error budgets",
        (
            Column("Objective"),
            Column("Promise"),
            Column("Reached", "number"),
            Column("Error budget burned", "bar", "The mark is the whole budget"),
            Column("Bad requests", "number", "Of those that the window may have"),
            Column("Burn, 1 day", "number", "At 1 the budget lasts for the window, at 2 for half of it"),
            Column("7 days", "number"),
            Column("28 days", "number"),
            Column("State", "badge"),
        ),
        tuple(rows),
        ask.empty("fct_service_objective_daily", "No objective is set; add service_levels to config/units.yml."),
        f"Counted in requests.{through} aifinops service-levels has them beside their cost." if rows else "",
        export="fct_service_objective_daily",
    )
