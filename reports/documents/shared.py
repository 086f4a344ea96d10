"""What the weekly digest and the monthly pack both say: how far it can be trusted, guardrails, other currencies.

Here: those parts of a document, of the company or of a team.
Not here: spend, budgets and incidents, which dashboards show too (``reports.dashboards.parts``).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from reports import formatting as f
from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Block, Cell, Column, Note, Row, Table, Tile
from reports.dashboards.parts import currencies, decisions, words
from reports.dashboards.view import View
from reports.measures.decisions import DecisionView
from reports.measures.incidents import WINDOW_DAYS, Incidents, incidents

MOST_DECISIONS = 10
_SAVED = """
select sum(cache_saved_cost) as saved from fct_prompt_economics_daily
where currency = $currency and {scope} and usage_date between $first and $last
"""
_RECONCILED = """
select count(distinct usage_date) as days, count(distinct usage_date) filter (not is_reconciled) as bad,
       coalesce(sum(difference) filter (not is_reconciled), 0) as difference
from fct_reconciliation_daily
where billing_currency = $currency and usage_date between $first and $last
"""


def states(view: View) -> tuple[Note, ...]:
    """What a reader must know first: days that are not billed, bills that do not add up."""
    period = view.period
    found = []
    if period.is_running:
        missing = (period.end - period.last).days
        found.append(
            Note(
                f"{f.count(missing, 'day')} of {period.label} {'is' if missing == 1 else 'are'} not billed yet: "
                f"figures go through {f.day(period.last)} and are compared with {period.before_label}.",
                "warn",
            )
        )
    if not view.published.has("fct_reconciliation_daily"):
        return tuple(found)
    row = Ask(view).one(_RECONCILED)
    if row.get("bad"):
        found.append(
            Note(
                f"{f.count(row['bad'], 'day')} of these {'does' if row['bad'] == 1 else 'do'} not add up to the bill "
                f"(difference {f.signed_money(row['difference'], view.currency)}): check before acting on them.",
                "bad",
            )
        )
    elif row.get("days"):
        found.append(Note(f"The figures equal the delivered bill on all {row['days']} days, to the cent.", "good"))
    return tuple(found)


# ── incidents ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def incidents_of(ask: Ask) -> Incidents:
    """Those that are open, and those that were over in the period; of the newest period also what began since."""
    period = ask.view.period
    frame = ask.frame(
        "fct_incident",
        "currency = $currency and first_seen <= $until and ($of_all or team = $scope)",
        until=ask.view.as_of.date() if ask.is_current else period.last,
        of_all=ask.kind == "company",
    )
    return incidents(frame, period.first + timedelta(days=WINDOW_DAYS))


# ── guardrails ────────────────────────────────────────────────────────────────────────────────────────────────────────


def decisions_of(ask: Ask) -> list[DecisionView]:
    """Decisions of the period about the scope, the newest first; what was only observed is left out."""
    period = ask.view.period
    within = [
        one
        for one in ask.view.operations.decisions
        if one.get("level") != "observe" and _is_within(one.get("decided_at"), period.first, period.end)
    ]
    of_period = replace(ask.view, operations=replace(ask.view.operations, decisions=within))
    return decisions.decisions_of(Ask(of_period, ask.kind))


def _is_within(said: Any, first: date, last: date) -> bool:
    try:
        day = (said if isinstance(said, datetime) else datetime.fromisoformat(str(said))).date()
    except ValueError:
        return False
    return first <= day <= last


def guardrail_tile(ask: Ask) -> Tile:
    found = decisions_of(ask)
    if not found:
        return Tile("Guardrails", "Quiet", sub=f"None decided anything in {_period(ask)}.", tone="good")
    enforced = [one for one in found if one.orders and not one.is_dry_run]
    withheld = [one for one in found if one.withheld]
    told = f"{f.count(len(enforced), 'order')} given"
    if withheld:
        told += f", {len(withheld)} held back (dry run, or suppressed)"
    return Tile(
        "Guardrails",
        f.count(len(found), "decision"),
        sub=told,
        tone="bad" if any(one.tone == "bad" for one in enforced) else "warn",
    )


def guardrail_table(ask: Ask) -> Table:
    found = decisions_of(ask)
    rows = [
        Row(
            (
                Cell(one.target, small=one.subject),
                Cell(one.level_words, tone=one.tone),
                Cell(one.decided_at.partition(",")[0]),
                Cell(one.reason),
                Cell(_outcome(one)),
            )
        )
        for one in found[:MOST_DECISIONS]
    ]
    return Table(
        "guardrails",
        "Guardrails",
        (Column("About"), Column("Level", "badge"), Column("On"), Column("Why"), Column("What followed")),
        tuple(rows),
        f"No guardrail decided anything in {_period(ask)}.",
        caption=f"Decisions of {_period(ask)}, the newest first.",
        more=cells.more(len(found), MOST_DECISIONS, "more: aifinops policy replay shows what each policy does"),
    )


def _outcome(one: DecisionView) -> str:
    if one.is_dry_run and one.withheld:
        return f"Dry run: would {' and '.join(one.withheld)}"
    if one.suppressed_because:
        return f"Held back: {one.suppression_words}"
    return one.status_words


# ── data ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def data_notes(ask: Ask) -> tuple[Note, ...]:
    """Sources that are late or incomplete, rows that were rejected, usage without a price; or that all is well."""
    found = []
    if ask.has("fct_source_health"):
        rows = ask.rows("select source_id, status from fct_source_health where is_enabled order by source_id")
        bad = [f"{row['source_id']} ({row['status']})" for row in rows if row["status"] != "fresh"]
        if bad:
            found.append(Note(f"Not all sources are complete: {words.listed(bad, 6)}.", "warn"))
        elif rows:
            found.append(Note(f"All {len(rows)} sources are up to date.", "good"))
    if ask.has("fct_rejected_row"):
        rejected = ask.one("select count(*) as rows, count(distinct source_id) as sources from fct_rejected_row")
        if rejected.get("rows"):
            found.append(
                Note(
                    f"{f.count(rejected['rows'], 'row')} of {f.count(rejected['sources'], 'source')} could not be used "
                    "and are kept with reason and remedy (fct_rejected_row).",
                    "warn",
                )
            )
    if ask.has("fct_unpriced_usage"):
        unpriced = ask.one(
            "select sum(tokens)::bigint as tokens, count(distinct model) as models from fct_unpriced_usage "
            "where usage_date between $first and $last"
        )
        if unpriced.get("tokens"):
            found.append(
                Note(
                    f"{f.compact(unpriced['tokens'])} tokens of {f.count(unpriced['models'], 'model')} have no price "
                    "and are in no estimate.",
                    "warn",
                )
            )
    return tuple(found)


# ── what was saved, other currencies ──────────────────────────────────────────────────────────────────────────────────


def saved_notes(ask: Ask) -> tuple[Note, ...]:
    """What prompt caching saved of the period's calls, an estimate."""
    row = ask.one(_SAVED) if ask.has("fct_prompt_economics_daily") else {}
    found = []
    if row.get("saved"):
        found.append(
            Note(
                f"Prompt caching saved {f.money(row['saved'], ask.currency)} in {_period(ask)}, at list price.", "good"
            )
        )
    return tuple(found)


def currency_rows(ask: Ask) -> tuple[tuple[Block, ...], ...]:
    """The period in every currency, converted; nothing where there is one currency only, or for a team."""
    found = currencies.together(ask) if ask.kind == "company" else None
    return () if found is None else ((found,),)


def _period(ask: Ask) -> str:
    return words.period_words(ask.view.period)
