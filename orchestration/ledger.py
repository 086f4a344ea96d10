"""The guardrails' ledger of a home.

Here: opening it with its audit key, its newest decisions, feedback as rows of a table.
Not here: what is in it (guardrails).
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from typing import Any

import guardrails
from finops.paths import Home

SHOWN = 5
URL_VARIABLE = "AIFINOPS_LEDGER_URL"
KEY_VARIABLE = "AIFINOPS_AUDIT_KEY"
CHECKPOINT_VARIABLE = "AIFINOPS_AUDIT_CHECKPOINT"


def has_ledger(home: Home) -> bool:
    """Whether anything was ever written: a home's own ledger is made with its first use."""
    return bool(os.environ.get(URL_VARIABLE)) or home.ledger.exists()


def open_ledger(home: Home) -> guardrails.Ledger:
    """The ledger, to be used as a context manager: the one that ``AIFINOPS_LEDGER_URL`` names, or the home's own.

    The audit key of a home's own ledger is made with it, once; a shared one's is ``AIFINOPS_AUDIT_KEY``. A second
    checkpoint of its audit trail is kept where ``AIFINOPS_AUDIT_CHECKPOINT`` says: a file, a folder or an address.

    Raises:
        guardrails.LedgerError: a shared ledger without its key.
    """
    checkpoint = home.path / "ledger.checkpoint"
    address, key = os.environ.get(URL_VARIABLE), os.environ.get(KEY_VARIABLE)
    elsewhere = os.environ.get(CHECKPOINT_VARIABLE) or None
    if address:
        if not key:
            raise guardrails.LedgerError(f"{URL_VARIABLE} names a shared ledger; set {KEY_VARIABLE} to its audit key")
        return guardrails.Ledger.open(address, key.encode(), checkpoint=checkpoint, elsewhere=elsewhere)
    own = key.encode() if key else own_key(home, "audit.key")
    return guardrails.Ledger.open(home.ledger, own, checkpoint=checkpoint, elsewhere=elsewhere)


def own_key(home: Home, name: str) -> bytes:
    """A home's own secret of 32 bytes, readable by its owner only; made with its first use."""
    key_file = home.path / name
    if not key_file.exists():
        home.path.mkdir(parents=True, exist_ok=True)
        # Swapped in whole: a key cut short by a crash would be refused for ever. Linked, not replaced: of two processes
        # that make it at once the first one's stays.
        part = key_file.with_name(f".{key_file.name}.{os.getpid()}.part")
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        part.write_bytes(secrets.token_bytes(32))
        with suppress(FileExistsError):
            key_file.hardlink_to(part)
        part.unlink()
    return key_file.read_bytes()


def recent_decisions(home: Home) -> list[dict[str, Any]]:
    """Documents of the newest decisions, newest first; none where no guardrail has ever been asked."""
    if not has_ledger(home):
        return []
    with open_ledger(home) as ledger:
        return [record.document for record in reversed(ledger.decisions()[-SHOWN:])]


def feedback_rows(home: Home) -> list[dict[str, Any]]:
    """What people said of incidents, oldest first, as rows of ``ml.incident_feedback``."""
    if not has_ledger(home):
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
