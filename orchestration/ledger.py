"""The guardrails' ledger of a home.

Here: opening it with its audit key, its newest decisions, feedback as rows of a table.
Not here: what is in it (guardrails).
"""

from __future__ import annotations

import secrets
from typing import Any

import guardrails
from finops.paths import Home

SHOWN = 5


def open_ledger(home: Home) -> guardrails.Ledger:
    """The ledger, to be used as a context manager. Its audit key is made with it, once per home."""
    key_file = home.path / "audit.key"
    if not key_file.exists():
        home.path.mkdir(parents=True, exist_ok=True)
        # Swapped in whole: a key cut short by a crash would be refused for ever.
        part = key_file.with_suffix(".part")
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        part.write_bytes(secrets.token_bytes(32))
        part.replace(key_file)
    return guardrails.Ledger.open(home.ledger, key_file.read_bytes(), checkpoint=home.path / "ledger.checkpoint")


def recent_decisions(home: Home) -> list[dict[str, Any]]:
    """Documents of the newest decisions, newest first; none where no guardrail has ever been asked."""
    if not home.ledger.exists():
        return []
    with open_ledger(home) as ledger:
        return [record.document for record in reversed(ledger.decisions()[-SHOWN:])]


def feedback_rows(home: Home) -> list[dict[str, Any]]:
    """What people said of incidents, oldest first, as rows of ``ml.incident_feedback``."""
    if not home.ledger.exists():
        return []
    with open_ledger(home) as ledger:
        return [
            {
                "feedback_id": said.feedback_id,
                "kind": said.kind,
                "verdict": said.verdict,
                "why": said.why,
                "who": said.who,
                "given_at": said.given_at.replace(tzinfo=None),
                **vars(said.occasion),
            }
            for said in guardrails.feedback_given(ledger)
        ]
