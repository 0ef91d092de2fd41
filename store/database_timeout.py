"""Time limit for calls to the hub's own database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg  # type: ignore[import-untyped]  # it ships no types
from sqlalchemy.exc import SQLAlchemyError


class StateUnavailable(Exception):  # noqa: N818 - a condition, not a fault
    """The hub's own database did not answer. The text is for the log."""


@asynccontextmanager
async def database_timeout(seconds: float) -> AsyncIterator[None]:
    """Limits the database calls of the block to `seconds`. Raises `StateUnavailable`."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except (
        SQLAlchemyError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        OSError,
    ) as failure:  # a timeout is an OSError
        raise StateUnavailable(type(failure).__name__) from failure
