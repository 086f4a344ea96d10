"""What jobs asked of the budget gate, and what is held for them."""

import sqlalchemy as sa
from alembic import op

from guardrails.migrations.append_only import append_only

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "gate_ask",
        sa.Column("ask_id", sa.String(length=40), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False, comment="Order of asking"),
        sa.Column("job", sa.String(length=200), nullable=True, comment="The job's own name for this attempt"),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="held: the hold expires; waiting: the question does; "
            "settled, expired: since when the bill must know",
        ),
        sa.Column(
            "document", sa.Text(), nullable=False, comment="Ask and answer as given: canonical JSON, never changed"
        ),
        sa.PrimaryKeyConstraint("ask_id"),
        sa.UniqueConstraint("sequence"),
    )
    op.create_index("gate_ask_by_job", "gate_ask", ["job", "sequence"], unique=False)
    op.create_index("gate_ask_by_status", "gate_ask", ["status", "until"], unique=False)
    op.create_table(
        "gate_hold",
        sa.Column("ask_id", sa.String(length=40), nullable=False),
        sa.Column("budget_id", sa.String(length=80), nullable=False),
        sa.Column("period_starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "amount",
            sa.String(length=60),
            nullable=False,
            comment="Decimal as text, in the budget's currency; counts now",
        ),
        sa.ForeignKeyConstraint(
            ["ask_id"],
            ["gate_ask.ask_id"],
        ),
        sa.PrimaryKeyConstraint("ask_id", "budget_id", "period_starts_at"),
        comment="What an ask holds of a budget: no rows once it holds nothing",
    )
    op.create_table(
        "gate_total",
        sa.Column("budget_id", sa.String(length=80), nullable=False),
        sa.Column("period_starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "amount",
            sa.String(length=60),
            nullable=False,
            comment="Sum of gate_hold, so that an answer need not add them up",
        ),
        sa.PrimaryKeyConstraint("budget_id", "period_starts_at"),
    )
    op.create_table(
        "gate_vote",
        sa.Column("ask_id", sa.String(length=40), nullable=False),
        sa.Column("who", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verdict", sa.String(length=10), nullable=False),
        sa.Column("why", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["ask_id"],
            ["gate_ask.ask_id"],
        ),
        sa.PrimaryKeyConstraint("ask_id", "who"),
    )
    append_only("gate_vote", "a vote")
