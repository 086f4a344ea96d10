"""What need not be spent: one ranked list, with whose it is, how it is known and what to do.

Here: the list, totals by kind and owner, what is saved already.
Not here: finding and counting (``reports.dashboards.opportunities``).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from reports import formatting as f
from reports.dashboards import cells as c
from reports.dashboards.ask import Ask
from reports.dashboards.model import Cell, Column, Note, Page, Row, Section, Table, Target, Tile, Tiles, Tone
from reports.dashboards.opportunities import KINDS, MONTH_DAYS, Certainty, Opportunity, opportunities
from reports.dashboards.view import View
from reports.figures import savings as figures
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


def build(view: View) -> Page:
    found = opportunities(view)
    counting = [one for one in found if one.counts]
    total = sum((one.counts for one in counting), ZERO)
    return Page(
        name="savings",
        title="Savings",
        question="What are we paying for that we do not need, and who can stop it?",
        sections=(
            Section(
                "short",
                "In short",
                (
                    (Tiles(_tiles(view, found, total)),),
                    (_kinds_chart(view, counting), _owners_table(view, counting, total)),
                ),
            ),
            Section("opportunities", "What to do, the most money first", ((_table(view, found, total),),), _lead(view)),
            Section("saved", "Saved already", ((_saved_table(view),),)),
        ),
        states=(_verdict(view, found, counting, total),),
    )


def _lead(view: View) -> str:
    return (
        f"Amounts are of {MONTH_DAYS} days at the pace of {view.period.label}. Where two are about "
        "the same tokens or machines, "
        "using one takes away from the other: only the larger counts. What is only possible counts in no total."
    )


def _spend(view: View) -> Decimal:
    """AI spend of 30 days at the pace of the period."""
    rows = Ask(view).rows(
        """select sum(effective_cost) as cost from fct_ai_cost_daily
           where is_ai and billing_currency = $currency and usage_date between $first and $last
               and ($team is null or team = $team)""",
        team=view.scope,
    )
    return c.total(rows, "cost") * MONTH_DAYS / view.period.days


def _verdict(view: View, found: Sequence[Opportunity], counting: Sequence[Opportunity], total: Decimal) -> Note:
    if not found:
        return Note(
            f"Nothing is known that need not be paid in {view.currency} in {view.period.label}. "
            "Telemetry of GPUs, prompts and "
            "quality scores is what finds it; docs/units.md and docs/sources.md say how to send it.",
            "neutral",
        )
    if not counting:
        return Note("Nothing that is measured or estimated need not be paid; what is possible is below.", "good")
    first = counting[0]
    share = ratio(total, _spend(view))
    words = f"{f.money(total, view.currency)} a month need not be spent"
    words += f", {f.percent(share)} of AI spend" if share is not None and share > 0 else ""
    words += f". First: {first.words} of {first.what}, {f.money(first.counts, view.currency)} a month."
    return Note(words, "warn")


def _tiles(view: View, found: Sequence[Opportunity], total: Decimal) -> list[Tile]:
    currency = view.currency
    billed = sum((one.counts for one in found if one.certainty == Certainty.BILLED), ZERO)
    spend = _spend(view)
    share = ratio(total, spend)
    possible = [one for one in found if one.certainty == Certainty.POSSIBLE and one.kind != "unowned"]
    unowned = sum((one.monthly for one in found if one.kind == "unowned"), ZERO)
    tiles = [
        Tile(
            "Could be saved a month",
            f.whole_money(total, currency),
            f"{f.percent(share)} of {f.whole_money(spend, currency)} AI spend a month" if share else "",
            f"at the pace of {view.period.label}",
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
            f.whole_money(_saved(view), currency),
            f"by prompt caches, {view.period.label}",
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
                "aifinops tags gaps",
                tone="warn",
                target=Target("data-health", anchor="ownership"),
            )
        )
    return tiles


def _kinds_chart(view: View, counting: Sequence[Opportunity]) -> Chart:
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
        + ", ".join(f"{label} {f.money(sum(by.values(), ZERO), view.currency)}" for label, by in ranked[:6]),
        figures.by_kind(kinds, view.currency) if kinds else None,
        "Nothing that is measured or estimated need not be paid.",
    )


def _owners_table(view: View, counting: Sequence[Opportunity], total: Decimal) -> Table:
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
                    c.team(team, small=f"mostly {max(theirs, key=lambda one: one.counts).words}"),
                    c.count(len(theirs)),
                    Cell(f.whole_money(money, view.currency), sort=money, bar=float(money / total) if total else 0.0),
                )
            )
        )
    return Table(
        "savings-owners",
        "By owner, a month",
        (Column("Team"), Column("Opportunities", "number"), Column("Money a month", "bar")),
        tuple(rows),
        "Nobody has anything to save that is measured or estimated.",
        total=Row((Cell("All"), c.count(len(counting)), c.money(total, view.currency))) if rows else None,
        more=f"and {len(ranked) - OWNERS} more teams, in the total" if len(ranked) > OWNERS else "",
    )


def _table(view: View, found: Sequence[Opportunity], total: Decimal) -> Table:
    currency = view.currency
    rows = []
    for one in found[:SHOWN]:
        kind = KINDS[one.kind]
        spread = ""
        if one.low is not None and one.high is not None and one.low != one.high:
            spread = f"{f.whole(one.low)} to {f.whole(one.high)}"
        rows.append(
            Row(
                (
                    c.text(one.label, small=one.what),
                    c.team(one.team, small=one.app or "")
                    if one.app is None
                    else c.app(one.app, small=one.team or NO_OWNER),
                    c.money(one.monthly, currency, small=spread),
                    Cell(f.whole_money(one.counts, currency) if one.counts else c.NOTHING, sort=one.counts),
                    Cell(
                        one.certainty.value,
                        sort=one.certainty.value,
                        small=one.overlaps,
                        tone=CERTAINTY_TONES[one.certainty],
                    ),
                    c.text(kind.effort),
                    c.text(kind.act),
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
                c.money(total, currency),
                Cell(""),
                Cell(""),
                Cell(""),
            )
        )
        if rows
        else None,
        more=f"and {len(found) - SHOWN} smaller ones, those that count in the total" if len(found) > SHOWN else "",
    )


# ── saved already ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _saved_rows(view: View) -> list[dict[str, Any]]:
    return Ask(view).rows(
        """select app, any_value(team) as team, sum(cache_saved_cost) as saved, sum(input_tokens)::bigint as given,
                  sum(cache_read_tokens)::bigint as from_cache, sum(estimated_cost) as cost
           from fct_prompt_economics_daily
           where currency = $currency and usage_date between $first and $last and ($team is null or team = $team)
           group by app having sum(cache_saved_cost) <> 0 order by saved desc, app""",
        last=c.usage_through(view),
        team=view.scope,
    )


def _saved(view: View) -> Decimal:
    return c.total(_saved_rows(view), "saved")


def _saved_table(view: View) -> Table:
    rows = _saved_rows(view)
    made = [
        Row(
            (
                c.app(row["app"], small=row["team"] or ""),
                c.share(row["from_cache"] / row["given"] if row["given"] else None),
                c.money(row["cost"], view.currency),
                c.signed(row["saved"], view.currency) if row["saved"] < 0 else c.money(row["saved"], view.currency),
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
        f"{view.period.label} through {f.short_day(c.usage_through(view))}.",
        total=Row(
            (
                Cell("All"),
                Cell(""),
                c.money(c.total(rows, "cost"), view.currency),
                c.money(c.total(rows, "saved"), view.currency),
            )
        )
        if rows
        else None,
        export="fct_prompt_economics_daily" if rows else "",
        more=f"and {len(rows) - SHOWN} smaller ones, in the total" if len(rows) > SHOWN else "",
    )
