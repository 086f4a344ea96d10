"""The ledger: what was decided, for whom it stands, and what is on its way.

Here: opening the store, transactions, decisions, the state of targets, verification.
Not here: judging (decide), the queue of messages (outbox), sending (delivery).

SQLite by default (a file; write-ahead log, so that readers never wait); a PostgreSQL that SQLAlchemy reaches by URL.
Decisions, the state that follows and their messages are written in one transaction: a crash leaves all or nothing.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from sqlalchemy import Connection, Engine, create_engine, event, func, or_, select, update
from tenacity import retry, retry_if_exception_message, stop_after_delay, wait_random

from finops.config.policies import AuditSettings
from finops.periods import as_utc
from guardrails import audit
from guardrails import schema as t
from guardrails.checkpoints import Place, PlaceError
from guardrails.decide import Assessment, Decision, Mode, Override, State, TargetKey, TargetState
from guardrails.facts import plain
from guardrails.migrations import HEAD, UnknownVersionError, migrate
from guardrails.states import Level, Status, move
from guardrails.webhook import canonical_json

MIN_KEY_BYTES = 16
ELSEWHERE_SECONDS = 60.0
log = logging.getLogger(__name__)
_PREPARING = 0x61696669
"""Number of PostgreSQL's advisory lock for making tables: any that nobody else takes."""


class LedgerError(RuntimeError):
    """The ledger cannot be used as it is; the message says why and what to do."""


@dataclass(frozen=True)
class DecisionRecord:
    """A decision as it was made, and where it stands now."""

    decision_id: str
    status: Status
    document: dict[str, Any]


class Write:
    """One write transaction."""

    def __init__(self, connection: Connection, chain: audit.Chain) -> None:
        self.connection = connection
        self.chain = chain

    def state(self) -> State:
        """What ``decide`` needs to know."""
        return read_state(self.connection)

    def record(self, assessment: Assessment, as_of: datetime) -> list[Decision]:
        """Write decisions and the state of their targets; decisions that are known are left as they are.

        Returns:
            The decisions that were not known.
        """
        known = read_state(self.connection).decided
        new = [decision for decision in assessment.decisions if decision.decision_id not in known]
        for decision in new:
            row = {
                "decision_id": decision.decision_id,
                "policy_id": decision.policy_id,
                "policy_version": decision.policy_version,
                "scope_type": decision.scope_type,
                "scope_value": decision.scope_value,
                "period": decision.period,
                "level": decision.level,
                "mode": decision.mode,
                "decided_at": decision.decided_at,
                "status": decision.status,
                "document": canonical_json(decision.as_dict()),
            }
            self.connection.execute(t.decision.insert().values(**row))
            details = {"status": decision.status, "target": decision.target}
            self.chain.vouch(as_of, "decision.recorded", row, details)
        for key, target in assessment.targets.items():
            self.remember(key, target, as_of)
        return new

    def remember(self, key: TargetKey, target: TargetState, as_of: datetime) -> None:
        """Write how a target stands."""
        where = [t.target_state.c[name] == value for name, value in key._asdict().items()]
        self.connection.execute(t.target_state.delete().where(*where))
        self.connection.execute(
            t.target_state.insert().values(**key._asdict(), **_state_row(target), evaluated_at=as_of)
        )

    def settle_decision(self, decision_id: str, status: Status, at: datetime) -> None:
        """Move a decision on, and the target that stands on it.

        Raises:
            IllegalTransitionError: the decision cannot go there.
        """
        row = self.connection.execute(select(t.decision).where(t.decision.c.decision_id == decision_id)).one()
        before = Status(row.status)
        if before == status:
            return
        self.connection.execute(
            update(t.decision).where(t.decision.c.decision_id == decision_id).values(status=move(before, status))
        )
        standing = select(t.target_state).where(t.target_state.c.decision_id == decision_id)
        for target in self.connection.execute(standing).all():
            key = [
                t.target_state.c[column.name] == target._mapping[column.name] for column in t.target_state.primary_key
            ]
            following = move(Status(target.status), status)
            self.connection.execute(update(t.target_state).where(*key).values(status=following))
        self.chain.append(at, "decision.settled", decision_id, {"from": before, "to": status})


class Ledger:
    """One ledger. Close it, or use it as a context manager."""

    def __init__(self, engine: Engine, audit_key: bytes, checkpoint: Path | None, elsewhere: str | None) -> None:
        self.engine = engine
        self.audit_key = audit_key
        self.checkpoint = checkpoint
        self.elsewhere = elsewhere
        self._elsewhere_at = float("-inf")

    @classmethod
    def open(
        cls, location: Path | str, audit_key: bytes, *, checkpoint: Path | None = None, elsewhere: str | None = None
    ) -> Ledger:
        """Open a ledger, made if it does not exist.

        Args:
            location: path of a SQLite file, or an SQLAlchemy URL such as ``postgresql+psycopg://…``.
            audit_key: secret of the audit chain, at least 16 bytes; the ledger is only proven with the same key.
            checkpoint: file that each write advances.
            elsewhere: a second place (path or address, see ``checkpoints.Place``) that is advanced once a minute and at
                the end; keep it where whoever can edit the ledger cannot edit it later. One that cannot be reached is
                warned of, and keeps nobody from working.

        Raises:
            LedgerError: the key is too short, or the ledger has another version.
        """
        if len(audit_key) < MIN_KEY_BYTES:
            raise LedgerError(f"the audit key has {len(audit_key)} bytes; give it at least {MIN_KEY_BYTES} random ones")
        if isinstance(location, str) and "://" in location:
            url = location
        else:
            Path(location).parent.mkdir(parents=True, exist_ok=True)
            url = f"sqlite:///{Path(location)}"
        # A server that was restarted has dropped the connections of the pool.
        engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
        if engine.dialect.name == "sqlite":
            _use_sqlite_well(engine)
        ledger = cls(engine, audit_key, checkpoint, elsewhere)
        try:
            ledger._prepare()
        except BaseException:
            engine.dispose()
            raise
        return ledger

    def close(self) -> None:
        if self.elsewhere is not None and self._elsewhere_at > float("-inf"):
            self._advance_elsewhere()
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self, *, advances_checkpoint: bool = True) -> Iterator[Write]:
        """A transaction that is alone in writing, committed at the end, rolled back by any exception.

        Args:
            advances_checkpoint: False where many small writes follow each other: the caller then calls
                ``advance_checkpoint`` itself, now and then and at the end.
        """
        with self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield Write(connection, audit.Chain(connection, self.audit_key))
        if advances_checkpoint:
            self.advance_checkpoint()

    def advance_checkpoint(self) -> None:
        """Say in the checkpoint how far the audit trail has come."""
        if self.checkpoint is not None:
            with self.engine.connect().execution_options(writes=True) as connection, connection.begin():
                audit.write_checkpoint(connection, self.audit_key, Place(str(self.checkpoint)))
        if self.elsewhere is not None and time.monotonic() - self._elsewhere_at >= ELSEWHERE_SECONDS:
            self._advance_elsewhere()

    def _advance_elsewhere(self) -> None:
        """Outside a transaction of writers: they must not wait for a network."""
        self._elsewhere_at = time.monotonic()
        try:
            with self.read() as connection:
                audit.write_checkpoint(connection, self.audit_key, Place(self.elsewhere or ""))
        except PlaceError as error:
            log.warning("the audit trail's second checkpoint was not written: %s", error)

    def state(self) -> State:
        with self.read() as connection:
            return read_state(connection)

    def decisions(self, *, status: Status | None = None) -> list[DecisionRecord]:
        """All decisions, oldest first."""
        query = select(t.decision).order_by(t.decision.c.decided_at, t.decision.c.decision_id)
        if status is not None:
            query = query.where(t.decision.c.status == status)
        with self.read() as connection:
            rows = connection.execute(query).all()
        return [DecisionRecord(row.decision_id, Status(row.status), json.loads(row.document)) for row in rows]

    def note(self, at: datetime, event: str, subject: str, details: Mapping[str, Any]) -> None:
        """Put something that happened elsewhere into the audit trail; ``details`` must be JSON."""
        with self.write() as write:
            write.chain.append(at, event, subject, details)

    def notes(self, event: str) -> dict[str, dict[str, Any]]:
        """What the audit trail says of an event: subject → details of its first entry."""
        query = select(t.audit).where(t.audit.c.event == event).order_by(t.audit.c.sequence.desc())
        with self.read() as connection:
            found = {row.subject: json.loads(row.details) for row in connection.execute(query)}
            return found | audit.noted_in_stubs(connection, event)

    def verify(self) -> audit.AuditReport:
        """Prove the audit trail, and that decisions and messages are as it says."""
        with self.read() as connection:
            return audit.verify(connection, self.audit_key, self.checkpoints)

    @property
    def checkpoints(self) -> list[Place]:
        """Every place that says how far the trail has come."""
        return [Place(str(place)) for place in (self.checkpoint, self.elsewhere) if place is not None]

    def prune(self, before: datetime, settings: AuditSettings, *, who: str, why: str, now: datetime) -> audit.Removed:
        """Remove audit entries of before a moment, as the configuration allows, and leave a signed stub for them.

        Decisions, messages and all that the entries vouched for stay, and stay vouched for.

        Raises:
            LedgerError: the configuration keeps them (longer), nobody is named, nothing is that old, or the trail does
                not hold: what looks tampered with is evidence.
        """
        before, now = as_utc(before), as_utc(now)
        if not who.strip() or not why.strip():
            raise LedgerError("say who removes them, and why: it stays on the record")
        if settings.keep_days is None:
            raise LedgerError(
                "guardrails.yml keeps the audit trail for ever; set audit.keep_days to remove what is older"
            )
        if before > now - timedelta(days=settings.keep_days):
            limit = f"{now - timedelta(days=settings.keep_days):%Y-%m-%d}"
            raise LedgerError(
                f"guardrails.yml keeps the audit trail for {settings.keep_days} days: name a day up to {limit}"
            )
        problems = self.verify().problems
        if problems:
            raise LedgerError(f"the audit trail does not hold, and what is left of it is evidence: {problems[0]}")
        with self.write() as write:
            removed = audit.remove_old(write.chain, before, who=who.strip(), why=why.strip(), now=now)
        if removed is None:
            raise LedgerError(f"no entry of the audit trail is older than {before:%Y-%m-%d}")
        return removed

    def _prepare(self) -> None:
        with self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            if connection.dialect.name == "postgresql":
                # Two processes that open a new ledger at once would both create its tables.
                connection.execute(select(func.pg_advisory_xact_lock(_PREPARING)))
            try:
                migrate(connection)
            except UnknownVersionError as error:
                raise LedgerError(
                    f"{self.engine.url.render_as_string()} is a ledger of version {error.version}; this program reads "
                    f"version {HEAD}. Use the program that wrote it, or start a new ledger beside it"
                ) from None


def read_state(connection: Connection) -> State:
    """What decisions depend on; the overrides among it, those included that are over."""
    leaving = select(t.outbox.c.decision_id).where(
        t.outbox.c.is_order, or_(t.outbox.c.attempts > 0, t.outbox.c.lease_token.is_not(None))
    )
    sent: set[str] = set(connection.execute(leaving).scalars())
    targets = {}
    for row in connection.execute(select(t.target_state)):
        key = TargetKey(row.policy_id, row.scope_type, row.scope_value, row.period_shape, row.subject)
        targets[key] = TargetState(
            policy_version=row.policy_version,
            mode=cast(Mode, row.mode),
            period=row.period,
            level=Level(row.level),
            status=Status(row.status),
            round=row.round,
            clear_count=row.clear_count,
            counted_through=row.counted_through,
            reference=None if row.reference is None else Decimal(row.reference),
            raised_at={Level(name): datetime.fromisoformat(at) for name, at in json.loads(row.raised_at).items()},
            ordered=tuple(Level(name) for name in row.ordered.split()),
            acts_at=row.acts_at,
            pending_id=row.pending_id,
            pending_level=Level(row.pending_level) if row.pending_level else None,
            pending_until=row.pending_until,
            trusted_until=row.trusted_until,
            decision_id=row.decision_id,
            is_sent=row.decision_id in sent,
        )
    overrides = tuple(
        Override(row.scope_type, row.scope_value, row.until, row.policy_id)
        for row in connection.execute(select(t.guardrail_override).order_by(t.guardrail_override.c.at))
    )
    return State(targets, frozenset(connection.execute(select(t.decision.c.decision_id)).scalars()), overrides)


def _state_row(target: TargetState) -> dict[str, Any]:
    row = dict(vars(target))
    del row["is_sent"]
    return row | {
        "reference": None if target.reference is None else str(target.reference),
        "raised_at": canonical_json({level: plain(as_utc(at)) for level, at in target.raised_at.items()}),
        "ordered": " ".join(target.ordered),
    }


@retry(
    retry=retry_if_exception_message(match="database is locked"),
    wait=wait_random(0.01, 0.1),
    stop=stop_after_delay(30),
    reraise=True,
)
def _write_ahead(cursor: Any) -> None:
    """Two processes may make the same new ledger, and SQLite does not wait by itself to change a journal's mode."""
    cursor.execute("PRAGMA journal_mode = WAL")


def _use_sqlite_well(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        # The driver's own transaction handling begins too late for BEGIN IMMEDIATE.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA busy_timeout = 30000")
        _write_ahead(cursor)
        # A webhook must never leave before the decision behind it would survive a power cut.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
