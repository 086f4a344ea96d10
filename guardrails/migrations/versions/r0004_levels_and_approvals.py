"""Levels between a warning and the utmost, approvals, overrides, an audit trail that may lose what is old."""

import json

import sqlalchemy as sa
from alembic import op

from guardrails.migrations.append_only import append_only, removable_once_stubbed

revision = "0004"
down_revision = "0003"

_LEVELS = ("stop", "pause", "throttle")


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("decision", "period", type_=sa.String(length=80))
    _rebuild_target_state()
    op.create_table(
        "guardrail_vote",
        sa.Column("decision_id", sa.String(length=80), nullable=False),
        sa.Column("who", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verdict", sa.String(length=10), nullable=False),
        sa.Column("why", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["decision_id"], ["decision.decision_id"]),
        sa.PrimaryKeyConstraint("decision_id", "who"),
    )
    append_only("guardrail_vote", "a vote")
    op.create_table(
        "guardrail_override",
        sa.Column("override_id", sa.String(length=40), nullable=False),
        sa.Column("scope_type", sa.String(length=40), nullable=False),
        sa.Column("scope_value", sa.Text(), nullable=False),
        sa.Column("policy_id", sa.String(length=80), nullable=True, comment="Null: whatever the policy"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(length=200), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("override_id"),
        comment="A person's word that nothing acts on a target for some time",
    )
    append_only("guardrail_override", "an override")
    op.create_table(
        "audit_stub",
        sa.Column("last_sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_sequence", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False, comment="What was removed, by whom and why: canonical JSON"),
        sa.Column("proof", sa.String(length=64), nullable=False, comment="HMAC-SHA-256 over the document"),
        sa.PrimaryKeyConstraint("last_sequence"),
        comment="What stands for entries of the audit trail that were removed as old",
    )
    append_only("audit_stub", "the audit trail")
    removable_once_stubbed("audit", "the audit trail")


def _rebuild_target_state() -> None:
    """Its key grows by what a fact is about; the one level above a warning becomes the one that its orders say."""
    bind = op.get_bind()
    old = sa.Table("target_state", sa.MetaData(), autoload_with=bind)
    decision = sa.table("decision", sa.column("decision_id"), sa.column("document"))
    rows = [dict(row._mapping) for row in bind.execute(sa.select(old))]
    documents = {row.decision_id: json.loads(row.document) for row in bind.execute(sa.select(decision))}
    op.drop_table("target_state")
    table = op.create_table(
        "target_state",
        sa.Column("policy_id", sa.String(length=80), nullable=False),
        sa.Column("scope_type", sa.String(length=40), nullable=False),
        sa.Column("scope_value", sa.String(length=400), nullable=False),
        sa.Column("period_shape", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False, comment="Empty where there is none"),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("mode", sa.String(length=20), nullable=False),
        sa.Column("period", sa.String(length=80), nullable=False),
        sa.Column("level", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("clear_count", sa.Integer(), nullable=False),
        sa.Column("counted_through", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "reference", sa.String(length=60), nullable=True, comment="Decimal as text: SQLite has no exact number type"
        ),
        sa.Column("raised_at", sa.Text(), nullable=False, comment="JSON: level → when it was last raised"),
        sa.Column(
            "ordered",
            sa.String(length=80),
            nullable=False,
            comment="Levels whose orders were given, with spaces between",
        ),
        sa.Column(
            "acts_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="End of the grace of the orders of the level in force",
        ),
        sa.Column("pending_id", sa.String(length=80), nullable=True, comment="The decision that waits for people"),
        sa.Column("pending_level", sa.String(length=20), nullable=True),
        sa.Column("pending_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "trusted_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the figures behind that decision are too old to act on",
        ),
        sa.Column("decision_id", sa.String(length=80), nullable=True),
        sa.Column("evaluated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["decision_id"], ["decision.decision_id"]),
        sa.ForeignKeyConstraint(["pending_id"], ["decision.decision_id"]),
        sa.PrimaryKeyConstraint("policy_id", "scope_type", "scope_value", "period_shape", "subject"),
    )
    if rows:
        op.bulk_insert(table, [_levelled(row, documents.get(row["decision_id"], {})) for row in rows])


def _levelled(row: dict, document: dict) -> dict:
    warned_at, tripped_at = row.pop("warned_at"), row.pop("tripped_at")
    kinds = [*document.get("action_kinds", []), *document.get("withheld_kinds", [])]
    highest = next((level for level in _LEVELS if level in kinds), "pause")
    raised = {"warn": warned_at, highest: tripped_at}
    is_tripped = row["level"] == "trip"
    is_ordered = is_tripped and row["status"] in ("EXECUTING", "ENFORCED", "FAILED")
    return row | {
        "subject": "",
        "level": highest if is_tripped else row["level"],
        "raised_at": json.dumps({level: f"{at:%Y-%m-%dT%H:%M:%SZ}" for level, at in raised.items() if at}),
        "ordered": highest if is_ordered else "",
    }
