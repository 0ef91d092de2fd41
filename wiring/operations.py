"""The operations that are registered in the hub's database, and an engine that applies them."""

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
    """The registered operations."""

    async def apply_once(self, apply: ApplyRegistry, /) -> int:
        """Apply the registered operations; returns their revision."""

    async def follow(self, apply: ApplyRegistry, /, *, after_revision: int) -> None:
        """Apply the registered operations whenever they change."""


class NoOperations:
    """Registers no operation."""

    async def apply_once(self, _apply: ApplyRegistry, /) -> int:
        """Apply nothing."""
        return 0

    async def follow(self, _apply: ApplyRegistry, /, *, after_revision: int) -> None:
        """Return, because nothing ever changes."""


@asynccontextmanager
async def follow_operations(registry: RegisteredOperations, engine: Engine) -> AsyncIterator[None]:
    """Apply the registered operations to the engine: once before the block, then after each change."""
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
