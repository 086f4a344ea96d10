"""What people say of incidents."""

import sqlalchemy as sa
from alembic import op

from guardrails.migrations.append_only import append_only

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "incident_feedback",
        sa.Column("feedback_id", sa.String(length=80), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False, comment="Order in which it was given"),
        sa.Column("incident_id", sa.String(length=80), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "document",
            sa.Text(),
            nullable=False,
            comment="What was said, by whom, of what: canonical JSON, never changed",
        ),
        sa.PrimaryKeyConstraint("feedback_id"),
        sa.UniqueConstraint("sequence"),
    )
    op.create_index("feedback_by_incident", "incident_feedback", ["incident_id", "sequence"], unique=False)
    append_only("incident_feedback", "feedback")
