"""The ledger's tables, in types that SQLite and PostgreSQL both keep exactly.

Here: names, columns, what a row means.
Not here: reading and writing them (ledger, outbox, audit), and making them (migrations: every change here needs a step
there; a test compares the two).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

from finops.periods import as_utc


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC times on both engines; SQLite keeps no time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        value = as_utc(value)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Period = String(20).with_variant(String(80), "postgresql")
"""A milestone's name can be long. SQLite never looks at the length, and a new one would mean a new table there."""

metadata = MetaData()

decision = Table(
    "decision",
    metadata,
    Column("decision_id", String(80), primary_key=True),
    Column("policy_id", String(80), nullable=False),
    Column("policy_version", Integer, nullable=False),
    Column("scope_type", String(40), nullable=False),
    Column("scope_value", Text, nullable=False),
    Column("period", Period, nullable=False),
    Column("level", String(20), nullable=False),
    Column("mode", String(20), nullable=False),
    Column("decided_at", UtcDateTime, nullable=False),
    Column("status", String(20), nullable=False, comment="Moves on as its orders are delivered"),
    Column("document", Text, nullable=False, comment="The decision as made: canonical JSON, never changed"),
    Index("decision_by_target", "policy_id", "scope_type", "scope_value", "period"),
)

target_state = Table(
    "target_state",
    metadata,
    Column("policy_id", String(80), primary_key=True),
    Column("scope_type", String(40), primary_key=True),
    Column("scope_value", String(400), primary_key=True),
    Column("period_shape", String(20), primary_key=True),
    Column("subject", String(200), primary_key=True, comment="Empty where there is none"),
    Column("policy_version", Integer, nullable=False),
    Column("mode", String(20), nullable=False),
    Column("period", String(80), nullable=False),
    Column("level", String(20), nullable=False),
    Column("status", String(20), nullable=False),
    Column("round", Integer, nullable=False),
    Column("clear_count", Integer, nullable=False),
    Column("counted_through", UtcDateTime),
    Column("reference", String(60), comment="Decimal as text: SQLite has no exact number type"),
    Column("raised_at", Text, nullable=False, comment="JSON: level → when it was last raised"),
    Column("ordered", String(80), nullable=False, comment="Levels whose orders were given, with spaces between"),
    Column("acts_at", UtcDateTime, comment="End of the grace of the orders of the level in force"),
    Column("pending_id", String(80), ForeignKey("decision.decision_id"), comment="The decision that waits for people"),
    Column("pending_level", String(20)),
    Column("pending_until", UtcDateTime),
    Column("trusted_until", UtcDateTime, comment="When the figures behind that decision are too old to act on"),
    Column("decision_id", String(80), ForeignKey("decision.decision_id")),
    Column("evaluated_at", UtcDateTime, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("message_id", String(300), primary_key=True),
    Column("sequence", Integer, nullable=False, unique=True, comment="Order of queueing"),
    Column("decision_id", String(80), ForeignKey("decision.decision_id")),
    Column("route_id", String(80), nullable=False),
    Column("kind", String(80), nullable=False),
    Column("is_order", Boolean, nullable=False),
    Column("body", Text, nullable=False, comment="Canonical JSON; what is sent is this text, on every attempt"),
    Column("status", String(20), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("next_attempt_at", UtcDateTime, comment="Null: at once"),
    Column("lease_token", String(40)),
    Column("lease_holder", String(300), comment="host:pid of the worker, so that a dead one is recognised at once"),
    Column("lease_until", UtcDateTime),
    Column("settled_at", UtcDateTime),
    Column("error", Text, comment="What went wrong last"),
    Column("remedy", Text, comment="What to do about it"),
    Index("outbox_by_status", "status", "sequence"),
)

delivery_attempt = Table(
    "delivery_attempt",
    metadata,
    Column("message_id", String(300), ForeignKey("outbox.message_id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column(
        "outcome",
        String(20),
        nullable=False,
        comment="started, delivered, failed, refused; started for ever: the worker died",
    ),
    Column("http_status", Integer),
    Column("error", Text),
)

route_state = Table(
    "route_state",
    metadata,
    Column("route_id", String(80), primary_key=True),
    Column("hold_until", UtcDateTime, comment="Nothing is sent before: rate limit or Retry-After"),
    Column("disabled_at", UtcDateTime, comment="The receiver answered 410 Gone"),
    Column("disabled_url", String(64), comment="SHA-256 of the address that is gone; a new address is tried again"),
    Column("failures", Integer, comment="Attempts in a row that failed; null: none"),
    Column("held_because", Text, comment="Why hold_until was set, where failures in a row were the cause"),
)

actuation = Table(
    "actuation",
    metadata,
    Column("actuation_id", String(40), primary_key=True),
    Column("sequence", Integer, nullable=False, unique=True, comment="Order of intention"),
    Column("message_id", String(300), ForeignKey("outbox.message_id"), nullable=False, comment="The order"),
    Column("decision_id", String(80), ForeignKey("decision.decision_id"), nullable=False),
    Column("route_id", String(80), nullable=False),
    Column("target", Text, nullable=False, comment="What was decided about, such as team:search"),
    Column("action", String(20), nullable=False),
    Column("object", Text, nullable=False, comment="What is changed, its name unique on the route"),
    Column("status", String(20), nullable=False),
    Column("restores", String(40), nullable=False, comment="The actuation whose prior state is put back at the end"),
    Column("document", Text, nullable=False, comment="Prior and wanted state: canonical JSON, never changed"),
    Column("intended_at", UtcDateTime, nullable=False, comment="Written before anything is sent"),
    Column("applied_at", UtcDateTime),
    Column("verified_at", UtcDateTime, comment="When it was last seen to hold"),
    Column("reverted_at", UtcDateTime),
    Column("error", Text, comment="What went wrong last"),
    Index("actuation_by_route", "route_id", "status"),
    Index("actuation_by_message", "message_id"),
)

incident_feedback = Table(
    "incident_feedback",
    metadata,
    Column("feedback_id", String(80), primary_key=True),
    Column("sequence", Integer, nullable=False, unique=True, comment="Order in which it was given"),
    Column("incident_id", String(80), nullable=False),
    Column("given_at", UtcDateTime, nullable=False),
    Column("document", Text, nullable=False, comment="What was said, by whom, of what: canonical JSON, never changed"),
    Index("feedback_by_incident", "incident_id", "sequence"),
)

gate_ask = Table(
    "gate_ask",
    metadata,
    Column("ask_id", String(40), primary_key=True),
    Column("sequence", Integer, nullable=False, unique=True, comment="Order of asking"),
    Column("job", String(200), comment="The job's own name for this attempt"),
    Column("status", String(20), nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column(
        "until",
        UtcDateTime,
        comment="held: the hold expires; waiting: the question does; settled, expired: since when the bill must know",
    ),
    Column("document", Text, nullable=False, comment="Ask and answer as given: canonical JSON, never changed"),
    Index("gate_ask_by_job", "job", "sequence"),
    Index("gate_ask_by_status", "status", "until"),
)

gate_hold = Table(
    "gate_hold",
    metadata,
    Column("ask_id", String(40), ForeignKey("gate_ask.ask_id"), primary_key=True),
    Column("budget_id", String(80), primary_key=True),
    Column("period_starts_at", UtcDateTime, primary_key=True),
    Column("amount", String(60), nullable=False, comment="Decimal as text, in the budget's currency; counts now"),
    comment="What an ask holds of a budget: no rows once it holds nothing",
)

gate_total = Table(
    "gate_total",
    metadata,
    Column("budget_id", String(80), primary_key=True),
    Column("period_starts_at", UtcDateTime, primary_key=True),
    Column("amount", String(60), nullable=False, comment="Sum of gate_hold, so that an answer need not add them up"),
)

gate_vote = Table(
    "gate_vote",
    metadata,
    Column("ask_id", String(40), ForeignKey("gate_ask.ask_id"), primary_key=True),
    Column("who", String(200), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("verdict", String(10), nullable=False),
    Column("why", Text),
)

notice = Table(
    "notice",
    metadata,
    Column("notice_id", String(300), primary_key=True),
    Column("sequence", Integer, nullable=False, unique=True, comment="Order in which they came"),
    Column("kind", String(40), nullable=False),
    Column("severity", String(20), nullable=False),
    Column("thread", String(300), nullable=False, comment="The incident, target, ask or job that it is about"),
    Column("scope", String(300), nullable=False),
    Column("team", String(200), nullable=False),
    Column("policy_id", String(80), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("ends_thread", Boolean, nullable=False),
    Column("route_id", String(80), comment="Where a policy or the gate wants it told; null: where the rules say"),
    Column("document", Text, nullable=False, comment="What is to be told: canonical JSON, never changed"),
    Index("notice_by_thread", "thread", "sequence"),
    Index("notice_by_time", "at"),
    comment="What people are to hear of; the outbox has the messages that tell it",
)

notice_message = Table(
    "notice_message",
    metadata,
    Column("message_id", String(300), ForeignKey("outbox.message_id"), primary_key=True),
    Column("notice_id", String(300), ForeignKey("notice.notice_id"), primary_key=True),
    Column("route_id", String(80), nullable=False),
    Column("purpose", String(40), nullable=False, comment="first, repeat, escalation, fallback, digest"),
    Column("at", UtcDateTime, nullable=False),
    Index("notice_message_by_notice", "notice_id"),
)

thread_response = Table(
    "thread_response",
    metadata,
    Column("response_id", String(80), primary_key=True),
    Column("sequence", Integer, nullable=False, unique=True, comment="Order in which it was given"),
    Column("thread", String(300), nullable=False),
    Column("kind", String(20), nullable=False, comment="acknowledge, snooze"),
    Column("at", UtcDateTime, nullable=False),
    Column("until", UtcDateTime, comment="End of a snooze"),
    Column("who", String(200), nullable=False),
    Column("why", Text),
    Index("thread_response_by_thread", "thread", "sequence"),
)

link_use = Table(
    "link_use",
    metadata,
    Column("nonce", String(60), primary_key=True),
    Column("action", String(20), nullable=False),
    Column("subject", String(300), nullable=False),
    Column("audience", String(80), nullable=False, comment="Route whose message carried the link"),
    Column("who", String(300), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("outcome", Text, nullable=False, comment="What was done, in words"),
    comment="Links of messages that were used: each works once",
)

guardrail_vote = Table(
    "guardrail_vote",
    metadata,
    Column("decision_id", String(80), ForeignKey("decision.decision_id"), primary_key=True),
    Column("who", String(200), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("verdict", String(10), nullable=False),
    Column("why", Text),
)

guardrail_override = Table(
    "guardrail_override",
    metadata,
    Column("override_id", String(40), primary_key=True),
    Column("scope_type", String(40), nullable=False),
    Column("scope_value", Text, nullable=False),
    Column("policy_id", String(80), comment="Null: whatever the policy"),
    Column("at", UtcDateTime, nullable=False),
    Column("until", UtcDateTime, nullable=False),
    Column("who", String(200), nullable=False),
    Column("why", Text, nullable=False),
    comment="A person's word that nothing acts on a target for some time",
)

audit_stub = Table(
    "audit_stub",
    metadata,
    Column("last_sequence", Integer, primary_key=True, autoincrement=False),
    Column("first_sequence", Integer, nullable=False),
    Column("document", Text, nullable=False, comment="What was removed, by whom and why: canonical JSON"),
    Column("proof", String(64), nullable=False, comment="HMAC-SHA-256 over the document"),
    comment="What stands for entries of the audit trail that were removed as old",
)

audit = Table(
    "audit",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("event", String(60), nullable=False),
    Column("subject", String(300), nullable=False),
    Column("details", Text, nullable=False, comment="Canonical JSON"),
    Column("mac", String(64), nullable=False, comment="HMAC-SHA-256 over this entry and the mac before it"),
)

chain_head = Table(
    "chain_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sequence", Integer, nullable=False),
    Column("mac", String(64), nullable=False),
    comment="One row: the end of the audit chain. Writers lock it first, so they wait for each other on any engine",
)
