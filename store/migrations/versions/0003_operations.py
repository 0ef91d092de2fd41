"""The registry of operations: contracts, operations and their changes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the registry."""
    op.create_table(
        "operation_clients",
        sa.Column("client", sa.String(100), nullable=False, comment="As the client's tokens name it."),
        sa.Column("mode", sa.String(16), nullable=False, comment="off, log-unknown, safelist or ids-only."),
        sa.Column("scopes", JSONB(), nullable=False, comment="By scope: the fields that it opens."),
        sa.Column("variables", JSONB(), nullable=False, comment="By operation and variable: which values are allowed."),
        sa.Column("cost_a_day", sa.BigInteger(), comment="Points; null for any number."),
        sa.Column("changed_by", sa.String(200), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("client", name="pk_operation_clients"),
    )
    op.create_table(
        "operations",
        sa.Column("client", sa.String(100), sa.ForeignKey("operation_clients.client"), nullable=False),
        sa.Column("document_id", sa.String(256), nullable=False, comment="As the client's tools name it."),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("scopes", JSONB(), nullable=False, comment="What the client's token must hold."),
        sa.Column("ranges", JSONB(), nullable=False, comment="By variable: which values are allowed."),
        sa.Column("cost", sa.BigInteger(), nullable=False, comment="Points that one run is expected to cost."),
        sa.Column("reads", JSONB(), nullable=False, comment="Each field, its class of data and its rule."),
        sa.Column("approved_by", sa.String(200), comment="Which owner of the data approved it, and by what."),
        sa.Column("published_by", sa.String(200), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("retired_by", sa.String(200), comment="Null while it is published."),
        sa.Column("retired_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("client", "document_id", name="pk_operations"),
    )
    op.create_table(
        "operation_changes",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("client", sa.String(100), nullable=False),
        sa.Column("document_id", sa.String(256), comment="Null for a change of the contract."),
        sa.Column("change", sa.String(16), nullable=False, comment="contract, published or retired."),
        sa.Column("changed_by", sa.String(200), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("id", name="pk_operation_changes"),
    )


def downgrade() -> None:
    """Drop the registry."""
    op.drop_table("operation_changes")
    op.drop_table("operations")
    op.drop_table("operation_clients")
