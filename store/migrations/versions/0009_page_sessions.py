"""Sessions of the hub's own pages."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "page_sessions",
        sa.Column("id", sa.LargeBinary(32), nullable=False, comment="Digest of the session's random id."),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False, comment="Even if it is in use."),
        sa.Column("hint", sa.LargeBinary(), comment="The issuer's ID token, sealed, to sign out there."),
        sa.PrimaryKeyConstraint("id", name="pk_page_sessions"),
    )
    op.create_index("ix_page_sessions_ends_at", "page_sessions", ["ends_at"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("page_sessions")
