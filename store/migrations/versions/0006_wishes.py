"""Data preferences: consents and restrictions."""

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
        sa.Column("partner", sa.String(100), nullable=False, comment="As people knew it when they consented."),
        sa.Column("scopes", JSONB(), nullable=False, comment="What may be read."),
        sa.Column("purpose", sa.String(64), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.Column("revoked_by", sa.String(16), comment="person, or partner where it was given back."),
        sa.Column("expired_at", sa.DateTime(timezone=True), comment="When it was noted that its time is over."),
        sa.Column("purged_at", sa.DateTime(timezone=True), comment="When what was kept under it was gone."),
        sa.Column("request", sa.String(32), nullable=False, comment="The request that was answered."),
        sa.Column("assurance", sa.String(16), nullable=False, comment="How surely the person was identified."),
        sa.Column("text_version", sa.String(16), nullable=False),
        sa.Column("text_hash", sa.LargeBinary(32), nullable=False, comment="SHA-256 of what the person agreed to."),
        sa.Column("texts", JSONB(), nullable=False, comment="By language: what the person agreed to."),
        sa.Column("answered_in", sa.Text(), nullable=False, comment="The request to the hub by which they did."),
        sa.PrimaryKeyConstraint("id", name="pk_consents"),
        sa.UniqueConstraint("request", name="uq_consents_request"),
    )
    op.create_index("ix_consents_subject", "consents", ["subject", "client"])
    op.create_index("ix_consents_ending", "consents", ["expires_at"], postgresql_where=sa.text("purged_at IS NULL"))
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
