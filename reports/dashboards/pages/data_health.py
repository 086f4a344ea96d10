"""Whether the figures can be trusted today: what arrived, what adds up, what is left out, and what to do about it.

Here: the verdict, sources, the bill and its closed months, estimates against it, rows and prices that are missing.
Not here: the checks themselves (dbt, ingestion), how a source is mended (``docs/runbooks``).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pandas as pd

from reports import formatting as f
from reports.dashboards import cells as c
from reports.dashboards.ask import Ask
from reports.dashboards.freshness import ages_of
from reports.dashboards.model import Cell, Column, Link, Note, Page, Row, Section, Table, Target, Tile, Tiles, Tone
from reports.dashboards.unpriced import guesses, unpriced_table, unpriced_usage
from reports.dashboards.view import View
from reports.figures import health as figures
from reports.measures.health import Freshness, Reconciliation, reconciliation
from reports.measures.missing import Missing
from reports.page.chart import Chart

SHOWN = 12
DRIFT_DAYS = 60
STATUS_WORDS: Mapping[str, tuple[str, Tone]] = {
    "missing": ("Nothing arrived", "bad"),
    "late": ("Late", "bad"),
    "incomplete": ("Incomplete", "warn"),
    "fresh": ("Up to date", "good"),
    "disabled": ("Switched off", "neutral"),
}
STATUS_REMEDIES = {
    "missing": "aifinops doctor says whether it can be reached and is permitted",
    "late": "aifinops doctor, then docs/runbooks/stale-source.md",
    "incomplete": "docs/runbooks/stale-source.md says how to deliver a month or a stretch again",
    "disabled": "Not landed: enabled is false in config/sources.yml, or the source is no longer there",
}
CAUSES: Mapping[str, tuple[str, str]] = {
    "price": ("Another price", "Correct config/prices.yml, then aifinops reprice; a batch discount may not be in it"),
    "quantity": (
        "Another number of tokens",
        "Telemetry lost calls, counts them twice, or rented capacity covers a part of them",
    ),
    "billed_without_usage": (
        "Billed, not measured",
        "Nobody measures this account: send its spans or read its metrics",
    ),
    "usage_without_bill": ("Measured, not billed", "It was free, or is billed elsewhere: connect that bill"),
    "billed_otherwise": ("Billed by the hour", "Rented capacity is charged by the hour, not by the token"),
    "unpriced_usage": ("No price", "Add the model to config/prices.yml"),
    "other_currency": ("Another currency", "Price book and bill have different currencies and are not compared"),
    "unknown_quantity": ("Tokens not on the bill", "The bill does not say how many tokens it charges for"),
    "within_tolerance": ("Within tolerance", ""),
}
CLOSING_WORDS = {
    "known_at_close": "as known when it closed",
    "first_known": "as first delivered",
    "current_only": "as it is now; how it closed was not kept",
}

Rows = list[dict[str, Any]]


def build(view: View) -> Page:
    currency = view.currency
    ages = ages_of(view)
    sources = Ask(view).rows(
        "select * from fct_source_health order by source_id",
    )
    reconciled = _reconciliation(view)
    drift = _drift(view)
    rejected = Ask(view).rows(
        """select source_id, table_name, reason, remedy, count(*) as rows, count(distinct x_file) as files
           from fct_rejected_row group by all order by rows desc, source_id, table_name, reason""",
    )
    unpriced = unpriced_usage(view)
    rates = Ask(view).rows(
        """select billing_currency, reporting_currency, count(*) filter (where is_missing) as missing_days,
                  min(usage_date) filter (where is_missing) as first_missing,
                  max(usage_date) filter (where is_missing) as last_missing,
                  max_by(exchange_rate, usage_date) as rate, max_by(rate_date, usage_date) as rate_date,
                  max_by(rate_source, usage_date) as rate_source
           from fct_exchange_rate_daily where billing_currency <> reporting_currency
           group by all order by billing_currency""",
    )
    schema = Ask(view).rows(
        "select * from fct_schema_drift order by first_seen_date desc, column_name",
    )
    problems = [
        *_source_problems(sources, ages),
        *_bill_problems(reconciled, rates),
        *_row_problems(rejected, schema, unpriced),
    ]
    return Page(
        name="data-health",
        title="Data health",
        question="Can the figures be trusted today, and if not, why?",
        states=(_verdict(problems, ages),),
        sections=(
            Section(
                "trust",
                "In short",
                (
                    (Tiles(_tiles(view, sources, ages, reconciled, drift, rejected, unpriced)),),
                    *((note,) for note in problems),
                ),
            ),
            Section(
                "sources",
                "Sources",
                ((_sources_table(view, sources),), (_freshness_table(ages),)),
                _run_words(view, sources),
            ),
            Section(
                "bill",
                "The bill",
                (
                    (_reconciliation_note(reconciled, currency),),
                    *((_unreconciled_table(reconciled, currency),) for _ in range(_has_bad_days(reconciled))),
                    (_closed_table(view),),
                    (_overlap_table(view), _rates_table(rates)),
                ),
                "What the providers charged is in the marts to the last digit, once.",
            ),
            Section(
                "estimates",
                "Estimate and bill",
                ((_drift_chart(view),), (_drift_table(view, drift),)),
                "Usage is priced minutes after it happens; the bill replaces the estimate when it comes.",
            ),
            Section(
                "rows",
                "What is left out",
                (
                    (_rejected_table(rejected), _schema_table(schema)),
                    (unpriced_table(unpriced),),
                    (_meters_table(view), _candidates_table(view)),
                ),
                "Nothing is dropped in silence: what could not be read, priced or told apart is listed here.",
            ),
            Section("ownership", "Ownership", ((_coverage_table(view),),)),
        ),
    )


# ── the verdict ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _verdict(problems: Sequence[Note], ages: Sequence[Freshness]) -> Note:
    if all(line.through is None for line in ages):
        return Note(
            "Nothing has arrived yet, so there are no figures to trust. Connect a source in config/sources.yml, then "
            "aifinops run.",
            "warn",
        )
    bad = [note for note in problems if note.tone == "bad"]
    if bad:
        return Note(f"Do not sign figures today: {f.count(len(bad), 'finding')} below may change them.", "bad")
    if problems:
        return Note(
            f"The figures can be trusted today, with {f.count(len(problems), 'reservation')} named below.", "warn"
        )
    return Note("The figures can be trusted today: every source is up to date and everything adds up.", "good")


def _source_problems(sources: Rows, ages: Sequence[Freshness]) -> list[Note]:
    found = [
        Note(
            f"{row['source_id']}: {words.lower()}. {_missing_words(row)}{STATUS_REMEDIES[row['status']]}.",
            tone,
        )
        for row in sources
        if row["status"] in STATUS_REMEDIES and row["status"] != "disabled"
        for words, tone in (STATUS_WORDS[row["status"]],)
    ]
    if not sources:
        late = [line.name for line in ages if line.is_late and line.through is not None]
        found = [Note(f"{name} is late. {STATUS_REMEDIES['late']}.", "bad") for name in late]
    return found


def _bill_problems(reconciled: Reconciliation | Missing, rates: Rows) -> list[Note]:
    found = [
        Note(
            f"{row['billing_currency']} has no exchange rate on {f.count(row['missing_days'], 'day')} from "
            f"{f.day(row['first_missing'])} to {f.day(row['last_missing'])}: totals in "
            f"{row['reporting_currency']} leave them out. Give one in config/currencies.yml.",
            "bad",
        )
        for row in rates
        if row["missing_days"]
    ]
    if isinstance(reconciled, Reconciliation) and not reconciled.is_reconciled:
        found.append(
            Note(
                f"{f.count(len(reconciled.unreconciled), 'day')} of the bill "
                f"{'does' if len(reconciled.unreconciled) == 1 else 'do'} not add up with the marts. "
                "docs/reconciliation.md says what to do; guardrails do not act on them.",
                "bad",
                Link("The days", Target("data-health", anchor="bill")),
            )
        )
    return found


def _row_problems(rejected: Rows, schema: Rows, unpriced: Rows) -> list[Note]:
    found = []
    if rejected:
        rows = sum(row["rows"] for row in rejected)
        names = ", ".join(sorted({row["source_id"] for row in rejected}))
        found.append(
            Note(
                f"{f.count(rows, 'row')} of {names} could not be read and {'is' if rows == 1 else 'are'} in no figure.",
                "warn",
                Link("Reasons and remedies", Target("data-health", anchor="rows")),
            )
        )
    if schema:
        found.append(
            Note(
                f"{f.count(len(schema), 'column')} of deliveries changed since the deliveries before.",
                "warn",
                Link("The columns", Target("data-health", anchor="rows")),
            )
        )
    if unpriced:
        tokens = sum(row["tokens"] or 0 for row in unpriced)
        found.append(
            Note(
                f"{f.compact(tokens)} tokens of {_names(row['model'] for row in unpriced)} have no price and are in no "
                f"estimate; they may have cost {guesses(unpriced)}. Add prices to config/prices.yml, then "
                "aifinops reprice.",
                "warn",
                Link("The models", Target("data-health", anchor="rows")),
            )
        )
    return found


def _names(values: Any) -> str:
    return ", ".join(sorted({str(value) for value in values if value})) or "unnamed models"


def _tiles(
    view: View,
    sources: Rows,
    ages: Sequence[Freshness],
    reconciled: Reconciliation | Missing,
    drift: Rows,
    rejected: Rows,
    unpriced: Rows,
) -> list[Tile]:
    tiles = [_sources_tile(sources, ages)]
    billed = view.billed_through
    if billed is None:
        tiles.append(Tile(f"Billed through ({view.currency})", "Nothing yet", "No bill of this currency has arrived"))
    else:
        since = (view.as_of.date() - billed).days
        tiles.append(
            Tile(
                f"Billed through ({view.currency})",
                f.day(billed),
                f"{f.count(since, 'day')} before this report; later usage is estimated",
                tone="warn" if since > 3 else "good",
            )
        )
    if isinstance(reconciled, Missing):
        tiles.append(Tile("Reconciled", "Not yet", reconciled.reason))
    else:
        good = reconciled.is_reconciled
        tiles.append(
            Tile(
                "Reconciled",
                "Every day" if good else f.count(len(reconciled.unreconciled), "day") + " off",
                f"Difference {f.money(reconciled.difference, view.currency)} of "
                f"{f.whole_money(reconciled.billed, view.currency)} delivered",
                tone="good" if good else "bad",
            )
        )
    compared = [row for row in drift if row["estimated_cost"] is not None and row["drift_cost"] is not None]
    estimated, off = c.total(compared, "estimated_cost"), c.total(compared, "drift_cost")
    if estimated:
        tiles.append(
            Tile(
                "Estimate to bill",
                f.signed_percent(off / estimated, 1),
                f"{f.signed_money(off, view.currency)} billed beside "
                f"{f.whole_money(estimated, view.currency)} estimated",
                f"{view.period.label}, where both are known",
                tone="good" if abs(off / estimated) <= Decimal("0.05") else "warn",
            )
        )
    rows = sum(row["rows"] for row in rejected)
    if not c.hidden(view, "fct_rejected_row") and any(line.through is not None for line in ages):
        tiles.append(
            Tile(
                "Rejected rows",
                f.whole(rows) if rows else "None",
                "Kept with reason and remedy" if rows else "Every delivered row was accepted",
                tone="warn" if rows else "good",
            )
        )
    if not c.hidden(view, "fct_unpriced_usage") and any(line.through is not None for line in ages):
        tokens = sum(row["tokens"] or 0 for row in unpriced)
        tiles.append(
            Tile(
                "Tokens without a price",
                f.compact(tokens) if tokens else "None",
                f"May have cost {guesses(unpriced)}" if tokens else "All usage is priced",
                f"{view.period.label}",
                tone="warn" if tokens else "good",
            )
        )
    return tiles


def _sources_tile(sources: Rows, ages: Sequence[Freshness]) -> Tile:
    if sources:
        landed = [row for row in sources if row["status"] != "disabled"]
        fresh = sum(row["status"] == "fresh" for row in landed)
        worst: Tone = "good" if fresh == len(landed) else "bad"
        left = ", ".join(row["source_id"] for row in landed if row["status"] != "fresh")
        return Tile(
            "Sources up to date",
            f"{fresh} of {len(landed)}",
            f"Not: {left}" if left else "Complete, and as new as they should be",
            tone=worst,
        )
    known = [line for line in ages if line.through is not None]
    if not known:
        return Tile("Sources up to date", "None", "No source has delivered anything", tone="warn")
    late = [line.name for line in known if line.is_late]
    return Tile(
        "Data up to date",
        f"{len(known) - len(late)} of {len(known)}",
        f"Late: {', '.join(late)}" if late else "By kind of data",
        tone="warn" if late else "good",
    )


# ── sources ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _kind_cell(line: Freshness) -> Cell:
    return c.text(line.name, target=Target("asset", line.mart))


def _freshness_table(ages: Sequence[Freshness]) -> Table:
    rows = []
    for line in ages:
        if line.through is None or line.age_hours is None:
            rows.append(Row((_kind_cell(line), Cell("nothing arrived"), Cell("–"), c.badge("No data", "neutral"))))
            continue
        rows.append(
            Row(
                (
                    _kind_cell(line),
                    Cell(f.moment(line.through), sort=line.through.isoformat()),
                    Cell(f.age(line.age_hours), sort=line.age_hours),
                    c.badge("Late", "warn") if line.is_late else c.badge("Up to date", "good"),
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


def _missing_words(row: Mapping[str, Any]) -> str:
    missing = json.loads(row["missing"] or "[]")
    if not missing:
        return ""
    parts = []
    for entry in missing[:3]:
        stretch = entry.get("month") or f"{entry.get('start', '?')} to {entry.get('end', '?')}"
        scope = entry.get("scope")
        parts.append(f"{stretch} of {scope}" if scope else stretch)
    more = f" and {row['missing_count'] - len(parts)} more" if row["missing_count"] > len(parts) else ""
    return f"Missing: {'; '.join(parts)}{more}. "


def _run_words(view: View, sources: Rows) -> str:
    """How old the run is that these figures are from."""
    landed = [row["last_landed_at"] for row in sources if row["last_landed_at"] is not None]
    words = f"These figures are from the run of {f.moment(view.as_of)}"
    return f"{words}; anything was last landed on {f.moment(max(landed))}." if landed else f"{words}."


def _fresh_words(row: Mapping[str, Any]) -> str:
    return "Reasons and remedies of its rejected rows are below" if row["rejected_rows"] else "Nothing to do"


def _sources_table(view: View, sources: Rows) -> Table:
    order = ["missing", "late", "incomplete", "fresh", "disabled"]
    rows = []
    for row in sorted(sources, key=lambda row: (order.index(row["status"]), row["source_id"])):
        words, tone = STATUS_WORDS[row["status"]]
        newest = row["newest_data_at"]
        expected = (
            f"{f.whole(row['landed_count'])} of {f.count(round(row['expected_count']), row['unit'])}"
            if row["unit"]
            else "–"
        )
        rows.append(
            Row(
                (
                    c.text(
                        row["source_id"],
                        small=row["source_type"] or "no longer in config/sources.yml",
                        target=Target("asset", f"landing/{row['source_type']}") if row["source_type"] else None,
                    ),
                    c.badge(words, tone, sort=order.index(row["status"])),
                    Cell("nothing" if newest is None else f.moment(newest), sort=str(newest or "")),
                    Cell("–" if row["lag_hours"] is None else f.age(row["lag_hours"]), sort=row["lag_hours"]),
                    Cell(
                        "any age" if row["freshness_hours"] is None else f.age(row["freshness_hours"]),
                        sort=row["freshness_hours"],
                    ),
                    Cell(expected, sort=row["landed_count"]),
                    c.count(row["rejected_rows"]),
                    Cell(_missing_words(row) + STATUS_REMEDIES.get(row["status"], _fresh_words(row))),
                )
            )
        )
    empty = (
        "Finance and administrators see the sources."
        if c.hidden(view, "fct_source_health")
        else "No source is configured; connect one in config/sources.yml, then aifinops run."
    )
    return Table(
        "source-health",
        "Sources",
        (
            Column("Source"),
            Column("State", "badge"),
            Column("Newest data"),
            Column("Lag", "number", "From the newest data to this report"),
            Column("Allowed", "number", "What the source may lag before it counts as late"),
            Column("Landed", "number", "What is there, of what should be there"),
            Column("Rejected rows", "number"),
            Column("What to do"),
        ),
        tuple(rows),
        empty,
        export="fct_source_health" if rows else "",
    )


# ── the bill ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _reconciliation(view: View) -> Reconciliation | Missing:
    # Days that add up are summed by day: the measure counts days and money, and names providers of the others only.
    rows = Ask(view).rows(
        """select case when is_reconciled then null else provider_name end as provider_name, usage_date,
                  billing_currency, is_reconciled, sum(lake_billed_cost) as lake_billed_cost,
                  sum(difference) as difference, sum(rejected_cost) as rejected_cost,
                  sum(rejected_row_count)::bigint as rejected_row_count
           from fct_reconciliation_daily where billing_currency = $currency or billing_currency is null
           group by 1, 2, 3, 4""",
    )
    if not rows:
        return Missing(
            "Finance and administrators see the reconciliation."
            if c.hidden(view, "fct_reconciliation_daily")
            else "The bill has not been reconciled yet."
        )
    frame = pd.DataFrame(rows)
    return reconciliation(frame.assign(usage_date=pd.to_datetime(frame["usage_date"])))


def _has_bad_days(reconciled: Reconciliation | Missing) -> bool:
    return isinstance(reconciled, Reconciliation) and bool(reconciled.unreconciled)


def _reconciliation_note(found: Reconciliation | Missing, currency: str) -> Note:
    if isinstance(found, Missing):
        return Note(found.reason)
    words = (
        f"{f.money(found.billed, currency)} was delivered for {f.count(found.day_count, 'day')} from "
        f"{f.day(found.first_day)} to {f.day(found.last_day)}; the difference to the marts is "
        f"{f.money(found.difference, currency)}."
    )
    if found.rejected_rows:
        words += (
            f" {f.count(found.rejected_rows, 'row')} of the bill were rejected "
            f"({f.money(found.rejected_cost, currency)})."
        )
    return Note(words, "good" if found.is_reconciled else "bad")


def _unreconciled_table(found: Reconciliation | Missing, currency: str) -> Table:
    days = found.unreconciled if isinstance(found, Reconciliation) else ()
    return Table(
        "unreconciled",
        "Days that do not add up",
        (Column("Provider"), Column("Day"), Column("Difference", "number")),
        tuple(
            Row(
                (
                    c.text(provider),
                    Cell("no day" if at is None else f.day(at), sort=at),
                    c.signed(difference, currency),
                )
            )
            for provider, at, difference in days[:SHOWN]
        ),
        "Every day adds up.",
        export="fct_reconciliation_daily",
        more=f"and {len(days) - SHOWN} more days" if len(days) > SHOWN else "",
    )


def _closed_table(view: View) -> Table:
    rows = Ask(view).rows(
        """select billing_period_start, billing_currency, min(closed_at) as closed_at,
                  any_value(closing_basis) as closing_basis, sum(closing_billed_cost) as closing,
                  sum(true_up_billed_cost) as moved, sum(true_up_count)::bigint as true_ups,
                  max(last_true_up_at) as last_true_up_at, sum(current_billed_cost) as now
           from fct_closed_month where billing_currency = $currency
           group by 1, 2 order by 1 desc limit $most""",
        most=SHOWN,
    )
    made = [
        Row(
            (
                Cell(
                    f.month(row["billing_period_start"]),
                    sort=row["billing_period_start"],
                    small=CLOSING_WORDS.get(row["closing_basis"], ""),
                ),
                Cell(f.day(row["closed_at"]), sort=row["closed_at"].isoformat()),
                c.money(row["closing"], view.currency),
                Cell(
                    f.signed_money(row["moved"], view.currency) if row["true_ups"] else "–",
                    sort=row["moved"],
                    small=f"{f.count(row['true_ups'], 'true-up')}, the last {f.short_day(row['last_true_up_at'])}"
                    if row["true_ups"]
                    else "",
                    tone="warn" if row["true_ups"] else "",
                ),
                c.money(row["now"], view.currency),
            )
        )
        for row in rows
    ]
    return Table(
        "closed-months",
        "Closed months",
        (
            Column("Month"),
            Column("Closed"),
            Column("At the close", "number"),
            Column("Moved since", "number", "Corrections that came after the close; the closed amount stays on record"),
            Column("Now", "number"),
        ),
        tuple(made),
        "Finance and administrators see closed months."
        if c.hidden(view, "fct_closed_month")
        else "No month has closed yet.",
        "All billed cost, AI and other, of every provider.",
        export="fct_closed_month" if made else "",
    )


def _overlap_table(view: View) -> Table:
    rows = Ask(view).rows(
        """select source_id, delivery_kind, billing_month, billing_currency, reason, sum(row_count)::bigint as rows,
                  sum(billed_cost) as billed_cost
           from fct_bill_overlap group by all order by billing_month desc, billed_cost desc""",
    )
    return Table(
        "delivered-twice",
        "Delivered twice, counted once",
        (
            Column("Left out"),
            Column("Month"),
            Column("Rows", "number"),
            Column("Money", "number", "What would have been counted twice"),
            Column("Why"),
        ),
        tuple(
            Row(
                (
                    c.text(row["source_id"], small=f.humanise(row["delivery_kind"])),
                    c.text(row["billing_month"]),
                    c.count(row["rows"]),
                    c.money(row["billed_cost"], row["billing_currency"]),
                    c.text(row["reason"]),
                )
            )
            for row in rows[:SHOWN]
        ),
        "No bill was delivered twice.",
        export="fct_bill_overlap" if rows else "",
        more=f"and {len(rows) - SHOWN} more" if len(rows) > SHOWN else "",
    )


def _rates_table(rates: Rows) -> Table:
    return Table(
        "exchange-rates",
        "Exchange rates",
        (
            Column("Currency"),
            Column("Newest rate", "number"),
            Column("Source"),
            Column("Days without a rate", "number"),
            Column("State", "badge"),
        ),
        tuple(
            Row(
                (
                    c.text(row["billing_currency"], small=f"to {row['reporting_currency']}"),
                    Cell(
                        "–" if row["rate"] is None else f"{row['rate'].quantize(Decimal('0.0001')):f}",
                        sort=row["rate"],
                        small="" if row["rate_date"] is None else f"of {f.day(row['rate_date'])}",
                    ),
                    c.text(row["rate_source"]),
                    c.count(row["missing_days"]),
                    c.badge("Missing", "bad") if row["missing_days"] else c.badge("Complete", "good"),
                )
            )
            for row in rates
        ),
        "All money is in the reporting currency; no rate is needed.",
        "Amounts stay in the currency they were billed in; only totals of all currencies are converted.",
        export="fct_exchange_rate_daily" if rates else "",
    )


# ── estimates ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _drift(view: View) -> Rows:
    return Ask(view).rows(
        """select provider_name, cause, count(distinct usage_date) as days,
                  string_agg(distinct model, ', ' order by model)
                      as models, sum(estimated_cost) as estimated_cost, sum(billed_cost) as billed_cost,
                  sum(drift_cost) as drift_cost, sum(price_drift_cost) as price_cost,
                  sum(quantity_drift_cost) as quantity_cost, count(*) filter (where status = 'partly') as growing
           from fct_estimate_drift_daily
           where usage_date between $first and $last and status <> 'estimated' and currency = $currency
           group by 1, 2 order by abs(sum(drift_cost)) desc nulls last, 1, 2""",
    )


def _drift_chart(view: View) -> Chart:
    last = view.period.last
    rows = Ask(view).rows(
        """select usage_date as day, sum(estimated_cost) as estimated, sum(billed_cost) as billed
           from fct_estimate_drift_daily
           where usage_date between $first and $last and status <> 'estimated' and currency = $currency
               and drift_cost is not null and estimated_cost is not null
           group by 1 order by 1""",
        first=max(view.period.first, last - timedelta(days=DRIFT_DAYS - 1)),
        last=last,
    )
    estimated, billed = c.total(rows, "estimated"), c.total(rows, "billed")
    return Chart(
        "drift",
        "Estimated and billed, per day",
        f"{view.period.label}: model usage that was both measured and billed. Hatched: tokens at the "
        "price book's prices. "
        "Solid: the bill.",
        f"Bars per day of estimated cost, {f.money(estimated, view.currency)} in all, and billed cost, "
        f"{f.money(billed, view.currency)}.",
        figures.estimate_and_bill(rows, view.currency) if rows else None,
        "No usage of this period has been both measured and billed.",
    )


def _drift_table(view: View, drift: Rows) -> Table:
    currency = view.currency
    rows = []
    for row in drift:
        words, remedy = CAUSES.get(row["cause"] or "", (f.humanise(row["cause"] or "not known"), ""))
        tone: Tone = "good" if row["cause"] == "within_tolerance" else "warn"
        growing = "; some days may still grow" if row["growing"] else ""
        rows.append(
            Row(
                (
                    c.text(
                        row["provider_name"],
                        small=f"{row['models'] or 'no model'}; {f.count(row['days'], 'day')}{growing}",
                    ),
                    Cell(words, sort=words, tone=tone, small=remedy),
                    c.money(row["estimated_cost"], currency),
                    c.money(row["billed_cost"], currency),
                    c.signed(row["drift_cost"], currency),
                    c.signed(row["price_cost"], currency),
                    c.signed(row["quantity_cost"], currency),
                )
            )
        )
    totals = Row(
        (
            Cell("All"),
            Cell(""),
            c.money(c.total(drift, "estimated_cost"), currency),
            c.money(c.total(drift, "billed_cost"), currency),
            c.signed(c.total(drift, "drift_cost"), currency),
            c.signed(c.total(drift, "price_cost"), currency),
            c.signed(c.total(drift, "quantity_cost"), currency),
        )
    )
    return Table(
        "drift-causes",
        "Why bill and estimate differ",
        (
            Column("Provider"),
            Column("Cause, and what to do", "badge"),
            Column("Estimated", "number"),
            Column("Billed", "number"),
            Column("Billed − estimated", "number"),
            Column("By price", "number"),
            Column("By tokens", "number"),
        ),
        tuple(rows),
        "Finance and administrators see how estimates meet the bill."
        if c.hidden(view, "fct_estimate_drift_daily")
        else f"No model usage of {view.period.label} has met a bill in {currency} yet.",
        f"{view.period.label}, largest difference first. The bill is right; the difference says what "
        "the estimate lacks.",
        total=totals if rows else None,
        export="fct_estimate_drift_daily" if rows else "",
    )


# ── what is left out ──────────────────────────────────────────────────────────────────────────────────────────────────


def _rejected_table(rejected: Rows) -> Table:
    return Table(
        "rejected-rows",
        "Rejected rows",
        (Column("Source"), Column("Reason, and what to do"), Column("Rows", "number")),
        tuple(
            Row(
                (
                    c.text(row["source_id"], small=f"{row['table_name']}, {f.count(row['files'], 'file')}"),
                    c.text(row["reason"], small=row["remedy"] or ""),
                    c.count(row["rows"]),
                )
            )
            for row in rejected[:SHOWN]
        ),
        "Every delivered row was accepted.",
        total=Row((Cell("All"), Cell(""), c.count(sum(row["rows"] for row in rejected)))) if rejected else None,
        export="fct_rejected_row" if rejected else "",
        more=f"and {len(rejected) - SHOWN} more reasons" if len(rejected) > SHOWN else "",
    )


def _schema_table(schema: Rows) -> Table:
    return Table(
        "schema-drift",
        "Columns that changed",
        (Column("Column"), Column("Change"), Column("What happened, and what to do")),
        tuple(
            Row(
                (
                    c.text(row["column_name"], small=f"{row['source_id']}, {row['series']}"),
                    c.text(
                        f.humanise(row["change"]),
                        small=f"since {f.day(row['first_seen_date'])}" if row["first_seen_date"] else "",
                    ),
                    c.text(row["outcome"], small=row["remedy"] or ""),
                )
            )
            for row in schema[:SHOWN]
        ),
        "Deliveries have the columns that they always had.",
        export="fct_schema_drift" if schema else "",
        more=f"and {len(schema) - SHOWN} more" if len(schema) > SHOWN else "",
    )


def _meters_table(view: View) -> Table:
    rows = Ask(view).rows(
        """select sku_meter, provider_name, reason, billing_currency, sum(effective_cost) as cost
           from fct_unparsed_meter where billing_period_start >= date_trunc('month', $first::date)
               and billing_period_start <= $last and billing_currency = $currency
           group by all order by cost desc""",
    )
    return Table(
        "unparsed-meters",
        "Meters that could not be read",
        (Column("Meter"), Column("Why"), Column("Cost", "number")),
        tuple(
            Row(
                (
                    c.text(row["sku_meter"], small=row["provider_name"] or ""),
                    c.text(row["reason"], small="Teach it in config/prices.yml or config/allocation.yml"),
                    c.money(row["cost"], view.currency),
                )
            )
            for row in rows[:SHOWN]
        ),
        "Every AI meter of the bill names its model and kind of token.",
        total=Row((Cell("All"), Cell(""), c.money(c.total(rows, "cost"), view.currency))) if rows else None,
        export="fct_unparsed_meter" if rows else "",
        more=f"and {len(rows) - SHOWN} more" if len(rows) > SHOWN else "",
    )


def _candidates_table(view: View) -> Table:
    rows = Ask(view).rows(
        """select service_name, sku_meter, candidate_id, provider_name, sum(effective_cost) as cost,
                  count(distinct resource_id) as resources
           from fct_unclassified_ai_candidate where billing_period_start >= date_trunc('month', $first::date)
               and billing_period_start <= $last and billing_currency = $currency
           group by all order by cost desc, service_name""",
    )
    return Table(
        "ai-candidates",
        "May be AI spend, and is not counted as such",
        (Column("Service"), Column("Why it looks like AI"), Column("Cost", "number")),
        tuple(
            Row(
                (
                    c.text(row["service_name"], small=row["sku_meter"] or ""),
                    c.text(
                        f.humanise(row["candidate_id"].replace("-", " ")),
                        small=f"{f.count(row['resources'], 'resource')} of {row['provider_name']}",
                    ),
                    c.money(row["cost"], view.currency),
                )
            )
            for row in rows[:SHOWN]
        ),
        "Nothing on the bill looks like AI without being counted as such.",
        "Name them in config/allocation.yml, under ai_categories, or leave them out for good.",
        total=Row((Cell("All"), Cell(""), c.money(c.total(rows, "cost"), view.currency))) if rows else None,
        export="fct_unclassified_ai_candidate" if rows else "",
        more=f"and {len(rows) - SHOWN} more" if len(rows) > SHOWN else "",
    )


def _coverage_table(view: View) -> Table:
    """The newest month of the period; the company first, then whoever has most money without an owner."""
    rows = Ask(view).rows(
        """select *, max(billing_period_start) over () as newest from fct_allocation_coverage_monthly
           where currency = $currency and billing_period_start <= $last
               and scope_type in ('company', 'team', 'sub_account')
           qualify billing_period_start = max(billing_period_start) over ()
           order by scope_type <> 'company', unallocated_cost desc, scope_value""",
    )
    kinds = Counter(row["scope_type"] for row in rows)
    made = []
    for row in rows[: SHOWN + kinds["company"]]:
        target = row["target_ratio"]
        reached = row["coverage_ratio"]
        tone: Tone = "" if reached is None or target is None else "good" if reached >= target else "warn"
        ai_cost, tagged = row["ai_cost"], row["tagged_cost"]
        made.append(
            Row(
                (
                    c.scope(
                        row["scope_type"],
                        row["scope_value"],
                        small="subscription" if row["scope_type"] == "sub_account" else "",
                    ),
                    c.money(ai_cost, view.currency),
                    c.bar(reached, 1, tone=tone),
                    c.share(tagged / ai_cost if ai_cost and tagged is not None else None, 1),
                    Cell(
                        f"{row['tagged_resource_count']} of {row['resource_count']}",
                        sort=row["tagged_resource_count"],
                    ),
                    c.money(row["unallocated_cost"], view.currency),
                )
            )
        )
    month = f.month(rows[0]["newest"]) if rows else ""
    return Table(
        "tag-coverage",
        "Spend with an owner, and tags",
        (
            Column("Scope"),
            Column("AI cost", "number"),
            Column("With an owner", "bar", "By tag, name, rule or a share of a pool"),
            Column("Tagged or named itself", "number", "Without splitting a pool"),
            Column("Tagged resources", "number"),
            Column("Nobody's", "number"),
        ),
        tuple(made),
        "Nothing has been allocated yet.",
        f"{month}. aifinops tags gaps lists what no tag gives an owner, with the line that would." if rows else "",
        export="fct_allocation_coverage_monthly" if rows else "",
        more=f"and {len(rows) - len(made)} more scopes" if len(rows) > len(made) else "",
    )
