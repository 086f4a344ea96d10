"""The audit trail: append-only, chained by HMAC, with checkpoints kept elsewhere.

Here: appending entries, proving them, checkpoints.
Not here: which events are worth an entry (ledger, outbox).

A chain shows an edited entry and one missing from the middle. It cannot show that its end was cut off: for that, each
checkpoint says how far the chain had come, and it helps only where whoever can write the ledger cannot write it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select, update

from finops.periods import as_utc
from guardrails import schema as t
from guardrails.webhook import canonical_json

START = "0" * 64
_VOUCHING = ("decision.recorded", "message.queued", "feedback.recorded", "gate.answered")
"""Events whose entry holds the digest of the document that was written with it."""
_HEAD_ID = 1


@dataclass(frozen=True)
class AuditReport:
    """``problems`` is empty where everything is as it was written; each names the entry and what is wrong."""

    entries: int
    problems: tuple[str, ...]
    checkpoint_sequence: int | None
    """How far a checkpoint vouches for completeness; None without one."""

    @property
    def is_intact(self) -> bool:
        return not self.problems


class Chain:
    """The end of the chain, held for one write transaction; making it waits for every other writer."""

    def __init__(self, connection: Connection, key: bytes) -> None:
        self.connection = connection
        self.key = key
        row = connection.execute(select(t.chain_head).with_for_update()).one()
        self.sequence: int = row.sequence
        self.mac: str = row.mac

    def append(self, at: datetime, event: str, subject: str, details: Mapping[str, Any]) -> None:
        """Add one entry; ``details`` must be JSON."""
        self.extend([(at, event, subject, details)])

    def extend(self, entries: Iterable[tuple[datetime, str, str, Mapping[str, Any]]]) -> None:
        """Add entries of moment, event, subject and details in their order."""
        rows: list[dict[str, Any]] = []
        for at, event, subject, details in entries:
            text = canonical_json(details)
            self.sequence += 1
            self.mac = _mac(self.key, self.sequence, at, event, subject, text, self.mac)
            entry = {"sequence": self.sequence, "at": at, "event": event, "subject": subject, "details": text}
            rows.append({**entry, "mac": self.mac})
        if not rows:
            return
        self.connection.execute(t.audit.insert(), rows)
        self.connection.execute(
            update(t.chain_head).where(t.chain_head.c.id == _HEAD_ID).values(sequence=self.sequence, mac=self.mac)
        )


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def verify(connection: Connection, key: bytes, checkpoint: Path | None) -> AuditReport:
    """Recompute the whole chain, and compare what it vouches for: decisions, messages, feedback, the checkpoint."""
    problems: list[str] = []
    previous, expected, count = START, 1, 0
    macs: dict[int, str] = {0: START}
    vouched: dict[str, dict[str, str]] = {event: {} for event in _VOUCHING}
    for row in connection.execute(select(t.audit).order_by(t.audit.c.sequence)):
        count += 1
        if row.sequence != expected:
            problems.append(f"audit entries {expected} to {row.sequence - 1} are missing")
        if not hmac.compare_digest(
            _mac(key, row.sequence, row.at, row.event, row.subject, row.details, previous), row.mac
        ):
            problems.append(f"audit entry {row.sequence} ({row.event}) was changed, or the one before it")
        if row.event in vouched:
            vouched[row.event][row.subject] = json.loads(row.details).get("sha256", "")
        macs[row.sequence] = row.mac
        previous, expected = row.mac, row.sequence + 1
    head = connection.execute(select(t.chain_head)).one_or_none()
    if head is None or (head.sequence, head.mac) != (expected - 1, previous):
        problems.append(f"the audit trail ends at entry {expected - 1}, but the ledger wrote more or other entries")
    problems += _compare(connection, vouched)
    reached: int | None = None
    if checkpoint is not None:
        reached, found = _check(checkpoint, key, macs)
        problems += found
    return AuditReport(count, tuple(problems), reached)


def write_checkpoint(connection: Connection, key: bytes, path: Path) -> None:
    """Say how far the chain has come; the file is swapped whole.

    A checkpoint that the chain does not lead on from is left as it is: it is the evidence of what happened, and
    ``verify`` reports it.
    """
    head = connection.execute(select(t.chain_head)).one()
    sequence: int = head.sequence
    mac: str = head.mac
    if path.exists():
        previous = _read_checkpoint(path, key)
        if previous is None or previous["sequence"] >= sequence:
            return
        known = select(t.audit.c.mac).where(t.audit.c.sequence == previous["sequence"])
        if previous["sequence"] > 0 and connection.execute(known).scalar() != previous["mac"]:
            return
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"sequence": sequence, "mac": mac, "proof": _proof(key, sequence, mac)}
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with part.open("w", encoding="utf-8") as file:
        file.write(canonical_json(document) + "\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _mac(key: bytes, sequence: int, at: datetime, event: str, subject: str, details: str, previous: str) -> str:
    entry = {
        "sequence": sequence, "at": as_utc(at).isoformat(), "event": event, "subject": subject, "details": details,
        "previous": previous,
    }  # fmt: skip
    return hmac.new(key, canonical_json(entry).encode(), hashlib.sha256).hexdigest()


def _proof(key: bytes, sequence: int, mac: str) -> str:
    return hmac.new(key, f"checkpoint:{sequence}:{mac}".encode(), hashlib.sha256).hexdigest()


def _read_checkpoint(path: Path, key: bytes) -> dict[str, Any] | None:
    """None where the file is not a checkpoint made with this key."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        is_genuine = hmac.compare_digest(document["proof"], _proof(key, document["sequence"], document["mac"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return document if is_genuine else None


def _check(path: Path, key: bytes, macs: Mapping[int, str]) -> tuple[int | None, list[str]]:
    if not path.exists():
        is_new = len(macs) == 1
        missing = f"the checkpoint {path} does not exist: nothing shows whether the trail's end was cut off"
        return None, [] if is_new else [missing]
    document = _read_checkpoint(path, key)
    if document is None:
        return None, [f"the checkpoint {path} was changed, or was made with another key"]
    sequence: int = document["sequence"]
    if sequence not in macs:
        return sequence, [f"the audit trail was cut off: the checkpoint knows entry {sequence}, the ledger does not"]
    if not hmac.compare_digest(macs[sequence], document["mac"]):
        return sequence, [f"audit entry {sequence} is not the one that the checkpoint knows: the trail was rewritten"]
    return sequence, []


def _compare(connection: Connection, vouched: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Rows that differ from what the trail says was written, on either side."""
    problems = []
    d = t.decision.c
    columns = ("policy_id", "policy_version", "scope_type", "scope_value", "period", "level", "mode")
    decisions: dict[str, str] = {}
    for row in connection.execute(select(t.decision).order_by(d.decided_at, d.decision_id)):
        decisions[row.decision_id] = digest(row.document)
        document = json.loads(row.document)
        problems += [
            f"decision {row.decision_id}: column {name} was changed"
            for name in columns
            if getattr(row, name) != document[name]
        ]
    messages = {row.message_id: digest(row.body) for row in connection.execute(select(t.outbox))}
    feedback: dict[str, str] = {}
    for row in connection.execute(select(t.incident_feedback).order_by(t.incident_feedback.c.sequence)):
        feedback[row.feedback_id] = digest(row.document)
        if row.incident_id != json.loads(row.document)["incident_id"]:
            problems.append(f"feedback {row.feedback_id}: column incident_id was changed")
    asks = {row.ask_id: digest(row.document) for row in connection.execute(select(t.gate_ask))}
    rows = zip(
        ("decision", "message", "feedback", "ask"), _VOUCHING, (decisions, messages, feedback, asks), strict=True
    )
    for what, event, found in rows:
        written = vouched[event]
        problems += [f"{what} {name} was deleted" for name in written if name not in found]
        problems += [f"{what} {name} was never recorded" for name in found if name not in written]
        problems += [f"{what} {name} was changed" for name in found if written.get(name, found[name]) != found[name]]
    return problems
