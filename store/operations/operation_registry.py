"""The registry of operations: which client may run which operation, and who decided that."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
from pydantic_core import to_jsonable_python
from sqlalchemy import Row, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from records.hub.clients import ClientId
from records.hub.operations import (
    ClientContract,
    ConsentTerms,
    OperationField,
    OperationMode,
    RegisteredOperation,
    RegistryEntry,
    VariableRange,
    range_to_json,
)
from records.partners import PartnerListing
from records.purposes import Purpose
from records.shared_wakes import compute_pause
from store.database_timeout import database_timeout
from store.prepared_statement import PreparedStatement
from store.tables import operation_changes, operation_clients, operations

POLL_SECONDS = 5.0
"""Seconds between a hub's checks for changes."""
MAX_PER_CLIENT = 500
"""Published operations of one client; hubs keep all in memory with their plans, about 150 KB each."""
MAX_TOTAL = 2_000
"""Published operations of all clients."""
MAX_CHARACTERS = 4 * 1024 * 1024
"""Characters in the texts of all published operations; a hub needs about 80 bytes for each."""

_TIMEOUT = 2.0
"""Maximum wait of a request for the database, in seconds."""

ApplyRegistry = Callable[[Sequence[ClientContract], Sequence[RegisteredOperation]], Awaitable[None]]


class RegistryRefused(Exception):  # noqa: N818 - reads as what it is
    """The registry cannot accept this; the text names the reason and the fix."""


class OperationRegistry:
    """Contracts and operations in the hub's database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._newest_revision = PreparedStatement(select(func.max(operation_changes.c.id)))

    async def list_contracts(self) -> Sequence[ClientContract]:
        """Returns the contracts of all clients."""
        async with self._engine.connect() as connection:
            return await _load_contracts(connection)

    async def list_listed_contracts(self) -> Sequence[ClientContract]:
        """Returns the contracts with an entry in the directory of partners. Raises `StateUnavailable`."""
        async with database_timeout(_TIMEOUT):
            return [each for each in await self.list_contracts() if each.listing is not None]

    async def load_contract(self, client: ClientId) -> ClientContract | None:
        """Returns the current contract of one client. Raises `StateUnavailable`."""
        async with database_timeout(_TIMEOUT), self._engine.connect() as connection:
            return await load_contract(connection, client)

    async def load_readable_fields(self, contract: ClientContract) -> frozenset[str] | None:
        """Returns the schema coordinates that a client's published operations read; None if it may run any operation.

        Raises `StateUnavailable`.
        """
        async with database_timeout(_TIMEOUT), self._engine.connect() as connection:
            return await load_readable_fields(connection, contract)

    async def list_published(self) -> Sequence[RegisteredOperation]:
        """Returns the operations that may be run."""
        return [each.operation for each in await self.list_entries() if each.retired_at is None]

    async def list_entries(self, client: ClientId | None = None) -> Sequence[RegistryEntry]:
        """Returns all operations ever registered, of one client or of all, sorted by client and name."""
        async with self._engine.connect() as connection:
            return await _load_entries(connection, client)

    async def publish(
        self, contract: ClientContract, published: Sequence[RegisteredOperation], *, by: str
    ) -> tuple[int, int]:
        """Publishes a contract and operations, all or none.

        An operation with a known id and text is updated; the text of an id never changes. Returns the numbers of new
        and of known operations. Raises `RegistryRefused`.
        """
        client = contract.client
        async with self._engine.begin() as connection:
            await _lock_registry(connection)
            known = {each.operation.id: each for each in await _load_entries(connection, client)}
            for each in published:
                if each.id in known and known[each.id].operation.text != each.text:
                    raise RegistryRefused(
                        f"the id {each.id!r} of client {client!r} belongs to another text ({known[each.id].state}); "
                        "give the changed operation a new id"
                    )
            fresh = [each for each in published if each.id not in known or known[each.id].retired_at is not None]
            await _refuse_too_many(connection, client, fresh)
            await _upsert_contract(connection, contract, by)
            for each in published:
                await _upsert_operation(connection, each, by)
            await _record_changes(connection, client, [each.id for each in fresh], "published", by)
        return len(fresh), len(published) - len(fresh)

    async def retire(self, client: ClientId, ids: Sequence[str], *, by: str) -> Sequence[str]:
        """Retires operations; hubs stop running them within seconds. Returns those that were published until now."""
        async with self._engine.begin() as connection:
            await _lock_registry(connection)
            retired = (
                update(operations)
                .where(
                    operations.c.client == client,
                    operations.c.document_id.in_(ids),
                    operations.c.retired_at.is_(None),
                )
                .values(retired_by=by, retired_at=func.now())
                .returning(operations.c.document_id)
            )
            gone = sorted((await connection.execute(retired)).scalars())
            await _record_changes(connection, client, gone, "retired", by)
        return gone

    async def follow(self, apply: ApplyRegistry, *, after_revision: int = -1) -> None:
        """Calls `apply` after every change later than `after_revision`, without end; checks every five seconds.

        If the database does not answer, the last known content stays in force. The first failure of an outage is
        logged.
        """
        answers = True
        while True:
            try:
                newest = await self._load_revision()
                if newest != after_revision:
                    async with self._engine.connect() as connection:
                        content = await _load_content(connection)
                    await apply(*content)
                after_revision, answers = newest, True
            except Exception as problem:  # noqa: BLE001 - after any error, a later check must still run
                if answers:
                    _log.warning("The registry of operations cannot be read: %s", type(problem).__name__)
                answers = False
            await asyncio.sleep(compute_pause(POLL_SECONDS))

    async def apply_once(self, apply: ApplyRegistry) -> int:
        """Calls `apply` once with the current content. Returns the revision, for `follow`."""
        newest = await self._load_revision()
        async with self._engine.connect() as connection:
            content = await _load_content(connection)
        await apply(*content)
        return newest

    async def _load_revision(self) -> int:
        return await self._newest_revision.load_value(self._engine) or 0


_log = logging.getLogger("simpul.operations")


async def _load_content(connection: AsyncConnection) -> tuple[Sequence[ClientContract], Sequence[RegisteredOperation]]:
    entries = await _load_entries(connection, None)
    return await _load_contracts(connection), [each.operation for each in entries if each.retired_at is None]


async def _lock_registry(connection: AsyncConnection) -> None:
    """Serializes changes, so that the newest visible revision is the newest of all."""
    await connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7305135)")


async def _refuse_too_many(connection: AsyncConnection, client: ClientId, fresh: Sequence[RegisteredOperation]) -> None:
    more = len(fresh)
    length = select(func.coalesce(func.sum(func.length(operations.c.text)), 0)).where(operations.c.retired_at.is_(None))
    characters = (await connection.execute(length)).scalar_one() + sum(len(each.text) for each in fresh)
    if characters > MAX_CHARACTERS:
        raise RegistryRefused(
            f"the texts of all published operations would hold {characters} characters, at most {MAX_CHARACTERS}:"
            " retire some first"
        )
    counted = select(operations.c.client, func.count()).where(operations.c.retired_at.is_(None))
    rows = await connection.execute(counted.group_by(operations.c.client))
    by_client: dict[str, int] = {name: count for name, count in rows}  # noqa: C416 - rows are not pairs to a type checker
    for count, most, whose in (
        (by_client.get(client, 0) + more, MAX_PER_CLIENT, f"client {client!r}"),
        (sum(by_client.values()) + more, MAX_TOTAL, "all clients together"),
    ):
        if count > most:
            raise RegistryRefused(f"{whose} would have {count} published operations, at most {most}: retire some first")


async def _upsert_contract(connection: AsyncConnection, contract: ClientContract, by: str) -> None:
    values = {
        "mode": contract.mode.value,
        "scopes": {scope: list(fields) for scope, fields in contract.scopes.items()},
        "variables": {name: _ranges_to_json(ranges) for name, ranges in contract.variables.items()},
        "name": contract.name,
        "consent": None if contract.consent is None else _terms_to_json(contract.consent),
        "listing": None if contract.listing is None else to_jsonable_python(contract.listing),
        "cost_a_day": contract.cost_a_day,
        "changed_by": by,
        "changed_at": func.now(),
    }
    if contract in await _load_contracts(connection):
        return
    wanted = insert(operation_clients).values(client=contract.client, **values)
    await connection.execute(wanted.on_conflict_do_update(index_elements=["client"], set_=values))
    await connection.execute(insert(operation_changes).values(client=contract.client, change="contract", changed_by=by))


async def _upsert_operation(connection: AsyncConnection, operation: RegisteredOperation, by: str) -> None:
    values: dict[str, Any] = {
        "name": operation.name,
        "scopes": sorted(operation.scopes),
        "ranges": _ranges_to_json(operation.ranges),
        "cost": operation.cost,
        "reads": [[each.field, each.data_class, each.rule] for each in operation.reads],
        "approved_by": operation.approved_by,
    }
    wanted = insert(operations).values(
        client=operation.client, document_id=operation.id, text=operation.text, published_by=by, **values
    )
    again = {**values, "retired_by": None, "retired_at": None}
    await connection.execute(wanted.on_conflict_do_update(index_elements=["client", "document_id"], set_=again))


async def _record_changes(
    connection: AsyncConnection, client: ClientId, ids: Sequence[str], change: str, by: str
) -> None:
    if ids:
        rows = [{"client": client, "document_id": each, "change": change, "changed_by": by} for each in ids]
        await connection.execute(insert(operation_changes).values(rows))


async def _load_contracts(connection: AsyncConnection) -> Sequence[ClientContract]:
    rows = await connection.execute(select(operation_clients).order_by(operation_clients.c.client))
    return [_to_contract(row) for row in rows]


async def load_contract(connection: AsyncConnection, client: ClientId) -> ClientContract | None:
    """Returns the contract of one client."""
    rows = await connection.execute(select(operation_clients).where(operation_clients.c.client == client))
    row = rows.one_or_none()
    return None if row is None else _to_contract(row)


async def load_readable_fields(connection: AsyncConnection, contract: ClientContract) -> frozenset[str] | None:
    """Returns the schema coordinates that a client's published operations read; None if it may run any operation."""
    if contract.mode in {OperationMode.OFF, OperationMode.LOG_UNKNOWN}:
        return None
    wanted = select(operations.c.reads).where(operations.c.client == contract.client, operations.c.retired_at.is_(None))
    return frozenset(field for reads in (await connection.execute(wanted)).scalars() for field, _, _ in reads)


def _to_contract(row: Row[Any]) -> ClientContract:
    return ClientContract(
        client=ClientId.from_stored(row.client),
        name=row.name,
        mode=OperationMode(row.mode),
        scopes={scope: tuple(fields) for scope, fields in row.scopes.items()},
        variables={name: _to_ranges(ranges) for name, ranges in row.variables.items()},
        consent=None if row.consent is None else _to_terms(row.consent),
        listing=None if row.listing is None else msgspec.convert(row.listing, PartnerListing),
        cost_a_day=row.cost_a_day,
    )


def _terms_to_json(terms: ConsentTerms) -> dict[str, Any]:
    return {
        "purposes": [each.name for each in terms.purposes],
        "days": terms.days,
        "redirect_uris": list(terms.redirect_uris),
        "webhook": terms.webhook,
        "webhook_secret": terms.webhook_secret,
    }


def _to_terms(stored: Mapping[str, Any]) -> ConsentTerms:
    return ConsentTerms(
        purposes=tuple(Purpose[each] for each in stored["purposes"]),
        days=stored["days"],
        redirect_uris=tuple(stored["redirect_uris"]),
        webhook=stored["webhook"],
        webhook_secret=stored["webhook_secret"],
    )


async def _load_entries(connection: AsyncConnection, client: ClientId | None) -> Sequence[RegistryEntry]:
    wanted = select(operations).order_by(operations.c.client, operations.c.name, operations.c.document_id)
    rows = await connection.execute(wanted if client is None else wanted.where(operations.c.client == client))
    return [_to_entry(row) for row in rows]


def _to_entry(row: Row[Any]) -> RegistryEntry:
    return RegistryEntry(
        operation=RegisteredOperation(
            client=ClientId.from_stored(row.client),
            id=row.document_id,
            name=row.name,
            text=row.text,
            scopes=frozenset(row.scopes),
            ranges=_to_ranges(row.ranges),
            cost=row.cost,
            reads=tuple(OperationField(field=field, data_class=of, rule=rule) for field, of, rule in row.reads),
            approved_by=row.approved_by,
        ),
        published_by=row.published_by,
        published_at=row.published_at,
        retired_by=row.retired_by,
        retired_at=row.retired_at,
    )


def _ranges_to_json(ranges: Mapping[str, VariableRange]) -> dict[str, Any]:
    return {name: range_to_json(each) for name, each in ranges.items()}


def _to_ranges(stored: Mapping[str, Any]) -> dict[str, VariableRange]:
    return {
        name: VariableRange(**{**each, **({"one_of": tuple(each["one_of"])} if "one_of" in each else {})})
        for name, each in stored.items()
    }
