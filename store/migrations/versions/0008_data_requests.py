"""People's requests about their own data, and exports."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create the requests, their events, and the exports."""
    op.create_table(
        "data_requests",
        sa.Column("number", sa.String(20), nullable=False, comment="Random, but for the year."),
        sa.Column("subject", sa.LargeBinary(32), nullable=False, comment="The person, sealed."),
        sa.Column("key", sa.LargeBinary(32), nullable=False, comment="Digest of the key that the person's app gave."),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False, comment="That of the newest event."),
        sa.Column("agency", sa.String(64), comment="Who has to do it; null for the data-protection officer."),
        sa.Column("field", sa.String(200), comment="What is to be corrected, by schema coordinate."),
        sa.Column("purposes", JSONB(), nullable=False, comment="Of a restriction."),
        sa.Column("texts", sa.LargeBinary(), nullable=False, comment="What the person wrote, sealed."),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), comment="Null while it is open."),
        sa.PrimaryKeyConstraint("number", name="pk_data_requests"),
        sa.UniqueConstraint("subject", "key", name="uq_data_requests_subject"),
    )
    op.create_index("ix_data_requests_received", "data_requests", ["subject", "received_at", "number"])
    op.create_index("ix_data_requests_due", "data_requests", ["state", "due_at"])
    op.create_table(
        "data_request_events",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("number", sa.String(20), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("by", sa.String(200), comment="Who answered for the city; null for the person."),
        sa.Column("refusal", sa.String(32)),
        sa.Column("text", sa.LargeBinary(), comment="What was said with it, sealed."),
        sa.PrimaryKeyConstraint("id", name="pk_data_request_events"),
        sa.ForeignKeyConstraint(
            ["number"], ["data_requests.number"], name="fk_data_request_events_number", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_data_request_events_number", "data_request_events", ["number", "id"])
    op.create_table(
        "exports",
        sa.Column("id", sa.String(32), nullable=False, comment="Random."),
        sa.Column("subject", sa.LargeBinary(32), nullable=False, comment="The person, sealed."),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("ended_at", sa.DateTime(timezone=True), comment="Null while it runs."),
        sa.PrimaryKeyConstraint("id", name="pk_exports"),
    )
    op.create_index("ix_exports_subject", "exports", ["subject", "began_at"])


def downgrade() -> None:
    """Drop all three."""
    op.drop_table("exports")
    op.drop_table("data_request_events")
    op.drop_table("data_requests")
