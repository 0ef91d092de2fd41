"""Counts of uses of the city's services, by month."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "service_uses",
        sa.Column("month", sa.DateTime(timezone=True), nullable=False, comment="First day of the month, in UTC."),
        sa.Column("service", sa.String(48), nullable=False, comment="Code in the city's catalogue of services."),
        sa.Column("uses", sa.BigInteger(), nullable=False, comment="Answered operations; of no person or caller."),
        sa.PrimaryKeyConstraint("month", "service", name="pk_service_uses"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("service_uses")
