"""Column comments in plain English."""

from alembic import op

revision = "0012"
down_revision = "0011"

TAKES_AWAY = "only comments change, which no release reads"

_COMMENTS = (
    ("access_entries", "subject", "Pseudonym of the person the data is about."),
    ("access_entries", "caller", "Pseudonym of the reader."),
    ("access_entries", "hidden_until", "Hidden from the person until this time."),
    ("breaches", "caller", "Pseudonym of the reader."),
)


def upgrade() -> None:
    """Set the new comments."""
    for table, column, comment in _COMMENTS:
        op.alter_column(table, column, comment=comment)


def downgrade() -> None:
    """Keep the comments: they hold for the previous release, too."""
