"""What was changed in clusters, clouds and gateways, and what it was before; routes that fail in a row."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "actuation",
        sa.Column("actuation_id", sa.String(length=40), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False, comment="Order of intention"),
        sa.Column("message_id", sa.String(length=300), nullable=False, comment="The order"),
        sa.Column("decision_id", sa.String(length=80), nullable=False),
        sa.Column("route_id", sa.String(length=80), nullable=False),
        sa.Column("target", sa.Text(), nullable=False, comment="What was decided about, such as team:search"),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("object", sa.Text(), nullable=False, comment="What is changed, its name unique on the route"),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column(
            "restores",
            sa.String(length=40),
            nullable=False,
            comment="The actuation whose prior state is put back at the end",
        ),
        sa.Column(
            "document", sa.Text(), nullable=False, comment="Prior and wanted state: canonical JSON, never changed"
        ),
        sa.Column("intended_at", sa.DateTime(timezone=True), nullable=False, comment="Written before anything is sent"),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True, comment="When it was last seen to hold"),
        sa.Column("reverted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True, comment="What went wrong last"),
        sa.ForeignKeyConstraint(["decision_id"], ["decision.decision_id"]),
        sa.ForeignKeyConstraint(["message_id"], ["outbox.message_id"]),
        sa.PrimaryKeyConstraint("actuation_id"),
        sa.UniqueConstraint("sequence"),
    )
    op.create_index("actuation_by_route", "actuation", ["route_id", "status"], unique=False)
    op.create_index("actuation_by_message", "actuation", ["message_id"], unique=False)
    op.add_column(
        "route_state",
        sa.Column(
            "failures",
            sa.Integer(),
            nullable=True,
            comment="Attempts in a row that failed; null: none",
        ),
    )
    op.add_column(
        "route_state",
        sa.Column(
            "held_because",
            sa.Text(),
            nullable=True,
            comment="Why hold_until was set, where failures in a row were the cause",
        ),
    )
