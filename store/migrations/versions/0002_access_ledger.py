"""The access ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the chains and their entries."""
    op.create_table(
        "access_chains",
        sa.Column("chain", sa.String(32), nullable=False, comment="Random name."),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heads", sa.Text, nullable=False, comment="Last entries of other chains at that moment, one a line."),
        sa.Column("hash", sa.LargeBinary(32), nullable=False, comment="What the first entry links to."),
        sa.PrimaryKeyConstraint("chain", name="pk_access_chains"),
    )
    op.create_table(
        "access_entries",
        sa.Column("chain", sa.String(32), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False, comment="From 1, without gaps."),
        sa.Column("previous", sa.LargeBinary(32), nullable=False, comment="Hash of the entry before, or of the chain."),
        sa.Column("hash", sa.LargeBinary(32), nullable=False, comment="Keyed hash of all other columns."),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("subject", sa.LargeBinary(32), comment="Pseudonym of whom the data is about."),
        sa.Column("caller_kind", sa.Text, nullable=False),
        sa.Column("caller", sa.LargeBinary(32), comment="Pseudonym of who read."),
        *(sa.Column(name, sa.Text) for name in ("agency", "unit", "role", "client", "purpose", "case", "legal_basis")),
        sa.Column("operation", sa.Text),
        sa.Column("document", sa.LargeBinary(32), nullable=False, comment="SHA-256 of the document."),
        sa.Column("agencies", sa.Text, nullable=False, comment="Where the data came from, separated by spaces."),
        sa.Column(
            "fields", sa.Text, nullable=False, comment="What was read, by schema coordinate, separated by spaces."
        ),
        sa.Column("classification", sa.Text),
        sa.Column("hidden_until", sa.DateTime(timezone=True), comment="Before that the person is not shown the entry."),
        sa.Column("hidden_because", sa.Text, comment="The legal reason for that."),
        sa.PrimaryKeyConstraint("chain", "sequence", name="pk_access_entries"),
        sa.ForeignKeyConstraint(["chain"], ["access_chains.chain"], name="fk_access_entries_chain"),
    )
    op.create_index("ix_access_entries_subject", "access_entries", ["subject", "at", "chain", "sequence"])


def downgrade() -> None:
    """Drop both."""
    op.drop_table("access_entries")
    op.drop_table("access_chains")
