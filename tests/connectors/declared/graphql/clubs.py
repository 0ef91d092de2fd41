"""A domain that no agency has, over GraphQL, and a server that answers its reads."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any, Protocol

import orjson

from connectors.declared.connector import DeclaredConnector, build_declared_connector
from connectors.declared.driver_family import CallLimits
from connectors.drivers.http.driver import HttpDriver
from connectors.resilience.gate import Gate
from records.calls.answers import Answers
from records.calls.call import Call
from records.description import DECIDES_ACCESS
from records.identifiers import Nik
from records.record import record
from tests.connectors.declared.hotspots import open_driver
from tests.connectors.declared.tables import parse_tables
from tests.connectors.drivers.byte_server import ByteServer, ReceivedRequest, Script, reply, serve_bytes

SITI, BUDI = Nik("3171010101900001"), Nik("3171010101900002")
MEDIA_TYPE = "application/graphql-response+json"


@record
class Club:
    id: str
    name: str
    city: str | None


@record
class Membership:
    owner: Annotated[Nik, DECIDES_ACCESS]
    club: str
    number: int | None


@record
class ClubQuery:
    search: str
    first: int
    after: str | None


class Clubs(Protocol):
    """A domain that no agency has."""

    async def clubs(self, ids: Sequence[str], call: Call) -> Answers[str, Club]:
        """Clubs by identifier."""

    async def memberships_of(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[Membership]]:
        """The memberships of each person."""

    async def found(self, queries: Sequence[ClubQuery], call: Call) -> Answers[ClubQuery, Sequence[Club]]:
        """Clubs by text."""


TABLES: dict[str, Any] = {
    "reads": {
        "clubs": {"entity": "Club", "key": "id"},
        "memberships_of": {"entity": "Person", "key": "nik", "rows": "memberships"},
        "found": {
            "field": "clubs",
            "arguments": {"text": "{search}", "first": "{size}", "after": "{cursor}"},
            "rows": "edges[].node",
            "paging": {"size": 2},
            "order": ["id"],
        },
    },
    "records": {
        "Club": {"id": "id", "name": "name", "city": "place.city"},
        "Membership": {"owner": "^.nik", "club": "club.id", "number": "number"},
    },
    "probe": {"read": "clubs", "key": "1"},
}


def change(read: str, **keys: object) -> dict[str, Any]:
    """The tables with other keys of a read; None removes one."""
    tables = copy.deepcopy(TABLES)
    tables["reads"][read] = {name: each for name, each in {**tables["reads"][read], **keys}.items() if each is not None}
    return tables


def build(
    driver: HttpDriver, tables: Mapping[str, Any], limits: CallLimits | None = None, domain: type[Any] = Clubs
) -> DeclaredConnector:
    """The connector of a manifest's tables."""
    return build_declared_connector(
        domain, parse_tables("graphql", tables), driver, agency="klub", limits=limits or CallLimits()
    )


@asynccontextmanager
async def serve(
    script: Script | bytes | Mapping[str, Any],
    tables: Mapping[str, Any] = TABLES,
    *,
    gate: Gate | None = None,
    limits: CallLimits | None = None,
    domain: type[Any] = Clubs,
) -> AsyncIterator[tuple[DeclaredConnector, ByteServer]]:
    """The connector, and the server that it calls; a mapping is its response."""
    script = respond(script) if isinstance(script, Mapping) else script
    async with serve_bytes(script) as server:
        driver = open_driver({"driver": "graphql", "url": server.url}, gate)
        try:
            yield build(driver, tables, limits, domain), server
        finally:
            await driver.close()


def respond(response: object, *, status: int = 200, media_type: str = "application/json") -> bytes:
    """The bytes of a response."""
    return reply(status, orjson.dumps(response), Content_Type=media_type)


def respond_each(build_response: Callable[[str, dict[str, Any]], Mapping[str, Any]]) -> Script:
    """A script that makes each response from the document and the variables of the request."""

    async def answer(asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        given = orjson.loads(asked.body)
        writer.write(respond(build_response(given["query"], given.get("variables") or {})))

    return answer


def read_body(asked: ReceivedRequest) -> dict[str, Any]:
    """The JSON body of a request."""
    found: dict[str, Any] = orjson.loads(asked.body)
    return found


def make_club(number: object, **others: object) -> dict[str, Any]:
    """A club as the server gives it."""
    return {"id": str(number), "name": f"Klub {number}", "place": {"city": "Jakarta"}, **others}


def to_club(number: object) -> Club:
    """The record of such a club."""
    return Club(id=str(number), name=f"Klub {number}", city="Jakarta")
