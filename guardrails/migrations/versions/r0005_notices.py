"""What people are to hear of, what they answered, and links that were used."""

import sqlalchemy as sa
from alembic import op

from guardrails.migrations.append_only import append_only

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "notice",
        sa.Column("notice_id", sa.String(length=300), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False, comment="Order in which they came"),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("severity", sa.String(length=20), nullable=False),
        sa.Column(
            "thread",
            sa.String(length=300),
            nullable=False,
            comment="The incident, target, ask or job that it is about",
        ),
        sa.Column("scope", sa.String(length=300), nullable=False),
        sa.Column("team", sa.String(length=200), nullable=False),
        sa.Column("policy_id", sa.String(length=80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_thread", sa.Boolean(), nullable=False),
        sa.Column(
            "route_id",
            sa.String(length=80),
            nullable=True,
            comment="Where a policy or the gate wants it told; null: where the rules say",
        ),
        sa.Column("document", sa.Text(), nullable=False, comment="What is to be told: canonical JSON, never changed"),
        sa.PrimaryKeyConstraint("notice_id"),
        sa.UniqueConstraint("sequence"),
        comment="What people are to hear of; the outbox has the messages that tell it",
    )
    op.create_index("notice_by_thread", "notice", ["thread", "sequence"], unique=False)
    op.create_index("notice_by_time", "notice", ["at"], unique=False)
    op.create_table(
        "notice_message",
        sa.Column("message_id", sa.String(length=300), nullable=False),
        sa.Column("notice_id", sa.String(length=300), nullable=False),
        sa.Column("route_id", sa.String(length=80), nullable=False),
        sa.Column(
            "purpose", sa.String(length=40), nullable=False, comment="first, repeat, escalation, fallback, digest"
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["outbox.message_id"]),
        sa.ForeignKeyConstraint(["notice_id"], ["notice.notice_id"]),
        sa.PrimaryKeyConstraint("message_id", "notice_id"),
    )
    op.create_index("notice_message_by_notice", "notice_message", ["notice_id"], unique=False)
    op.create_table(
        "thread_response",
        sa.Column("response_id", sa.String(length=80), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False, comment="Order in which it was given"),
        sa.Column("thread", sa.String(length=300), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False, comment="acknowledge, snooze"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True, comment="End of a snooze"),
        sa.Column("who", sa.String(length=200), nullable=False),
        sa.Column("why", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("response_id"),
        sa.UniqueConstraint("sequence"),
    )
    op.create_index("thread_response_by_thread", "thread_response", ["thread", "sequence"], unique=False)
    append_only("thread_response", "an answer")
    op.create_table(
        "link_use",
        sa.Column("nonce", sa.String(length=60), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=300), nullable=False),
        sa.Column("audience", sa.String(length=80), nullable=False, comment="Route whose message carried the link"),
        sa.Column("who", sa.String(length=300), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False, comment="What was done, in words"),
        sa.PrimaryKeyConstraint("nonce"),
        comment="Links of messages that were used: each works once",
    )
    append_only("link_use", "the use of a link")
