"""The type of an entry of the access ledger, as the hub sends it to the database."""

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Create the type."""
    # Not the row type of the table: PostgreSQL refuses a value that lacks a column of its type, so with a column of a
    # later release, the entries of this one would fail.
    op.execute("""
        CREATE TYPE access_entry AS (
            chain text,
            sequence bigint,
            previous bytea,
            hash bytea,
            at timestamptz,
            request_id text,
            subject bytea,
            caller_kind text,
            caller bytea,
            agency text,
            unit text,
            role text,
            client text,
            purpose text,
            "case" text,
            legal_basis text,
            operation text,
            document bytea,
            agencies text,
            fields text,
            classification text,
            hidden_until timestamptz,
            hidden_because text
        )
    """)


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP TYPE access_entry")
