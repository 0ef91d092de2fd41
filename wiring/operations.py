"""The operations that are registered in the hub's database, and an engine that knows them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from engine.engine import Engine
from settings import Settings
from store.database import create_database_engine, migrate
from store.operations.operation_registry import ApplyRegistry, OperationRegistry


class RegisteredOperations(Protocol):
    """Which operations are registered."""

    async def apply_once(self, apply: ApplyRegistry, /) -> int:
        """Hand over what is registered now; the revision."""

    async def follow(self, apply: ApplyRegistry, /, *, after_revision: int) -> None:
        """Hand over what is registered whenever it changes."""


class NoOperations:
    """Registers no operation."""

    async def apply_once(self, _apply: ApplyRegistry, /) -> int:
        """Nothing is handed over."""
        return 0

    async def follow(self, _apply: ApplyRegistry, /, *, after_revision: int) -> None:
        """Nothing ever changes."""


@asynccontextmanager
async def follow_operations(registry: RegisteredOperations, engine: Engine) -> AsyncIterator[None]:
    """A time in which the engine knows what is registered: before it begins, and from then on."""
    known = await registry.apply_once(engine.register_operations)
    task = asyncio.create_task(registry.follow(engine.register_operations, after_revision=known))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


@asynccontextmanager
async def open_operation_registry(settings: Settings) -> AsyncIterator[OperationRegistry]:
    """The registry in the hub's database, for the length of the block."""
    state = create_database_engine(settings.state_url.get_secret_value())
    try:
        await migrate(state)
        yield OperationRegistry(state)
    finally:
        await state.dispose()
