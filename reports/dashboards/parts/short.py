"""What needs attention in a few sentences, worst first, then what is fine: "In short".

Here: the sentences of a scope with the ways on. Not here: the sentences' own rules (``reports.summary.headlines``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from reports import formatting as f
from reports.dashboards.ask import Ask
from reports.dashboards.model import Link, Note, Notes, Target, Tone
from reports.dashboards.parts import gpus, spend, words
from reports.frames import ZERO
from reports.measures.budgets import BudgetLine, Projection
from reports.measures.coverage import Coverage
from reports.measures.gpu import GpuUse
from reports.measures.health import Reconciliation, reconciliation
from reports.measures.incidents import Incidents
from reports.measures.missing import Missing
from reports.summary import headlines

_TONES: Mapping[str, Tone] = {"bad": "bad", "warn": "warn", "good": "good"}
_COMPANY = {
    "health": Link("Data health", Target("data-health")),
    "budgets": Link("Budgets", Target("finance", anchor="budgets")),
    "incidents": Link("Incidents", Target("on-call", anchor="incidents")),
    "allocation": Link("Who is charged with what", Target("finance", anchor="allocation")),
    "gpu": Link("GPUs", Target("gpu")),
}
_OVER = Missing("The period is over.")
_OF_COMPANY = Missing("It is told of the company only.")
MOVED_RATIO = 20
"""A part that moved spend by less than a twentieth of it is not worth a sentence."""


def of_company(
    ask: Ask,
    expected: Projection | Missing | None,
    own: BudgetLine | None,
    lines: tuple[BudgetLine, ...],
    covered: Coverage | Missing,
    found: Incidents,
    whole: spend.Total,
    teams: Sequence[spend.Part],
) -> Notes:
    """Budget, incidents, owners, idle GPUs, whether the figures are the bill's, and which team moved them most."""
    used = gpus.company_use(ask)
    said = headlines(
        ask.currency,
        month=ask.month if ask.is_current else None,
        projection=expected or _OVER,
        budget=own or _OVER,
        budgets=lines,
        covered=covered,
        found=found,
        reconciled=_reconciled(ask),
        idle_pools=[pool.pool for pool in used.idle_pools] if isinstance(used, GpuUse) else (),
        idle_cost=gpus.idle_cost(ask),
        idle_when=words.within(ask.view.period),
    )
    notes = [Note(line.text, _TONES[line.tone], _COMPANY[line.anchor]) for line in said]
    return _notes(notes + _moved(ask, whole, teams, lambda team: Link(f"Team {team}", Target("team", team))))


def of_scope(
    ask: Ask,
    expected: Projection | Missing | None,
    own: BudgetLine | None,
    lines: tuple[BudgetLine, ...],
    found: Incidents,
    whole: spend.Total,
    parts: Sequence[spend.Part],
    link: Callable[[str], Link],
) -> Notes:
    """Of a team or an app: budget, incidents, and which of its parts moved spend most."""
    said = headlines(
        ask.currency,
        month=ask.month if ask.is_current else None,
        projection=expected or _OVER,
        budget=own or _OVER,
        budgets=tuple(line for line in lines if line is not own) if ask.is_current else (),
        covered=_OF_COMPANY,
        found=found,
        reconciled=_OF_COMPANY,
        idle_pools=(),
        idle_cost=ZERO,
    )
    ways = {
        "budgets": Link("Budgets", ask.here("budgets")),
        "incidents": Link("Incidents", ask.here("incidents")),
    }
    notes = [Note(line.text, _TONES[line.tone], ways[line.anchor]) for line in said]
    if not found.open:
        notes.append(Note(f"No cost or usage of {ask.name} is far from what is expected.", "good"))
    return _notes(notes + _moved(ask, whole, parts, link))


def _notes(notes: Sequence[Note]) -> Notes:
    return Notes("In short", tuple(notes) or (Note("There is nothing to say yet: no bill has arrived."),))


def _moved(ask: Ask, whole: spend.Total, parts: Sequence[spend.Part], link: Callable[[str], Link]) -> list[Note]:
    """Which part changed most, where that is much of the whole."""
    known = [(part.name, part.now - part.before) for part in parts if part.name is not None and part.before is not None]
    if not known:
        return []
    name, difference = max(known, key=lambda one: abs(one[1]))
    if abs(difference) * MOVED_RATIO < whole.now or not difference:
        return []
    change = f.signed_money(difference, ask.currency)
    return [Note(f"{name} changed most: {change} against {ask.view.period.before_label}.", link=link(name))]


def _reconciled(ask: Ask) -> Reconciliation | Missing:
    """The period's days of the bill against the marts."""
    return reconciliation(
        ask.frame(
            "fct_reconciliation_daily",
            "(billing_currency = $currency or billing_currency is null) "
            "and (usage_date between $first and $last or usage_date is null)",
        )
    )
