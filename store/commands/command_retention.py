"""Retention of commands: never purges an open one."""

from __future__ import annotations

from sqlalchemy import exists
from sqlalchemy.ext.asyncio import AsyncConnection

from store.retention.deletion import build_outside_open_breaches, delete_with_steps
from store.retention.retention_policy import PurgeBounds, PurgeResult
from store.tables import command_steps, commands


class ClosedCommands:
    """Commands that are done or rejected, with what the person wrote and all their steps.

    They are the person's proof of what they sent; what the agency made of it is kept there.
    """

    name = "commands"
    days = 365
    classes = ()
    must_outlive = ()

    async def purge(self, connection: AsyncConnection, bounds: PurgeBounds) -> PurgeResult:
        """Deletes closed commands of cases without an open one, which may still name them."""
        columns, other = commands.c, commands.alias("other")
        has_open = exists().where(
            other.c.agency == columns.agency, other.c.case == columns.case, other.c.closed_at.is_(None)
        )
        over = (
            (columns.closed_at < bounds.compute_cutoff())
            & ~has_open
            & build_outside_open_breaches(columns.accepted_at, columns.closed_at)
        )
        return await delete_with_steps(connection, commands, over, command_steps, written_at="accepted_at")
