"""Purge receipts, gaps of the ledger, and breaches; indexes for overseers' searches."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create receipts, gaps of the ledger and breaches; add indexes for the searches of overseers and the purge."""
    op.create_table(
        "purge_receipts",
        sa.Column("number", sa.BigInteger, autoincrement=False, nullable=False, comment="From 1, without gaps."),
        sa.Column("previous", sa.LargeBinary(32), nullable=False, comment="Seal of the receipt before; empty if none."),
        sa.Column("name", sa.Text, nullable=False, comment="What was purged."),
        sa.Column("purged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("purged_by", sa.Text, nullable=False),
        sa.Column("kept_days", sa.Text, nullable=False, comment="How long it was kept, by class where that differs."),
        sa.Column("removed", sa.Text, nullable=False, comment="How many rows, in all and by class."),
        sa.Column("oldest", sa.DateTime(timezone=True)),
        sa.Column("newest", sa.DateTime(timezone=True)),
        sa.Column("seal", sa.LargeBinary(32), nullable=False, comment="Keyed hash of all other columns."),
        sa.PrimaryKeyConstraint("number", name="pk_purge_receipts"),
    )
    op.create_table(
        "access_gaps",
        sa.Column("chain", sa.String(32), nullable=False),
        sa.Column("first", sa.BigInteger, autoincrement=False, nullable=False, comment="Number of the first removed."),
        sa.Column("last", sa.BigInteger, nullable=False, comment="Number of the last entry that was removed."),
        sa.Column("previous", sa.LargeBinary(32), nullable=False, comment="Hash of the entry before the first."),
        sa.Column("hash", sa.LargeBinary(32), nullable=False, comment="Hash of the last."),
        sa.Column("receipt", sa.BigInteger, nullable=False, comment="Number of the receipt."),
        sa.Column("seal", sa.LargeBinary(32), nullable=False, comment="Keyed hash of all other columns."),
        sa.PrimaryKeyConstraint("chain", "first", name="pk_access_gaps"),
        sa.ForeignKeyConstraint(["chain"], ["access_chains.chain"], name="fk_access_gaps_chain"),
    )
    op.create_index("ix_access_entries_at", "access_entries", ["at"])
    op.create_index(
        "ix_access_entries_agency",
        "access_entries",
        ["agency", "at"],
        postgresql_where=sa.text("agency IS NOT NULL"),
    )
    op.create_table(
        "breaches",
        sa.Column("name", sa.String(32), nullable=False, comment="`B-2026-0001`."),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("opened_by", sa.Text, nullable=False),
        sa.Column("known_since", sa.DateTime(timezone=True), nullable=False, comment="From when the 72 hours run."),
        sa.Column("what", sa.Text, nullable=False, comment="What happened, in a sentence."),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        *(
            sa.Column(name, sa.Text)
            for name in ("caller_kind", "agency", "client", "purpose", "case", "operation", "request_id")
        ),
        sa.Column("caller", sa.LargeBinary(32), comment="Pseudonym of who read."),
        sa.Column("closed_at", sa.DateTime(timezone=True), comment="Null while it is worked on."),
        sa.Column("closed_by", sa.Text),
        sa.PrimaryKeyConstraint("name", name="pk_breaches"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("breaches")
    op.drop_index("ix_access_entries_agency", "access_entries")
    op.drop_index("ix_access_entries_at", "access_entries")
    op.drop_table("access_gaps")
    op.drop_table("purge_receipts")
