"""Decisions, their targets, the outbox, the audit trail."""

import sqlalchemy as sa
from alembic import op

from guardrails.migrations.append_only import append_only

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "decision",
        sa.Column("decision_id", sa.String(length=80), nullable=False),
        sa.Column("policy_id", sa.String(length=80), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("scope_type", sa.String(length=40), nullable=False),
        sa.Column("scope_value", sa.Text(), nullable=False),
        sa.Column("period", sa.String(length=20), nullable=False),
        sa.Column("level", sa.String(length=20), nullable=False),
        sa.Column("mode", sa.String(length=20), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False, comment="Moves on as its orders are delivered"),
        sa.Column("document", sa.Text(), nullable=False, comment="The decision as made: canonical JSON, never changed"),
        sa.PrimaryKeyConstraint("decision_id"),
    )
    op.create_index(
        "decision_by_target", "decision", ["policy_id", "scope_type", "scope_value", "period"], unique=False
    )
    op.create_table(
        "target_state",
        sa.Column("policy_id", sa.String(length=80), nullable=False),
        sa.Column("scope_type", sa.String(length=40), nullable=False),
        sa.Column("scope_value", sa.String(length=400), nullable=False),
        sa.Column("period_shape", sa.String(length=20), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("mode", sa.String(length=20), nullable=False),
        sa.Column("period", sa.String(length=20), nullable=False),
        sa.Column("level", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("clear_count", sa.Integer(), nullable=False),
        sa.Column("counted_through", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "reference", sa.String(length=60), nullable=True, comment="Decimal as text: SQLite has no exact number type"
        ),
        sa.Column("warned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tripped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_id", sa.String(length=80), nullable=True),
        sa.Column("evaluated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["decision_id"],
            ["decision.decision_id"],
        ),
        sa.PrimaryKeyConstraint("policy_id", "scope_type", "scope_value", "period_shape"),
    )
    op.create_table(
        "outbox",
        sa.Column("message_id", sa.String(length=300), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False, comment="Order of queueing"),
        sa.Column("decision_id", sa.String(length=80), nullable=True),
        sa.Column("route_id", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("is_order", sa.Boolean(), nullable=False),
        sa.Column(
            "body", sa.Text(), nullable=False, comment="Canonical JSON; what is sent is this text, on every attempt"
        ),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True, comment="Null: at once"),
        sa.Column("lease_token", sa.String(length=40), nullable=True),
        sa.Column(
            "lease_holder",
            sa.String(length=300),
            nullable=True,
            comment="host:pid of the worker, so that a dead one is recognised at once",
        ),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True, comment="What went wrong last"),
        sa.Column("remedy", sa.Text(), nullable=True, comment="What to do about it"),
        sa.ForeignKeyConstraint(
            ["decision_id"],
            ["decision.decision_id"],
        ),
        sa.PrimaryKeyConstraint("message_id"),
        sa.UniqueConstraint("sequence"),
    )
    op.create_index("outbox_by_status", "outbox", ["status", "sequence"], unique=False)
    op.create_table(
        "delivery_attempt",
        sa.Column("message_id", sa.String(length=300), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "outcome",
            sa.String(length=20),
            nullable=False,
            comment="started, delivered, failed, refused; started for ever: the worker died",
        ),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["outbox.message_id"],
        ),
        sa.PrimaryKeyConstraint("message_id", "number"),
    )
    op.create_table(
        "route_state",
        sa.Column("route_id", sa.String(length=80), nullable=False),
        sa.Column(
            "hold_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Nothing is sent before: rate limit or Retry-After",
        ),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True, comment="The receiver answered 410 Gone"),
        sa.Column(
            "disabled_url",
            sa.String(length=64),
            nullable=True,
            comment="SHA-256 of the address that is gone; a new address is tried again",
        ),
        sa.PrimaryKeyConstraint("route_id"),
    )
    op.create_table(
        "audit",
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.String(length=300), nullable=False),
        sa.Column("details", sa.Text(), nullable=False, comment="Canonical JSON"),
        sa.Column(
            "mac", sa.String(length=64), nullable=False, comment="HMAC-SHA-256 over this entry and the mac before it"
        ),
        sa.PrimaryKeyConstraint("sequence"),
    )
    op.create_table(
        "chain_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("mac", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        comment="One row: the end of the audit chain. Writers lock it first, so they wait for each other on any engine",
    )
    head = sa.table("chain_head", sa.column("id"), sa.column("sequence"), sa.column("mac"))
    op.bulk_insert(head, [{"id": 1, "sequence": 0, "mac": "0" * 64}])
    append_only("audit", "the audit trail")
