"""``aifinops tags``: why a resource belongs to whom it does, and what has no owner, printed.

Here: tables and sentences for a terminal.
Not here: reading and remedies (``reports.explain``), the rules themselves (dbt).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from finops.paths import Home
from reports.explain import Gap, ResourceExplanation, explain_resource, read_gaps, remedy_of, write_gaps
from reports.explain.tag_trials import PropertySet
from reports.explain.words import exact_money
from reports.formatting import day as day_words
from reports.formatting import money

_MARKS = {"decides": "✓", "beaten": "·", "not_valid": "·", "no_match": "✗", "nothing_there": "✗", "not_applicable": "–"}
_OUTCOMES = {
    "decides": "decides", "beaten": "too late", "not_valid": "not valid", "no_match": "no match",
    "nothing_there": "nothing there", "not_applicable": "not applicable",
}  # fmt: skip
_REMEDIES = {"tag": "set the tag", "rule": "add at the end of rules in tags.yml", "none": "nothing to paste"}
_KINDS = {"no_owner": "nobody", "by_name": "by name", "by_app": "by its app"}


def explain_tags(home: Home, wanted: str, day: date | None, console: Console) -> None:
    """Print every rule of tags.yml for one resource with what came of it, and the result.

    Raises:
        ResourceError: there is no such resource, or it was not charged on the day.
    """
    found = explain_resource(home.warehouse, wanted, day=day)
    _print(console, f"[bold]{escape(found.resource_id)}[/] on {day_words(found.day)}, by the rules of the last run")
    if found.pool_id is not None:
        _print(
            console,
            f"It is shared: the pool {found.pool_id} of allocation.yml decides who pays, so what follows is only what "
            "its own names and tags say.",
        )
    for number, one in enumerate(found.sets, start=1):
        _print(console, f"\n[bold]{escape(_charges(one, number, found))}[/]")
        tags = ", ".join(f"{key} = {value!r}" for key, value in one.tags.items())
        _print(console, f"Tags: {escape(tags) or 'none'}\n")
        _results(console, one)
        _trials(console, one)


def show_gaps(home: Home, console: Console, *, top: int, csv_file: Path | None) -> None:
    """Print resources without a tagged owner by money, and what would fix the first ones.

    Raises:
        GapError: nothing is published, or the CSV file cannot be written.
    """
    gaps = read_gaps(home.published)
    if csv_file is not None:
        write_gaps(gaps, csv_file)
    if not gaps:
        _print(console, "[green]✓[/] Every resource of the last 30 days has a tag that names its owner, or is shared.")
        return
    _print(console, f"[bold]{_summary(gaps)}[/]\n")
    table = Table("#", box=None, header_style="bold", pad_edge=False)
    table.add_column("30 days", justify="right", no_wrap=True)
    table.add_column("This month", justify="right", no_wrap=True)
    for heading in ("What", "Owner", "Guess", "No tag for"):
        table.add_column(heading, overflow="fold")
    for gap in gaps[: max(top * 4, 20)]:
        owner = _KINDS[gap.gap_kind] + (f": {gap.team}" if gap.team else "")
        table.add_row(
            str(gap.gap_rank),
            money(gap.cost_of_last_30_days, gap.billing_currency),
            money(gap.cost_of_open_month, gap.billing_currency),
            *map(escape, (gap.name, owner, gap.suggested_team or "", ", ".join(gap.missing))),
        )
    console.print(table)
    _print(console, "\n[bold]What would fix the first ones[/]")
    shown: dict[str, int] = {}
    for gap in gaps[:top]:
        remedy = remedy_of(gap)
        head = f"\n{gap.gap_rank}. {escape(gap.name)}"
        if remedy.text in shown:
            _print(console, f"{head}: the same as for {shown[remedy.text]}")
            continue
        _print(console, f"{head}: {_REMEDIES[remedy.kind]} ({escape(remedy.why)})")
        if remedy.text:
            _print(console, escape(remedy.text))
            shown[remedy.text] = gap.gap_rank
    if csv_file is not None:
        _print(console, f"\n[green]✓[/] {csv_file}: all {len(gaps)} with their remedies")
    else:
        _print(console, "\nAll of them with their remedies: aifinops tags gaps --csv FILE")


def _summary(gaps: Sequence[Gap]) -> str:
    currencies = sorted({gap.billing_currency for gap in gaps})
    said = []
    for currency in currencies:
        own = [gap for gap in gaps if gap.billing_currency == currency]
        nobody = sum((gap.cost_of_last_30_days for gap in own if gap.gap_kind == "no_owner"), Decimal(0))
        rest = sum((gap.cost_of_last_30_days for gap in own if gap.gap_kind != "no_owner"), Decimal(0))
        said.append(
            f"{money(nobody, currency)} of the last 30 days is nobody's, {money(rest, currency)} has no tag of its own"
        )
    return f"{len(gaps)} resources without a tagged owner: " + "; ".join(said)


def _charges(one: PropertySet, number: int, found: ResourceExplanation) -> str:
    costs = " and ".join(exact_money(cost, currency) for currency, cost in one.costs)
    which = (
        f"Charges {number} of {len(found.sets)}, which differ in tags or names" if len(found.sets) > 1 else "Charges"
    )
    return f"{which}: {one.charge_count:,}, {costs} effective cost"


def _results(console: Console, one: PropertySet) -> None:
    table = Table("Result", "Value", "Because of", box=None, header_style="bold", pad_edge=False)
    for result in one.results:
        table.add_row(result.dimension, escape(result.value or "–"), escape(result.source))
    console.print(table)
    _print(console, "")


def _trials(console: Console, one: PropertySet) -> None:
    table = Table("Finds", "Rule", "", "Outcome", "Value", box=None, header_style="bold", pad_edge=False)
    table.add_column("Because", overflow="fold")
    before = ""
    for trial in one.trials:
        table.add_row(
            trial.dimension if trial.dimension != before else "",
            escape(trial.rule_id),
            _MARKS[trial.outcome],
            _OUTCOMES[trial.outcome],
            escape(trial.value or ""),
            escape(trial.because),
            style=None if trial.outcome == "decides" else "dim",
        )
        before = trial.dimension
    console.print(table)


def _print(console: Console, text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True)
