"""Clients by their issuer: a client is written `issuer/client_id`, so its text may be longer.

Existing rows name no issuer, so no token matches their client: contracts must be published again, and consents must be
requested again. This migration rewrites no rows, so workers of the previous release can still read them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

TAKES_AWAY = "Nothing: the longer columns hold every old value."
_COMMENTED = ("operation_clients", "consents", "consent_requests")
_OTHERS = ("operations", "operation_changes", "consent_events", "webhook_calls")


def upgrade() -> None:
    """Lengthen the columns for the issuer."""
    before, now = sa.String(100), sa.String(131)
    for table in _COMMENTED:
        comment = "Its issuer and its `client_id`."
        op.alter_column(table, "client", type_=now, existing_type=before, existing_nullable=False, comment=comment)
    for table in _OTHERS:
        op.alter_column(table, "client", type_=now, existing_type=before, existing_nullable=False)


def downgrade() -> None:
    """Keep the longer columns, because stored values may need them."""
