"""Files of open commands, sealed, until they are delivered. All of them together have a bound.

They have a table of their own, so that lists of commands never read them.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from store.tables import command_files


class FileStoreFull(Exception):  # noqa: N818 - a condition, not a fault
    """The files of all open commands have reached their bound."""


async def add_files(connection: AsyncConnection, number: str, files: Sequence[bytes], *, max_bytes: int) -> None:
    """Stores the sealed files of a command. Raises `FileStoreFull`; the transaction must then be rolled back.

    The lock is taken after the files are written, and held for one sum and the commit.
    """
    if not files:
        return
    rows = [{"number": number, "position": position, "content": each} for position, each in enumerate(files)]
    await connection.execute(insert(command_files), rows)
    await connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('command files', 0))"))
    stored = await connection.execute(select(func.sum(func.octet_length(command_files.c.content))))
    if stored.scalar_one() > max_bytes:
        raise FileStoreFull


async def load_files(connection: AsyncConnection, number: str) -> Sequence[bytes]:
    """The sealed files of a command, in their order."""
    wanted = select(command_files.c.content).where(command_files.c.number == number).order_by(command_files.c.position)
    return [bytes(each) for each in (await connection.execute(wanted)).scalars()]


async def load_file(connection: AsyncConnection, number: str, position: int) -> bytes | None:
    """One sealed file of a command; None if it is not stored, or no longer."""
    columns = command_files.c
    wanted = select(columns.content).where(columns.number == number, columns.position == position)
    found = (await connection.execute(wanted)).scalar()
    return None if found is None else bytes(found)


async def remove_files(connection: AsyncConnection, number: str) -> None:
    """Removes the files of a command whose outcome is certain."""
    await connection.execute(delete(command_files).where(command_files.c.number == number))
