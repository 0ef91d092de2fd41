"""The operations that are registered in the hub's database, and an engine that applies them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from engine.agencies.agency_codes import get_agency_codes
from engine.engine import Engine
from records.hub.operations import ClientContract, RegisteredOperation
from schema.tools.operation_changes import find_lost_fields
from settings import Settings
from store.database import create_database_engine, migrate
from store.operations.operation_registry import ApplyRegistry, OperationRegistry

_log = logging.getLogger("simpul.operations")


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

    async def apply(contracts: Sequence[ClientContract], operations: Sequence[RegisteredOperation]) -> None:
        await engine.register_operations(contracts, operations)
        if get_agency_codes(engine.schema).has_routes:
            await _report_missing_choices(engine, operations)

    known = await registry.apply_once(apply)
    task = asyncio.create_task(registry.follow(apply, after_revision=known))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _report_missing_choices(engine: Engine, operations: Sequence[RegisteredOperation]) -> None:
    for each in operations:
        for reason in find_lost_fields(engine.schema, each.text):
            _log.warning("%s of client %s loses a field: %s", each.name, each.client, reason)
        await asyncio.sleep(0)  # a registry may hold thousands, and requests go on


@asynccontextmanager
async def open_operation_registry(settings: Settings) -> AsyncIterator[OperationRegistry]:
    """The registry in the hub's database, for the length of the block."""
    state = create_database_engine(settings.state_url.get_secret_value())
    try:
        await migrate(state)
        yield OperationRegistry(state)
    finally:
        await state.dispose()
