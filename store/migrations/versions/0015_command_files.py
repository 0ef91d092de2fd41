"""Files of commands, such as the photos of a complaint."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "command_files",
        sa.Column("number", sa.String(16), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, comment="In the command's list of files, from 0."),
        sa.Column("content", sa.LargeBinary(), nullable=False, comment="Sealed."),
        sa.PrimaryKeyConstraint("number", "position", name="pk_command_files"),
        sa.ForeignKeyConstraint(["number"], ["commands.number"], name="fk_command_files_number", ondelete="CASCADE"),
    )
