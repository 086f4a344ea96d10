"""A dashboard with every part that a page can have, and names that would be markup, script or a path elsewhere.

Here: the page of any view, its frame, and files of it in several periods and currencies.
Not here: what is asserted of it; pages of the product (``reports.dashboards.pages``).
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import cast

from reports.dashboards.access import Published
from reports.dashboards.choices import Choice
from reports.dashboards.model import (
    Cell,
    Column,
    Gauge,
    Link,
    Note,
    Notes,
    Page,
    Row,
    Section,
    Table,
    Target,
    Tile,
    Tiles,
)
from reports.dashboards.period import last_days, periods
from reports.dashboards.render import Content, Frame, Way, render_content, render_document
from reports.dashboards.variants import packed
from reports.dashboards.view import View
from reports.figures.traces import Figure, bar, figure
from reports.page.chart import Chart

AS_OF = datetime(2026, 10, 20, 6, tzinfo=UTC)
THROUGH = date(2026, 10, 18)
HOSTILE = "</script><img src=x onerror=\"document.title='run'\">&\"'"
PERIODS = tuple(periods(date(2026, 8, 1), THROUGH))
CHOICES = (
    Choice("USD", THROUGH, PERIODS),
    Choice("EUR", THROUGH, (PERIODS[0], last_days(30, THROUGH))),
)
AMOUNTS = (Decimal("1250.5"), Decimal("98.25"), None, Decimal("-40"), Decimal("1250.75"))


def sample_figure(top: float) -> Figure:
    bars = bar(x=["one", HOSTILE], y=[1.0, top], marker={"color": "var(--s1)"})
    return figure([bars], {"height": 240})


def sample_page(view: View) -> Page:
    """Figures differ by period and currency; the section ``same`` and its chart do not."""
    shown = f"{view.currency} {view.period.key}"
    rows = tuple(
        Row(
            (
                Cell(f"row {n} {HOSTILE}", target=Target("team", HOSTILE)),
                Cell(
                    "–" if amount is None else f"{view.currency} {amount:,.0f}", sort="" if amount is None else amount
                ),
                Cell("late", tone="bad"),
                Cell("40%", bar=0.4, sort=0.4),
                Cell("", spark=(1.0, None, 3.0, 2.0)),
                Cell("12 Oct", sort=date(2026, 10, 12 + n % 5)),
            ),
            details=(f"because {HOSTILE}", "and more") if n == 1 else (),
        )
        for n, amount in enumerate((*AMOUNTS, *(Decimal(n) for n in range(20))))
    )
    columns = (
        Column("Name"),
        Column("Money", "number", "What it cost"),
        Column("State", "badge"),
        Column("Share", "bar"),
        Column("Days", "spark"),
        Column("Since"),
    )
    tiles = (
        Tile(
            "Spend", shown, "of it", "under it", "warn", (1.0, 2.0, None, 3.0), "Spend a day", Gauge(0.4, 1.1, "warn")
        ),
        Tile(HOSTILE, HOSTILE, tone="bad", target=Target("finance", anchor="bill")),
    )
    total = Row((Cell("All"), Cell("USD 2,749", sort=Decimal("2749.5")), Cell(), Cell(), Cell(), Cell()))
    short = Table("short", "Short", columns[:2], (Row((Cell("only"), Cell("1", sort=1))),), "nothing")
    return Page(
        "sample",
        f"Sample {HOSTILE}",
        "Does everything show?",
        (
            Section(
                "figures",
                "Figures",
                (
                    (Tiles(tiles),),
                    (
                        Notes(
                            "In short",
                            (Note(f"{shown}: {HOSTILE}", "bad", Link("See", Target("sample", anchor="same"))),),
                        ),
                    ),
                    (Table("rows", "Rows", columns, rows, "none", "All of them", total, "fct_ai_cost_daily"),),
                ),
                "What it is about.",
            ),
            Section(
                "same",
                "Always the same",
                (
                    (
                        Chart("same-chart", "Same", "It never changes.", "Two bars.", sample_figure(2.0), ""),
                        Chart("none", "Nothing", "", "", None, "There is nothing to draw."),
                    ),
                    (short, Table("empty", "Empty", columns, (), "No rows: do this.")),
                    (
                        Note("Out", "neutral", Link("runbook", href="https://example.com/run?a=1&b=2")),
                        Note("Bad", "good", Link("script", href="javascript:document.title='run'")),
                    ),
                ),
            ),
            Section("last", "Last", ((Chart("own", shown, "", shown, sample_figure(float(view.period.days)), ""),),)),
        ),
        states=(Note("Data is late", "warn"),),
    )


def address(target: Target) -> str | None:
    if target.page == "sample":
        return f"#{target.anchor}"
    if target.page == "finance":
        return f"finance.html{'#' if target.anchor else ''}{target.anchor}"
    return None


def sample_views() -> list[View]:
    nothing = cast(Published, None)
    return [
        View(nothing, AS_OF, period, choice.currency, choice.through) for choice in CHOICES for period in choice.periods
    ]


def sample_frame(*, asks_server: bool = False, plotly: str = "assets/plotly.js") -> Frame:
    return Frame(
        title="Northwind <Retail>",
        page_title="Sample",
        navigation=[Way("Sample"), Way("Finance", "finance.html")],
        crumbs=[Way("Overview", "finance.html"), Way(HOSTILE)],
        choices=CHOICES,
        period=PERIODS[0].key,
        currency="USD",
        plotly=plotly,
        as_of=AS_OF,
        asks_server=asks_server,
    )


def sample_contents() -> dict[tuple[str, str], Content]:
    return {
        (view.currency, view.period.key): render_content(sample_page(view), view, address) for view in sample_views()
    }


def sample_document() -> str:
    contents, frame = sample_contents(), sample_frame()
    return render_document(contents["USD", PERIODS[0].key], frame, variants=packed(contents, frame))


def write_sample(folder: Path, plotly: str) -> Path:
    """The sample and a second page that it links to."""
    contents, frame = sample_contents(), sample_frame(plotly=plotly)
    page = folder / "sample.html"
    for file in (page, folder / "finance.html"):
        file.write_text(
            render_document(contents["USD", PERIODS[0].key], frame, variants=packed(contents, frame)), "utf-8"
        )
    return page
