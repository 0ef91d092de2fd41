"""Consents of guardians for children, and requests about a child."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add the columns."""
    op.add_column(
        "consents",
        sa.Column("guardian", sa.LargeBinary(32), comment="The guardian who consented for a child, sealed."),
    )
    op.add_column(
        "consent_requests",
        sa.Column(
            "is_about_child",
            sa.Boolean(),
            nullable=False,
            server_default=sa.false(),
            comment="Whether it is about a child of the person who opens it.",
        ),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_column("consent_requests", "is_about_child")
    op.drop_column("consents", "guardian")
