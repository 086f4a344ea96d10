"""What people said of incidents: verdicts, notice taken, the end.

Here: recording it beside the decisions, append-only and in the audit trail; reading all of it.
Not here: what follows from it (models, dbt), and which incidents there are (models).

A later verdict supersedes an earlier one and deletes nothing.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from sqlalchemy import func, select

from finops.periods import as_utc
from guardrails import schema as t
from guardrails.ledger import Ledger, Write
from guardrails.webhook import canonical_json

Kind = Literal["verdict", "acknowledge", "resolve"]
Verdict = Literal["real", "false", "planned"]


@dataclass(frozen=True)
class Occasion:
    """The incident as it stood when somebody spoke of it: what it says stays true where the incident changes."""

    incident_id: str
    scope_type: str
    scope_value: str
    currency: str
    first_seen: date
    last_seen: date


@dataclass(frozen=True)
class Feedback:
    """One thing that was said. ``verdict`` is None unless ``kind`` is verdict."""

    feedback_id: str
    kind: Kind
    verdict: Verdict | None
    why: str | None
    who: str
    given_at: datetime
    occasion: Occasion


def record_feedback(
    ledger: Ledger,
    occasion: Occasion,
    kind: Kind,
    *,
    who: str,
    given_at: datetime,
    verdict: Verdict | None = None,
    why: str | None = None,
) -> Feedback:
    """Keep what was said, for good.

    Raises:
        ValueError: a verdict without its reason, or nobody who says it; ``given_at`` has no time zone.
    """
    with ledger.write() as write:
        return record_feedback_in(write, occasion, kind, who=who, given_at=given_at, verdict=verdict, why=why)


def record_feedback_in(
    write: Write,
    occasion: Occasion,
    kind: Kind,
    *,
    who: str,
    given_at: datetime,
    verdict: Verdict | None = None,
    why: str | None = None,
) -> Feedback:
    """``record_feedback`` in a transaction of the caller's."""
    if (kind == "verdict") != (verdict is not None):
        raise ValueError("a verdict says real, false or planned, and only a verdict does")
    if kind == "verdict" and not (why or "").strip():
        raise ValueError("a verdict needs a reason: who judges the next one like it will read it")
    if not who.strip():
        raise ValueError("name who says it")
    given_at = as_utc(given_at)
    found = Feedback(secrets.token_hex(8), kind, verdict, (why or "").strip() or None, who.strip(), given_at, occasion)
    document = canonical_json(
        {
            "kind": kind,
            "verdict": verdict,
            "why": found.why,
            "who": found.who,
            "given_at": given_at.isoformat(),
            "incident_id": occasion.incident_id,
            "scope_type": occasion.scope_type,
            "scope_value": occasion.scope_value,
            "currency": occasion.currency,
            "first_seen": occasion.first_seen.isoformat(),
            "last_seen": occasion.last_seen.isoformat(),
        }
    )
    highest = write.connection.execute(select(func.max(t.incident_feedback.c.sequence))).scalar() or 0
    row = {
        "feedback_id": found.feedback_id,
        "sequence": highest + 1,
        "incident_id": occasion.incident_id,
        "given_at": given_at,
        "document": document,
    }
    write.connection.execute(t.incident_feedback.insert().values(**row))
    write.chain.vouch(given_at, "feedback.recorded", row, {"incident": occasion.incident_id, "kind": kind})
    return found


def feedback_given(ledger: Ledger, *, incident_id: str | None = None) -> list[Feedback]:
    """All that was said, oldest first."""
    query = select(t.incident_feedback).order_by(t.incident_feedback.c.sequence)
    if incident_id is not None:
        query = query.where(t.incident_feedback.c.incident_id == incident_id)
    with ledger.read() as connection:
        rows = connection.execute(query).all()
    return [_read(row.feedback_id, json.loads(row.document)) for row in rows]


def _read(feedback_id: str, said: dict[str, str]) -> Feedback:
    return Feedback(
        feedback_id,
        said["kind"],  # type: ignore[arg-type]
        said["verdict"],  # type: ignore[arg-type]
        said["why"],
        said["who"],
        datetime.fromisoformat(said["given_at"]),
        Occasion(
            said["incident_id"],
            said["scope_type"],
            said["scope_value"],
            said["currency"],
            date.fromisoformat(said["first_seen"]),
            date.fromisoformat(said["last_seen"]),
        ),
    )
