"""The dashboards of a home: its published marts and what its ledger knows, as pages.

Here: reading the ledger and issued statements for pages, building the site.
Not here: what pages say (reports.dashboards), serving them (portal).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import guardrails
import reports
from finops.config.policies import Policy
from finops.money import total
from finops.paths import Home
from orchestration.decisions import told
from orchestration.ledger import has_ledger, open_ledger
from reports.statements.store import read_issues

if TYPE_CHECKING:
    from reports.dashboards.site import Site
    from reports.dashboards.view import Operations

PAGES_VARIABLE = "AIFINOPS_DASHBOARDS"
EXTENTS = ("all", "company", "none")
_SETTLED = ("delivered", "withdrawn", "would_send")


def pages_to_write(environ: Mapping[str, str]) -> str:
    """Which pages a run writes: one of ``EXTENTS``, ``all`` unless ``AIFINOPS_DASHBOARDS`` says otherwise.

    Raises:
        ValueError: it says something else.
    """
    said = environ.get(PAGES_VARIABLE) or EXTENTS[0]
    if said not in EXTENTS:
        raise ValueError(f"{PAGES_VARIABLE} is {said!r}; it may be {', '.join(EXTENTS)}")
    return said


def build_dashboards(
    home: Home,
    policies: Sequence[Policy],
    as_of: datetime,
    *,
    out_dir: Path | None = None,
    about: Collection[str] | None = None,
) -> Site:
    """Every page, in a folder that is swapped in whole.

    Args:
        policies: whose words, owners and runbooks decisions are told with.
        as_of: the moment reported on, with time zone.
        out_dir: the folder; ``home.reports`` if absent.
        about: the teams and apps that have pages; all of them if absent, none if empty.

    Raises:
        MartError: a mart lacks a column.
    """
    return reports.build_site(
        home.published,
        out_dir or home.reports,
        as_of=as_of,
        operations=operations(home, policies),
        title="AI spend",
        about=about,
    )


def operations(home: Home, policies: Sequence[Policy]) -> Operations:
    """What the ledger and issued statements know, as mappings.

    ``decisions``: ``DecisionView``'s fields. ``approvals``: the same of those that wait, with ``votes`` (``who,
    verdict, why, at``) and ``missing``, how many more must agree. ``deliveries``: what has not arrived: ``message_id,
    route_id, status, attempts, next_attempt_at, error, remedy``. ``statements``: issued months by currency: ``period,
    issued_at, currency, count`` and ``charges, true_ups, closing`` (``Decimal``).
    """
    statements = _statements(home)
    if not has_ledger(home):
        return reports.Operations(statements=statements)
    with open_ledger(home) as ledger:
        decisions = [told({**record.document, "status": str(record.status)}, policies) for record in ledger.decisions()]
        approvals = [
            told({**one.decision.as_dict(), "status": str(one.status)}, policies)
            | {"votes": [vars(vote) for vote in one.votes], "missing": one.missing}
            for one in guardrails.questions(ledger)
        ]
        deliveries = [
            {
                "message_id": one.message_id,
                "route_id": one.route_id,
                "status": str(one.status),
                "attempts": one.attempts,
                "next_attempt_at": one.next_attempt_at,
                "error": one.error,
                "remedy": one.remedy,
            }
            for one in guardrails.messages(ledger)
            if one.status not in _SETTLED
        ]
    return reports.Operations(decisions, approvals, deliveries, statements)


def _statements(home: Home) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for issue in read_issues(home.statements):
        for currency in sorted({statement.party.currency for statement in issue.statements}):
            own = [statement for statement in issue.statements if statement.party.currency == currency]
            found.append(
                {
                    "period": str(issue.period),
                    "issued_at": issue.as_of,
                    "currency": currency,
                    "count": len(own),
                    "charges": total(statement.charges for statement in own),
                    "true_ups": total(statement.true_up_total for statement in own),
                    "closing": total(statement.closing for statement in own),
                }
            )
    return found
