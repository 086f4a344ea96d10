"""The audit trail: append-only, chained by HMAC, with checkpoints kept elsewhere.

Here: appending entries, proving them, checkpoints, removing what is old.
Not here: which events are worth an entry (ledger, outbox), where checkpoints are kept (checkpoints).

A chain shows an edited entry and one missing from the middle. It cannot show that its end was cut off: for that, each
checkpoint says how far the chain had come, and it helps only where whoever can write the ledger cannot write it.
What is old may be removed for a stub: signed, it says what was there, vouches for what it vouched for, and the chain
goes on from its last entry.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, select, update

from finops.periods import as_utc
from guardrails import schema as t
from guardrails.checkpoints import Place, PlaceError
from guardrails.webhook import canonical_json

START = "0" * 64
Entry = tuple[datetime, str, str, Mapping[str, Any]]
"""Moment, event, subject and details."""


@dataclass(frozen=True)
class _Vouched:
    """Rows that entries of an event vouch for: an entry's subject is the row's name, and it has the row's digests."""

    what: str
    table: Table
    key: tuple[str, ...]
    """Columns that name a row, with slashes between."""
    main: tuple[str, ...]
    """Columns of ``sha256``: the text of one, where it is a document, or the values of several."""
    others: tuple[str, ...] = ()
    """Columns of ``columns_sha256``, which entries of earlier programs lack. None of them ever changes."""

    def name(self, row: Mapping[str, Any]) -> str:
        return "/".join(str(row[column]) for column in self.key)

    def digests(self, row: Mapping[str, Any]) -> dict[str, str]:
        main = digest(row[self.main[0]]) if len(self.main) == 1 else digest_of({name: row[name] for name in self.main})
        others = {"columns_sha256": digest_of({name: row[name] for name in self.others})} if self.others else {}
        return {"sha256": main} | others


_VOUCHED = {
    "decision.recorded": _Vouched("decision", t.decision, ("decision_id",), ("document",), ("decided_at",)),
    "message.queued": _Vouched(
        "message", t.outbox, ("message_id",), ("body",),
        ("sequence", "decision_id", "route_id", "kind", "is_order", "created_at"),
    ),
    "feedback.recorded": _Vouched(
        "feedback", t.incident_feedback, ("feedback_id",), ("document",), ("sequence", "given_at")
    ),
    "gate.answered": _Vouched("ask", t.gate_ask, ("ask_id",), ("document",), ("sequence", "job", "asked_at")),
    "gate.voted": _Vouched(
        "answer to an ask", t.gate_vote, ("ask_id", "who"), ("ask_id", "who", "at", "verdict", "why")
    ),
    "guardrail.voted": _Vouched(
        "vote", t.guardrail_vote, ("decision_id", "who"), ("decision_id", "who", "verdict", "why"), ("at",)
    ),
    "guardrail.overridden": _Vouched(
        "override", t.guardrail_override, ("override_id",),
        ("override_id", "scope_type", "scope_value", "policy_id", "who", "why"), ("at", "until"),
    ),
    "actuation.intended": _Vouched(
        "actuation", t.actuation, ("actuation_id",), ("document",),
        ("sequence", "message_id", "decision_id", "route_id", "target", "action", "object", "restores", "intended_at"),
    ),
    "notice.recorded": _Vouched(
        "notice", t.notice, ("notice_id",), ("document",),
        ("sequence", "kind", "severity", "thread", "scope", "team", "policy_id", "at", "ends_thread", "route_id"),
    ),
    "thread.answered": _Vouched(
        "answer", t.thread_response, ("response_id",),
        ("response_id", "sequence", "thread", "kind", "at", "until", "who", "why"),
    ),
    "link.used": _Vouched(
        "used link", t.link_use, ("nonce",), ("nonce", "action", "subject", "audience", "who", "at", "outcome")
    ),
}  # fmt: skip
_LATER = frozenset({"notice.recorded", "thread.answered", "link.used", "gate.voted"})
"""Events that did not vouch in earlier programs: their stubs keep nothing of them."""
_OWN = frozenset(
    {
        "actuation", "audit", "decision", "evaluation", "feedback", "gate", "guardrail", "link", "message", "notice",
        "order", "route", "thread",
    }
)  # fmt: skip
"""First words of the events that guardrails write; entries of others are what somebody looks up by, and stay known."""
_HEAD_ID = 1


@dataclass(frozen=True)
class AuditReport:
    """``problems`` is empty where everything is as it was written; each names the entry and what is wrong."""

    entries: int
    problems: tuple[str, ...]
    checkpoint_sequence: int | None
    """How far a checkpoint vouches for completeness; None without one."""
    removed: int = 0
    """Entries that were removed as old, and that stubs stand for."""

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

    def vouch(self, at: datetime, event: str, row: Mapping[str, Any], details: Mapping[str, Any]) -> None:
        """Add the entry that vouches for a row that is written in the same transaction; see ``voucher``."""
        self.extend([voucher(at, event, row, details)])

    def extend(self, entries: Iterable[Entry]) -> None:
        """Add entries in their order."""
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


def voucher(at: datetime, event: str, row: Mapping[str, Any], details: Mapping[str, Any]) -> Entry:
    """The entry that vouches for a row, named by it and with its digests beside ``details``.

    Args:
        event: one that vouches for rows of a table.
        row: at least the columns that never change, as they are written.
    """
    kind = _VOUCHED[event]
    return at, event, kind.name(row), {**details, **kind.digests(row)}


def digest(text: str) -> str:
    """SHA-256 of a text in UTF-8, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def digest_of(values: Mapping[str, Any]) -> str:
    """The digest of a row's values as canonical JSON, times as UTC in ISO 8601: the same on every engine."""
    return digest(canonical_json({name: _as_text(value) for name, value in values.items()}))


def verify(connection: Connection, key: bytes, places: Sequence[Place]) -> AuditReport:
    """Recompute the whole chain, and compare what it vouches for: decisions, messages, answers, checkpoints and so on.

    Entries of earlier programs vouch for what they say: some of a row's columns, or only that it was written.
    """
    vouched: dict[str, dict[str, str]] = {event: {} for event in _VOUCHED}
    previous, removed, unread, problems = _read_stubs(connection, key, vouched)
    expected, count = removed + 1, 0
    macs: dict[int, str] = {removed: previous}
    for row in connection.execute(select(t.audit).order_by(t.audit.c.sequence)):
        count += 1
        if row.sequence != expected:
            problems.append(f"audit entries {expected} to {row.sequence - 1} are missing")
        if not hmac.compare_digest(
            _mac(key, row.sequence, row.at, row.event, row.subject, row.details, previous), row.mac
        ):
            problems.append(f"audit entry {row.sequence} ({row.event}) was changed, or the one before it")
        if row.event in vouched:
            name, written = _vouched_by(row)
            vouched[row.event][name] = written
        macs[row.sequence] = row.mac
        previous, expected = row.mac, row.sequence + 1
    head = connection.execute(select(t.chain_head)).one_or_none()
    if head is None or (head.sequence, head.mac) != (expected - 1, previous):
        problems.append(f"the audit trail ends at entry {expected - 1}, but the ledger wrote more or other entries")
    problems += _compare(connection, vouched, unread)
    reached: int | None = None
    for place in places:
        vouched_to, found = _check(place, key, macs, removed)
        problems += found
        reached = vouched_to if reached is None else max(reached, vouched_to or 0)
    return AuditReport(count, tuple(problems), reached, removed)


def write_checkpoint(connection: Connection, key: bytes, place: Place) -> None:
    """Say how far the chain has come; the text is swapped whole.

    A checkpoint that the chain does not lead on from is left as it is: it is the evidence of what happened, and
    ``verify`` reports it.

    Raises:
        PlaceError: the place cannot be reached.
    """
    head = connection.execute(select(t.chain_head)).one()
    sequence: int = head.sequence
    mac: str = head.mac
    text = place.read()
    if text is not None:
        previous = _genuine(text, key)
        if previous is None or previous["sequence"] >= sequence:
            return
        known = select(t.audit.c.mac).where(t.audit.c.sequence == previous["sequence"])
        found = connection.execute(known).scalar()
        is_removed = found is None and previous["sequence"] <= _removed_through(connection)
        if previous["sequence"] > 0 and found != previous["mac"] and not is_removed:
            return
    document = {"sequence": sequence, "mac": mac, "proof": _proof(key, sequence, mac)}
    place.write(canonical_json(document) + "\n")


@dataclass(frozen=True)
class Removed:
    """Entries that were removed as old."""

    first_sequence: int
    last_sequence: int
    entries: int


def remove_old(chain: Chain, before: datetime, *, who: str, why: str, now: datetime) -> Removed | None:
    """Remove the oldest entries, up to the first that is not older than ``before``, and leave a stub for them.

    The stub says how many there were, from which to which, the digest of all of them and the mac that the chain goes on
    from; it keeps the digests that they vouched for, and what others noted. The removal is an entry of its own.

    Returns:
        What was removed; None where nothing is that old.
    """
    connection = chain.connection
    young = select(t.audit.c.sequence).where(t.audit.c.at >= before).order_by(t.audit.c.sequence).limit(1)
    end: int = connection.execute(young).scalar() or chain.sequence + 1
    rows = connection.execute(select(t.audit).where(t.audit.c.sequence < end).order_by(t.audit.c.sequence)).all()
    if not rows:
        return None
    entries = hashlib.sha256()
    vouched: dict[str, dict[str, str]] = {event: {} for event in _VOUCHED}
    noted: dict[str, dict[str, Any]] = {}
    for row in rows:
        entries.update(_entry(row).encode())
        if row.event in _VOUCHED:
            name, written = _vouched_by(row)
            vouched[row.event][name] = written
        elif row.event.split(".")[0] not in _OWN:
            noted.setdefault(row.event, {}).setdefault(row.subject, json.loads(row.details))
    before_them = select(t.audit_stub).order_by(t.audit_stub.c.last_sequence.desc()).limit(1)
    last_stub = connection.execute(before_them).first()
    document = {
        "first_sequence": rows[0].sequence, "last_sequence": rows[-1].sequence, "entries": len(rows),
        "first_mac": rows[0].mac, "last_mac": rows[-1].mac,
        "previous_mac": json.loads(last_stub.document)["last_mac"] if last_stub else START,
        "entries_sha256": entries.hexdigest(), "removed_at": as_utc(now).isoformat(), "before": before.isoformat(),
        "who": who, "why": why, "vouched": vouched, "noted": noted,
    }  # fmt: skip
    text = canonical_json(document)
    span = {"first_sequence": rows[0].sequence, "last_sequence": rows[-1].sequence}
    connection.execute(t.audit_stub.insert().values(**span, document=text, proof=_stub_proof(chain.key, text)))
    connection.execute(delete(t.audit).where(t.audit.c.sequence < end))
    chain.append(
        now, "audit.pruned", f"{rows[0].sequence}-{rows[-1].sequence}",
        {"entries": len(rows), "who": who, "why": why, "sha256": digest(text)},
    )  # fmt: skip
    return Removed(rows[0].sequence, rows[-1].sequence, len(rows))


def noted_in_stubs(connection: Connection, event: str) -> dict[str, dict[str, Any]]:
    """Subject → details of the entries of an event that were removed as old; the first of each subject."""
    noted: dict[str, dict[str, Any]] = {}
    for row in connection.execute(select(t.audit_stub).order_by(t.audit_stub.c.last_sequence.desc())):
        noted |= json.loads(row.document)["noted"].get(event, {})
    return noted


def _removed_through(connection: Connection) -> int:
    query = select(t.audit_stub.c.last_sequence).order_by(t.audit_stub.c.last_sequence.desc()).limit(1)
    return connection.execute(query).scalar() or 0


def _read_stubs(
    connection: Connection, key: bytes, vouched: dict[str, dict[str, str]]
) -> tuple[str, int, dict[str, datetime], list[str]]:
    """The mac that the chain goes on from, the last entry that was removed, and what is wrong with the stubs.

    And the events of which stubs of earlier programs kept nothing, with the moment until which they stand for them.
    """
    previous, removed = START, 0
    unread: dict[str, datetime] = {}
    problems: list[str] = []
    for row in connection.execute(select(t.audit_stub).order_by(t.audit_stub.c.last_sequence)):
        name = f"the stub of entries {row.first_sequence} to {row.last_sequence}"
        if not hmac.compare_digest(_stub_proof(key, row.document), row.proof):
            problems.append(f"{name} was changed, or was made with another key: somebody removed entries")
            continue
        document = json.loads(row.document)
        span = (document["first_sequence"], document["last_sequence"])
        if span != (row.first_sequence, row.last_sequence):
            problems.append(f"{name} is of other entries: {span[0]} to {span[1]}")
        if span[0] != removed + 1 or document["previous_mac"] != previous:
            problems.append(f"{name} does not follow what was removed before it: entry {removed}")
        for event, digests in document["vouched"].items():
            vouched[event].update(digests)
        unread |= dict.fromkeys(_LATER - document["vouched"].keys(), datetime.fromisoformat(document["before"]))
        previous, removed = document["last_mac"], span[1]
    return previous, removed, unread, problems


def _stub_proof(key: bytes, document: str) -> str:
    return hmac.new(key, f"stub:{document}".encode(), hashlib.sha256).hexdigest()


def _mac(key: bytes, sequence: int, at: datetime, event: str, subject: str, details: str, previous: str) -> str:
    entry = {
        "sequence": sequence, "at": as_utc(at).isoformat(), "event": event, "subject": subject, "details": details,
        "previous": previous,
    }  # fmt: skip
    return hmac.new(key, canonical_json(entry).encode(), hashlib.sha256).hexdigest()


def _entry(row: Row[Any]) -> str:
    entry = {"sequence": row.sequence, "at": as_utc(row.at).isoformat(), "event": row.event, "subject": row.subject}
    return canonical_json(entry | {"details": row.details, "mac": row.mac})


def _proof(key: bytes, sequence: int, mac: str) -> str:
    return hmac.new(key, f"checkpoint:{sequence}:{mac}".encode(), hashlib.sha256).hexdigest()


def _genuine(text: str, key: bytes) -> dict[str, Any] | None:
    """None where the text is not a checkpoint made with this key."""
    try:
        document = json.loads(text)
        is_genuine = hmac.compare_digest(document["proof"], _proof(key, document["sequence"], document["mac"]))
    except (ValueError, KeyError, TypeError):
        return None
    return document if is_genuine else None


def _check(place: Place, key: bytes, macs: Mapping[int, str], removed: int) -> tuple[int | None, list[str]]:
    name = place.location
    try:
        text = place.read()
    except PlaceError as error:
        return None, [f"the checkpoint {error}"]
    if text is None:
        is_new = len(macs) == 1 and removed == 0
        missing = f"the checkpoint {name} does not exist: nothing shows whether the trail's end was cut off"
        return None, [] if is_new else [missing]
    document = _genuine(text, key)
    if document is None:
        return None, [f"the checkpoint {name} was changed, or was made with another key"]
    sequence: int = document["sequence"]
    if sequence < removed:
        return sequence, []
    if sequence not in macs:
        return sequence, [
            f"the audit trail was cut off: the checkpoint knows entry {sequence}, the ledger does not ({name})"
        ]
    if not hmac.compare_digest(macs[sequence], document["mac"]):
        what = f"audit entry {sequence} is not the one that the checkpoint knows: the trail was rewritten ({name})"
        return sequence, [what]
    return sequence, []


def _vouched_by(entry: Row[Any]) -> tuple[str, str]:
    """The name of the row that an entry vouches for, and its digests one after the other."""
    details = json.loads(entry.details)
    name = str(entry.subject)
    if "sha256" not in details:
        if entry.event == "thread.answered":
            name = details["response"]
        elif entry.event == "gate.voted":
            name = f"{name}/{details['who']}"
        elif entry.event == "link.used":
            name = _link_of_before(name, entry.at)
    return name, details.get("sha256", "") + details.get("columns_sha256", "")


def _link_of_before(subject: str, at: datetime) -> str:
    """What earlier programs said of the link that was used."""
    return f"of {subject} at {as_utc(at).isoformat()}"


def _compare(
    connection: Connection, vouched: Mapping[str, Mapping[str, str]], unread: Mapping[str, datetime]
) -> list[str]:
    """Rows that differ from what the trail says was written, on either side."""
    problems = _columns_of_documents(connection)
    for event, kind in _VOUCHED.items():
        written = vouched[event]
        found: set[str] = set()
        for found_row in connection.execute(select(kind.table).order_by(*kind.table.primary_key)):
            row = found_row._asdict()
            name = kind.name(row)
            if event == "link.used" and name not in written:
                of_before = _link_of_before(row["subject"], row["at"])
                name = of_before if of_before in written else name
            found.add(name)
            if name not in written:
                if event not in unread or row["at"] >= unread[event]:
                    problems.append(f"{kind.what} {name} was never recorded")
            # An entry of an earlier program has fewer digests, or none.
            elif not "".join(kind.digests(row).values()).startswith(written[name]):
                problems.append(f"{kind.what} {name} was changed")
        problems += [f"{kind.what} {name} was deleted" for name in written if name not in found]
    return problems


def _columns_of_documents(connection: Connection) -> list[str]:
    """Columns that repeat what a document says, and say something else."""
    problems = []
    columns = ("policy_id", "policy_version", "scope_type", "scope_value", "period", "level", "mode")
    d = t.decision.c
    for row in connection.execute(select(t.decision).order_by(d.decided_at, d.decision_id)):
        document = json.loads(row.document)
        problems += [
            f"decision {row.decision_id}: column {name} was changed"
            for name in columns
            if getattr(row, name) != document[name]
        ]
    for row in connection.execute(select(t.incident_feedback).order_by(t.incident_feedback.c.sequence)):
        if row.incident_id != json.loads(row.document)["incident_id"]:
            problems.append(f"feedback {row.feedback_id}: column incident_id was changed")
    return problems


def _as_text(value: Any) -> Any:
    return as_utc(value).isoformat() if isinstance(value, datetime) else value
