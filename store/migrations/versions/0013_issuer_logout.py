"""The person and the sign-in of a page session, so that the issuer can end it."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add two columns, which earlier sessions do not have."""
    op.add_column(
        "page_sessions", sa.Column("person", sa.LargeBinary(32), comment="Keyed digest of the issuer and its `sub`.")
    )
    op.add_column(
        "page_sessions", sa.Column("sign_in", sa.LargeBinary(32), comment="Keyed digest of the issuer and its `sid`.")
    )
    op.create_index("ix_page_sessions_person", "page_sessions", ["person"])
    op.create_index("ix_page_sessions_sign_in", "page_sessions", ["sign_in"])


def downgrade() -> None:
    """Remove them."""
    op.drop_index("ix_page_sessions_sign_in", "page_sessions")
    op.drop_index("ix_page_sessions_person", "page_sessions")
    op.drop_column("page_sessions", "sign_in")
    op.drop_column("page_sessions", "person")
