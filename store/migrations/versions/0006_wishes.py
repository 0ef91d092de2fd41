"""What people said about the use of their data."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0004"


def upgrade() -> None:
    """Create the consents and the restrictions."""
    op.create_table(
        "consents",
        sa.Column("id", sa.String(32), nullable=False, comment="Random; the partner asks by it."),
        sa.Column("subject", sa.LargeBinary(32), nullable=False, comment="The person, sealed."),
        sa.Column("client", sa.String(100), nullable=False, comment="As the client's tokens name it."),
        sa.Column("partner", sa.String(200), nullable=False, comment="As people knew it when they consented."),
        sa.Column("scopes", JSONB(), nullable=False, comment="What may be read."),
        sa.Column("purpose", sa.String(64), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_consents"),
    )
    op.create_index("ix_consents_subject", "consents", ["subject", "client"])
    op.create_table(
        "restrictions",
        sa.Column("id", sa.String(32), nullable=False, comment="Random."),
        sa.Column("subject", sa.LargeBinary(32), nullable=False, comment="The person, sealed."),
        sa.Column("purposes", JSONB(), nullable=False, comment="For which nobody may read; empty for every one."),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("ended_at", sa.DateTime(timezone=True), comment="Null while it is obeyed."),
        sa.PrimaryKeyConstraint("id", name="pk_restrictions"),
    )
    op.create_index("ix_restrictions_subject", "restrictions", ["subject"])


def downgrade() -> None:
    """Drop both."""
    op.drop_table("restrictions")
    op.drop_table("consents")
