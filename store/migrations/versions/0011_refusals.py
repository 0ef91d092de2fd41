"""Hourly counts of refusals, by caller, field and reason."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "refusals",
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False, comment="Kind of caller."),
        sa.Column("caller", sa.LargeBinary(32), nullable=False, comment="Pseudonym; empty for anonymous callers."),
        sa.Column("field", sa.String(200), nullable=False, comment="Schema coordinate; (others) beyond the bound."),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "kind", "caller", "field", "reason", name="pk_refusals"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("refusals")
