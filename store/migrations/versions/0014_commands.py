"""Commands to agencies, with their steps."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Create both tables."""
    _create_commands()
    op.create_table(
        "command_steps",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("number", sa.String(16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.clock_timestamp()),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("by", sa.String(200), comment="The person of the city who took the step; null for the hub."),
        sa.Column("detail", sa.Text(), comment="A failure's code or a person's reason. Nothing personal."),
        sa.PrimaryKeyConstraint("id", name="pk_command_steps"),
        sa.ForeignKeyConstraint(["number"], ["commands.number"], name="fk_command_steps_number", ondelete="CASCADE"),
    )
    op.create_index("ix_command_steps_number", "command_steps", ["number", "id"])


def _create_commands() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "commands",
        sa.Column(
            "number", sa.String(16), nullable=False, comment="Random, but for the year; the reference at the agency."
        ),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, comment="Of the payload's form."),
        sa.Column("agency", sa.String(64), nullable=False),
        sa.Column("case", sa.String(80), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False, comment="Within the case, ascending."),
        sa.Column("subject", sa.LargeBinary(32), nullable=False, comment="The person, sealed."),
        sa.Column("key", sa.LargeBinary(32), nullable=False, comment="Digest of the key that the person's app gave."),
        sa.Column("digest", sa.LargeBinary(32), nullable=False, comment="Keyed digest of the payload."),
        sa.Column("payload", sa.LargeBinary(), comment="Sealed; null after its retention."),
        sa.Column("lookup", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("accepted_at", moment, nullable=False, server_default=sa.func.now()),
        sa.Column("next_at", moment, nullable=False, server_default=sa.func.now(), comment="When work is due."),
        sa.Column(
            "fence",
            sa.BigInteger(),
            nullable=False,
            server_default="0",
            comment="Number of claims; the newest one counts.",
        ),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0", comment="How often it was sent."),
        sa.Column(
            "lookups", sa.Integer(), nullable=False, server_default="0", comment="Lookups since it was sent last."
        ),
        sa.Column("sent_at", moment, comment="When it may have been sent last."),
        sa.Column("failure", sa.Text(), comment="Why it is not done, as a code. Nothing personal."),
        sa.Column("outcome", sa.LargeBinary(), comment="What the agency answered, sealed."),
        sa.Column("agency_id", sa.String(64), comment="The agency's identifier of what the command made."),
        sa.Column("closed_at", moment, comment="Null while the outcome is open."),
        sa.PrimaryKeyConstraint("number", name="pk_commands"),
        sa.UniqueConstraint("subject", "key", name="uq_commands_subject"),
        sa.UniqueConstraint("agency", "case", "sequence", name="uq_commands_agency"),
    )
    op.create_index("ix_commands_due", "commands", ["agency", "next_at"], postgresql_where=sa.text("closed_at IS NULL"))
    op.create_index("ix_commands_subject", "commands", ["subject", "accepted_at"])
    op.create_index("ix_commands_agency_id", "commands", ["agency", "agency_id"])


def downgrade() -> None:
    """Drop both."""
    op.drop_table("command_steps")
    op.drop_table("commands")
