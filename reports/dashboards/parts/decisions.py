"""What guardrails decided about a scope.

Here: the table of decisions. Not here: who must approve what (the page for whoever is on call), deciding (guardrails).
"""

from __future__ import annotations

from reports.dashboards import cells
from reports.dashboards.ask import Ask
from reports.dashboards.model import Cell, Column, Row, Table, Target
from reports.measures.decisions import DecisionView, newest_first

SHOWN = 20


def decisions_of(ask: Ask) -> list[DecisionView]:
    """Of a team also those about its apps, newest first."""
    apps = (
        {row["app"] for row in ask.rows("select app from dim_app where team = $scope")} if ask.kind == "team" else set()
    )
    return [
        one
        for one in newest_first(ask.view.operations.decisions)
        if ask.kind == "company"
        or (one.scope_type == ask.kind and one.scope_value == ask.view.scope)
        or (one.scope_type == "app" and one.scope_value in apps)
    ]


def table(ask: Ask) -> Table:
    found = decisions_of(ask)
    return Table(
        "decisions",
        "Guardrail decisions",
        (
            Column("Target"),
            Column("Policy"),
            Column("Level", "badge"),
            Column("Status"),
            Column("Value", "number"),
            Column("Reference", "number", "A budget, or what is typical"),
            Column("Ratio", "number"),
        ),
        tuple(_row(one) for one in found[:SHOWN]),
        f"No guardrail has fired about {ask.name}.",
        caption="Newest first. Unfold a row for why, and what follows. Dry run: it was recorded and told, but "
        "nobody was asked to act.",
        more=cells.more(len(found), SHOWN, "older ones"),
    )


def _row(one: DecisionView) -> Row:
    details = [one.reason] if one.reason else []
    details += [f"Asked for: {', '.join(one.orders)}."] if one.orders else []
    details += [f"Not asked for: {', '.join(one.withheld)}."] if one.withheld else []
    details += [f"Suppressed: {one.suppression_words}."] if one.suppressed_because else []
    return Row(
        (
            Cell(one.target, small=one.period_words),
            Cell(one.policy_id, small=one.decided_at, target=Target("policy", one.policy_id)),
            Cell(one.level_words, tone=one.tone),
            Cell(one.status_words, small="Dry run" if one.is_dry_run else ""),
            Cell(one.money(one.value), sort=one.value),
            Cell(one.money(one.reference), sort=one.reference),
            Cell(one.ratio_words, sort=one.ratio),
        ),
        details=tuple(details),
    )
