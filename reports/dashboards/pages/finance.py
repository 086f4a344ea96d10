"""Whether the books are right: who is charged, budgets and forecasts, statements and invoices, currencies.

Here: the order of the parts. Not here: the parts themselves (``parts``).
"""

from __future__ import annotations

from reports.dashboards.ask import Ask
from reports.dashboards.model import Block, Note, Page, Section, Target, Tiles
from reports.dashboards.parts import allocation, books, budgets, currencies, forecast, invoices, spend, states
from reports.dashboards.view import View


def build(view: View) -> Page:
    ask = Ask(view)
    whole = spend.total(ask)
    lines = budgets.lines_of(ask)
    own = budgets.own_line(ask, lines)
    outlooks = budgets.outlooks_of(ask, lines)
    covered = allocation.coverage_of(ask)
    reconciled, reconciliation = books.reconciliation_table(ask)
    found = forecast.forecasts_of(ask)
    backtests, backtests_table = forecast.backtests(ask)
    tiles = [
        spend.tile(ask, whole, (), Target("finance", anchor="allocation")),
        reconciled,
        *allocation.tiles(ask, covered),
    ]
    if ask.is_current and ask.sees_company:
        tiles.insert(1, budgets.tile(ask, budgets.projection(ask, own), own, Target("finance", anchor="budgets")))
    fans = budgets.fan_charts(ask, lines, outlooks)
    together = currencies.together(ask)
    converted: tuple[tuple[Block, ...], ...] = () if together is None else ((together,),)
    return Page(
        "finance",
        "Finance",
        "Who is charged with what, does it tie to the invoices, and will budgets hold?",
        (
            Section("overview", "At a glance", ((Tiles(tiles),), (spend.share_note(ask, whole),))),
            Section(
                "allocation",
                "Allocation",
                (
                    (allocation.owners_table(ask),),
                    (allocation.methods_chart(ask), allocation.nobody_table(ask, covered)),
                    (allocation.gaps_table(ask, allocation.gaps_of(ask)),),
                    (
                        allocation.tagged_table(ask, covered),
                        allocation.subscriptions_table(ask, covered),
                    ),
                    (books.ways_note(),),
                ),
                "Direct, shared, idle and nobody's spend add up to the bill exactly.",
            ),
            Section(
                "budgets",
                "Budgets",
                (
                    *_past_note(ask),
                    (budgets.table(ask, lines),),
                    (budgets.burn_up(ask, own, outlooks),),
                    *budgets.fan_rows(fans),
                ),
                "Where each budget may stand on the days not billed yet: median, 80% and 95% of the forecast's paths."
                if fans
                else "",
            ),
            Section(
                "forecast",
                "Forecast",
                (
                    (forecast.totals_table(ask, found),),
                    (forecast.months(ask, found), forecast.months_table(ask, found)),
                    (forecast.next_hours(ask),),
                    forecast.quality(found),
                    (backtests,),
                    (backtests_table,),
                ),
                "Where months will end, and how good such forecasts have been.",
            ),
            Section(
                "statements",
                "Statements and invoices",
                ((invoices.statement_table(ask),), (invoices.issued_table(ask),), (invoices.invoices_table(ask),)),
                "What teams are charged is what the invoices ask for, to the last digit.",
            ),
            Section(
                "reconciliation",
                "Reconciliation",
                ((reconciliation,), (books.closed_table(ask),)),
            ),
            Section(
                "kinds",
                "Credits, taxes and commitments",
                ((books.kinds_table(ask),), (books.commitments_table(ask),)),
            ),
            Section("currencies", "Currencies", (*converted, (currencies.rates_table(ask),))),
        ),
        states.states(ask),
    )


def _past_note(ask: Ask) -> tuple[tuple[Block, ...], ...]:
    if ask.is_current:
        return ()
    text = "Budgets and forecasts are those of the running periods; the page shows a period that is over."
    return ((Note(text),),)
