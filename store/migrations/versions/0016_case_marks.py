"""Marks of what people have seen in their inbox, and the waiting consent requests of a person."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Create the table and the index."""
    op.create_table(
        "case_marks",
        sa.Column("subject", sa.LargeBinary(32), nullable=False, comment="The person, sealed."),
        sa.Column("case", sa.LargeBinary(32), nullable=False, comment="Keyed digest of the case."),
        sa.Column("version", sa.LargeBinary(32), nullable=False, comment="Digest of what the person saw."),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("subject", "case", name="pk_case_marks"),
    )
    op.create_index("ix_case_marks_seen_at", "case_marks", ["seen_at"])
    op.create_index(
        "ix_consent_requests_subject", "consent_requests", ["subject"], postgresql_where=sa.text("answer IS NULL")
    )


def downgrade() -> None:
    """Drop both."""
    op.drop_index("ix_consent_requests_subject", "consent_requests")
    op.drop_table("case_marks")
