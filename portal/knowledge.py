"""What the portal shows beside figures: issued statements, what policies mean, answers to what-ifs.

Here: reading them for people and programs.
Not here: making them (orchestration, guardrails, models).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import guardrails
from finops.config import Configuration
from finops.config.policies import Policy
from finops.money import total
from finops.paths import Home
from models import WhatIf
from portal.people import Person
from portal.words import sentence
from reports.mart_rows import plain
from reports.statements.store import read_issues

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}\.(html|csv|xlsx|json)")
_FILES = {
    "index.html": "Overview to print",
    "statements.xlsx": "Workbook (Excel)",
    "summary.csv": "Sums (CSV)",
    "lines.csv": "Lines (CSV)",
    "journal.csv": "Journal for the ledger (CSV)",
    "issue.json": "All of it (JSON)",
}
_SCENARIO = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")


def issued_months(home: Home) -> list[dict[str, Any]]:
    """Issued months, newest first, with their statements, sums by currency and files."""
    found = []
    for issue in reversed(read_issues(home.statements)):
        currencies = []
        for currency in sorted({statement.party.currency for statement in issue.statements}):
            own = [statement for statement in issue.statements if statement.party.currency == currency]
            currencies.append(
                {
                    "currency": currency,
                    "statements": len(own),
                    "charges": total(one.charges for one in own),
                    "true_ups": total(one.true_up_total for one in own),
                    "closing": total(one.closing for one in own),
                }
            )
        statements = [
            {
                "number": one.number,
                **one.party._asdict(),
                "name": one.party.name,
                "charges": one.charges,
                "true_ups": one.true_up_total,
                "closing": one.closing,
            }
            for one in issue.statements
        ]
        folder = home.statements / str(issue.period)
        files = sorted(path.name for path in folder.iterdir() if _FILE.fullmatch(path.name))
        found.append(
            {
                "month": str(issue.period),
                "first_day": issue.period.start,
                "issued_at": issue.as_of,
                "currencies": currencies,
                "statements": statements,
                "files": files,
            }
        )
    return found


def files_in_words(month: Mapping[str, Any]) -> list[tuple[str, str, bool]]:
    """Name and words of the files of an issued month that are not one statement, and whether it is a page to read."""
    statements = {f"{one['number']}.html" for one in month["statements"]}
    others = sorted(set(month["files"]) - statements, key=lambda name: ([*_FILES, name].index(name), name))
    return [(name, _FILES.get(name, name), name.endswith(".html")) for name in others]


def issued_file(home: Home, month: str, name: str) -> Path | None:
    """A file of an issued month; None for every other path."""
    if not _MONTH.fullmatch(month) or not _FILE.fullmatch(name):
        return None
    path = home.statements / month / name
    return path if path.is_file() and path.resolve().parent == (home.statements / month).resolve() else None


def may_know(person: Person, policy: Policy) -> bool:
    """A policy may name any team: whoever sees only some knows those that name them as owner or approver."""
    return person.sees_everything or person.named_in([policy.owner, *policy.approvers]) is not None


def policies_of(configuration: Configuration, person: Person, today: date) -> list[dict[str, Any]]:
    """What each policy that the person may know means, and why it can never act."""
    return [
        {
            "id": policy.id,
            "kind": policy.kind,
            "mode": policy.mode,
            "description": policy.description,
            "owner": policy.owner,
            "runbook": policy.runbook or "",
            "approvers": list(policy.approvers),
            "meaning": guardrails.meaning(policy),
            "warnings": [sentence(one) for one in guardrails.never_acts(policy, configuration, today)],
        }
        for policy in configuration.guardrails.policies
        if may_know(person, policy)
    ]


def answers(home: Home) -> list[WhatIf]:
    """Answered scenarios, oldest first; a file of another version is left out."""
    found = []
    for path in home.whatif.glob("*.json"):
        try:
            found.append(WhatIf.from_json(path.read_text(encoding="utf-8")))
        except (ValueError, KeyError, TypeError):
            continue
    return sorted(found, key=lambda answer: (answer.as_of, answer.scenario_id))


def answer_of(home: Home, scenario: str) -> WhatIf | None:
    """The newest answer of a scenario."""
    if not _SCENARIO.fullmatch(scenario):
        return None
    return next((one for one in reversed(answers(home)) if one.scenario_id == scenario), None)


def answer_document(answer: WhatIf) -> dict[str, Any]:
    document: dict[str, Any] = plain(asdict(answer))
    return document
