"""What need not be spent: one ranked list, with whose it is, how it is known and what to do.

Here: the list, totals by kind and owner, what is saved already.
Not here: finding and counting (``reports.dashboards.opportunities``), the short list of documents
(``reports.documents.savings``).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Cell, Column, Note, Row, Table, Target, Tile, Tone
from reports.dashboards.opportunities.model import KINDS, Certainty, Opportunity
from reports.dashboards.opportunities.pace import MONTH_DAYS
from reports.dashboards.parts.words import share_cell
from reports.figures import savings as drawn
from reports.figures.spend import NO_OWNER
from reports.frames import ZERO, ratio
from reports.page.chart import Chart

SHOWN = 15
OWNERS = 12
CERTAINTY_TONES: dict[Certainty, Tone] = {
    Certainty.BILLED: "good",
    Certainty.ESTIMATED: "neutral",
    Certainty.POSSIBLE: "",
}


def _spend(ask: Ask) -> Decimal:
    """AI spend of 30 days at the pace of the period."""
    rows = ask.rows(
        """select sum(effective_cost) as cost from fct_ai_cost_daily
           where is_ai and billing_currency = $currency and usage_date between $first and $last
               and ($team is null or team = $team)""",
        team=ask.view.scope,
    )
    return cells.total(rows, "cost") * MONTH_DAYS / ask.view.period.days


def verdict(ask: Ask, found: Sequence[Opportunity], counting: Sequence[Opportunity], total: Decimal) -> Note:
    if not found:
        return Note(
            f"Nothing is known that need not be paid in {ask.currency} in {ask.view.period.label}. Telemetry of GPUs, "
            "prompts and quality scores is what finds it; docs/units.md and docs/sources.md say how to send it.",
            "neutral",
        )
    if not counting:
        return Note("Nothing that is measured or estimated need not be paid; what is possible is below.", "good")
    first = counting[0]
    share = ratio(total, _spend(ask))
    words = f"{f.money(total, ask.currency)} a month need not be spent"
    words += f", {f.percent(share)} of AI spend" if share is not None and share > 0 else ""
    words += f". First: {first.words} of {first.what}, {f.money(first.counts, ask.currency)} a month."
    return Note(words, "warn")


def tiles(ask: Ask, found: Sequence[Opportunity], total: Decimal) -> list[Tile]:
    currency = ask.currency
    billed = sum((one.counts for one in found if one.certainty == Certainty.BILLED), ZERO)
    spend = _spend(ask)
    share = ratio(total, spend)
    possible = [one for one in found if one.certainty == Certainty.POSSIBLE and one.kind != "unowned"]
    unowned = sum((one.monthly for one in found if one.kind == "unowned"), ZERO)
    tiles = [
        Tile(
            "Could be saved a month",
            f.whole_money(total, currency),
            f"{f.percent(share)} of {f.whole_money(spend, currency)} AI spend a month" if share else "",
            f"at the pace of {ask.view.period.label}",
            tone="warn" if total else "good" if spend else "",
        ),
        Tile(
            "Measured on the bill",
            f.whole_money(billed, currency),
            "idle machines, units, commitments",
            f"{f.whole_money(total - billed, currency)} more is estimated",
        ),
        Tile(
            "Possible, not counted",
            f.whole_money(sum((one.monthly for one in possible), ZERO), currency),
            f"{f.count(len(possible), 'idea')} that have to be tried first",
            "they overlap with each other and with what counts" if possible else "",
        ),
        Tile(
            "Saved already",
            f.whole_money(_saved(ask), currency),
            f"by prompt caches, {ask.view.period.label}",
            "estimated against the price of fresh input",
            tone="good",
            target=Target("savings", anchor="saved"),
        ),
    ]
    if unowned:
        tiles.append(
            Tile(
                "Nobody's spend a month",
                f.whole_money(unowned, currency),
                "nobody asks whether it is needed",
                "aifinops tags gaps lists it",
                tone="warn",
                target=Target("data-health", anchor="ownership"),
            )
        )
    return tiles


def kinds_chart(ask: Ask, counting: Sequence[Opportunity]) -> Chart:
    sums: dict[str, dict[Certainty, Decimal]] = {}
    for one in counting:
        by = sums.setdefault(one.label, {})
        by[one.certainty] = by.get(one.certainty, ZERO) + one.counts
    ranked = sorted(sums.items(), key=lambda pair: (-sum(pair[1].values()), pair[0]))
    kinds = [
        {"label": label, "billed": by.get(Certainty.BILLED, ZERO), "estimated": by.get(Certainty.ESTIMATED, ZERO)}
        for label, by in ranked
    ]
    return Chart(
        "savings-kinds",
        "By kind, a month",
        "Solid: measured on the bill. Hatched: estimated. Only what counts, so nothing is in it twice.",
        "Bars of money a month by kind: "
        + ", ".join(f"{label} {f.money(sum(by.values(), ZERO), ask.currency)}" for label, by in ranked[:6]),
        drawn.by_kind(kinds, ask.currency) if kinds else None,
        "Nothing that is measured or estimated need not be paid.",
    )


def owners_table(ask: Ask, counting: Sequence[Opportunity], total: Decimal) -> Table:
    sums: dict[str | None, list[Opportunity]] = {}
    for one in counting:
        sums.setdefault(one.team, []).append(one)
    ranked = sorted(sums.items(), key=lambda pair: (-sum(one.counts for one in pair[1]), pair[0] or ""))
    rows = []
    for team, theirs in ranked[:OWNERS]:
        money = sum((one.counts for one in theirs), ZERO)
        rows.append(
            Row(
                (
                    cells.team(team, small=f"mostly {max(theirs, key=lambda one: one.counts).words}"),
                    cells.count(len(theirs)),
                    cells.money(money, ask.currency),
                    share_cell(money, total),
                )
            )
        )
    return Table(
        "savings-owners",
        "By owner, a month",
        (Column("Team"), Column("Opportunities", "number"), Column("Money a month", "number"), Column("Share", "bar")),
        tuple(rows),
        "Nobody has anything to save that is measured or estimated.",
        total=Row((Cell("All"), cells.count(len(counting)), cells.money(total, ask.currency), Cell("100%"))),
        more=cells.more(len(ranked), OWNERS, "more teams, in the total"),
    )


def table(ask: Ask, found: Sequence[Opportunity], total: Decimal) -> Table:
    currency = ask.currency
    rows = []
    for one in found[:SHOWN]:
        kind = KINDS[one.kind]
        rows.append(
            Row(
                (
                    cells.text(one.label, small=one.what),
                    cells.team(one.team, small=one.app or "")
                    if one.app is None
                    else cells.app(one.app, small=one.team or NO_OWNER),
                    cells.money(one.monthly, currency, small=one.spread),
                    Cell(f.whole_money(one.counts, currency) if one.counts else cells.NOTHING, sort=one.counts),
                    Cell(
                        one.certainty.value,
                        sort=one.certainty.value,
                        small=one.overlaps,
                        tone=CERTAINTY_TONES[one.certainty],
                    ),
                    cells.text(kind.effort),
                    cells.text(kind.act),
                ),
                one.why,
            )
        )
    return Table(
        "opportunities",
        "Opportunities",
        (
            Column("What"),
            Column("Owner"),
            Column("Money a month", "number", "With its range where it is not one number"),
            Column("Counts", "number", "What it adds to the total"),
            Column("Known how", "badge"),
            Column("Effort"),
            Column("To do"),
        ),
        tuple(rows),
        "Nothing is known that need not be paid in this period.",
        total=Row(
            (
                Cell("All that counts"),
                Cell(""),
                Cell(""),
                cells.money(total, currency),
                Cell(""),
                Cell(""),
                Cell(""),
            )
        ),
        more=cells.more(len(found), SHOWN, "smaller ones, those that count in the total"),
    )


def _saved_rows(ask: Ask) -> list[dict[str, Any]]:
    return ask.rows(
        """select app, any_value(team) as team, sum(cache_saved_cost) as saved, sum(input_tokens)::bigint as given,
                  sum(cache_read_tokens)::bigint as from_cache, sum(estimated_cost) as cost
           from fct_prompt_economics_daily
           where currency = $currency and usage_date between $first and $last and ($team is null or team = $team)
           group by app having sum(cache_saved_cost) <> 0 order by saved desc, app""",
        last=cells.usage_through(ask.view),
        team=ask.view.scope,
    )


def _saved(ask: Ask) -> Decimal:
    return cells.total(_saved_rows(ask), "saved")


def saved_table(ask: Ask) -> Table:
    rows = _saved_rows(ask)
    made = [
        Row(
            (
                cells.app(row["app"], small=row["team"] or ""),
                cells.share(row["from_cache"] / row["given"] if row["given"] else None),
                cells.money(row["cost"], ask.currency),
                cells.signed(row["saved"], ask.currency)
                if row["saved"] < 0
                else cells.money(row["saved"], ask.currency),
            )
        )
        for row in rows[:SHOWN]
    ]
    return Table(
        "cache-saved",
        "What prompt caches saved",
        (
            Column("App"),
            Column("From cache", "number", "Share of input tokens"),
            Column("Estimated cost", "number", "What it cost with the cache"),
            Column(
                "Saved",
                "number",
                "Against the price of fresh input; negative where writing cost more than reading saved",
            ),
        ),
        tuple(made),
        "No usage of this period came from a prompt cache.",
        f"{ask.view.period.label} through {f.short_day(cells.usage_through(ask.view))}.",
        total=Row(
            (
                Cell("All"),
                Cell(""),
                cells.money(cells.total(rows, "cost"), ask.currency),
                cells.money(cells.total(rows, "saved"), ask.currency),
            )
        ),
        export="fct_prompt_economics_daily",
        more=cells.more(len(rows), SHOWN, "smaller ones, in the total"),
    )


def lead(ask: Ask) -> str:
    return (
        f"Amounts are of {MONTH_DAYS} days at the pace of {ask.view.period.label}. Where two are about the same "
        "tokens or machines, using one takes away from the other: only the larger counts. What is only possible "
        "counts in no total."
    )
