"""Links from people to their complaints, for complaint systems that cannot search by reporter."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the link table."""
    op.create_table(
        "complaint_links",
        sa.Column("reporter", sa.LargeBinary(32), nullable=False, comment="Keyed digest of the reporter's NIK."),
        sa.Column("request_id", sa.String(64), nullable=False, comment="Identifier at the complaint system."),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("reporter", "request_id", name="pk_complaint_links"),
    )
    op.create_index("ix_complaint_links_request_id", "complaint_links", ["request_id"])


def downgrade() -> None:
    """Drop the link table."""
    op.drop_table("complaint_links")
