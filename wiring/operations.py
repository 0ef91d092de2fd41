"""The operations that are registered in the hub's database, and an engine that knows them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from engine.run import Engine
from settings import Settings
from store.database import database, migrate
from store.operations import OperationRegistry


@asynccontextmanager
async def following(registry: OperationRegistry, engine: Engine) -> AsyncIterator[None]:
    """A time in which the engine knows what is registered: before it begins, and from then on."""
    seen = await registry.hand_over(engine.know)
    task = asyncio.create_task(registry.follow(engine.know, seen=seen))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


@asynccontextmanager
async def operation_registry(settings: Settings) -> AsyncIterator[OperationRegistry]:
    """The registry in the hub's database, for the length of the block."""
    state = database(settings.state_url.get_secret_value())
    try:
        await migrate(state)
        yield OperationRegistry(state)
    finally:
        await state.dispose()
