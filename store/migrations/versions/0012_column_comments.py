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
    ("consents", "id", "Random; the partner sends it with each query."),
    ("consents", "revoked_by", "`person`; `partner` if the partner gave it back."),
    ("consents", "expired_at", "When the hub recorded that it had expired."),
    ("consents", "purged_at", "When the data stored under it was deleted."),
    ("consents", "assurance", "Assurance level of the person's identification."),
    ("consents", "text_hash", "SHA-256 of the text that the person agreed to."),
    ("consents", "texts", "By language: the text that the person agreed to."),
    ("consents", "answered_in", "Id of the request to the hub by which they agreed."),
    ("consent_requests", "id", "Random; part of the address of the consent page."),
    ("consent_requests", "state", "Sent back to the partner; null when the request is over."),
    ("consent_requests", "closed_at", "When the data that only the answer needed was deleted."),
    ("restrictions", "purposes", "Purposes for which reads are refused; empty for all."),
    ("restrictions", "ended_at", "Null while it is in force."),
)


def upgrade() -> None:
    """Set the new comments."""
    for table, column, comment in _COMMENTS:
        op.alter_column(table, column, comment=comment)


def downgrade() -> None:
    """Keep the comments: they hold for the previous release, too."""
