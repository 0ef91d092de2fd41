"""The entries of clients in the directory of partners."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add the column."""
    op.add_column(
        "operation_clients",
        sa.Column(
            "listing",
            JSONB(none_as_null=True),
            comment="Its entry in the directory of partners; null without one.",
        ),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_column("operation_clients", "listing")
