"""A domain that no agency has, over HTTP, and a server that answers its reads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

import orjson

from connectors.declared.connector import DeclaredConnector, build_declared_connector
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.service import HttpLimits, HttpService
from connectors.resilience.agency_terms import AgencyTerms, BreakerEntry
from connectors.resilience.gate import Gate
from records.calls.answers import Answers
from records.calls.call import Call
from records.identifiers import Nik
from records.prices import PriceMovement
from records.record import record
from tests.connectors.declared.tables import parse_tables
from tests.connectors.drivers.byte_server import ByteServer, Script, reply, serve_bytes

SITI, BUDI = Nik("3171010101900001"), Nik("3171010101900002")


@record
class BoothLot:
    number: str
    trade: str | None


@record
class Booth:
    id: str
    owner: Nik
    street: str | None
    lot: BoothLot
    trend: PriceMovement | None = None


@record
class BoothPermit:
    booth: str
    number: str


@record
class BoothQuery:
    search: str = ""


@record
class BoothPermitQuery:
    district: str
    year: int


class Booths(Protocol):
    """A domain that no agency has."""

    async def booths_of(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[Booth]]:
        """The booths of each person."""

    async def booths(self, ids: Sequence[str], call: Call) -> Answers[str, Booth]:
        """Booths by identifier."""

    async def listed(self, ids: Sequence[str], call: Call) -> Answers[str, Booth]:
        """Booths by identifier, from a list."""

    async def found(self, queries: Sequence[BoothQuery], call: Call) -> Answers[BoothQuery, Sequence[Booth]]:
        """Booths by street."""

    async def permits_of(self, ids: Sequence[str], call: Call) -> Answers[str, Sequence[BoothPermit]]:
        """The permits of each booth."""

    async def permits(
        self, queries: Sequence[BoothPermitQuery], call: Call
    ) -> Answers[BoothPermitQuery, Sequence[BoothPermit]]:
        """The permits of a year."""


TABLES: dict[str, Any] = {
    "reads": {
        "booths_of": {
            "path": "v1/booths/search",
            "form": {"nik": "{key}"},
            "rows": "data.rows",
            "key": "nik",
            "key_pattern": "[0-9]{16}",
            "id": "id",
            "skip_without": "id",
        },
        "booths": {"path": "v1/booths/{key}", "rows": "data", "key": "id", "key_type": "number"},
        "listed": {"path": "v1/booths", "rows": "data.rows", "key": "id", "skip_without": "lot.number"},
        "found": {"path": "v1/booths", "rows": "data.rows", "id": "id", "search": "street"},
        "permits_of": {"path": "/v1/booths/no-{key}/permits/", "key_pattern": "[^\n]*[^.\n]"},
        "permits": {
            "path": "v1/permits",
            "query": {"area[]": "{district}", "year": "y{year:06}", "size": "100"},
            "key": {"district": "area"},
            "key_pattern": {"district": "[A-Z ]+"},
        },
    },
    "records": {
        "Booth": {
            "id": "id",
            "owner": "nik",
            "street": "address.street",
            "trend": {"from": ["price", "trend"], "python": "connectors.prices:read_movement"},
        },
        "BoothLot": {"number": "lot.number", "trade": {"from": ["lot.trades.1", "lot.trades.0"], "read": "first_text"}},
        "BoothPermit": {"booth": "booth", "number": "number"},
    },
    "probe": {"read": "booths", "key": "1"},
}
ROW: dict[str, Any] = {
    "id": 7,
    "nik": SITI,
    "address": {"street": "Jl. Kenanga"},
    "lot": {"number": "B-2", "trades": ["kopi"]},
    "price": 5000,
    "trend": "RISE",
}
BOOTH = Booth(
    id="7",
    owner=SITI,
    street="Jl. Kenanga",
    lot=BoothLot(number="B-2", trade="kopi"),
    trend=PriceMovement.RISING,
)


def change(read: str, **changes: object) -> dict[str, Any]:
    """The tables with changes of one read; None removes a key."""
    table = {name: each for name, each in (TABLES["reads"][read] | changes).items() if each is not None}
    return TABLES | {"reads": TABLES["reads"] | {read: table}}


def change_booth(**changes: object) -> dict[str, Any]:
    """The tables with changes of one record."""
    return TABLES | {"records": TABLES["records"] | {"Booth": TABLES["records"]["Booth"] | changes}}


def build(http: HttpDriver, tables: Mapping[str, Any] = TABLES) -> DeclaredConnector:
    return build_declared_connector(Booths, parse_tables("http", tables), http, agency="kios")


def open_driver(url: str = "http://127.0.0.1:9", gate: Gate | None = None) -> HttpDriver:
    limits = HttpLimits(deadline=5, connections=4, max_bytes=200_000)
    return HttpDriver(HttpService("kios", url, headers={}), limits, gate=gate)


def open_gate() -> Gate:
    """A gate whose breaker opens at the first failure."""
    return Gate("kios", AgencyTerms(deadline=5, max_concurrency=4, breaker=BreakerEntry(failures=1, pause=10)))


@asynccontextmanager
async def serve(
    answer: object, *, tables: Mapping[str, Any] = TABLES, gate: Gate | None = None
) -> AsyncIterator[tuple[DeclaredConnector, ByteServer]]:
    script: Script | bytes = answer if callable(answer) else reply(200, orjson.dumps(answer))
    async with serve_bytes(script) as server:
        http = open_driver(server.url, gate)
        try:
            yield build(http, tables), server
        finally:
            await http.close()


def rows(*changes: Mapping[str, Any]) -> dict[str, Any]:
    return {"data": {"rows": [{**ROW, **each} for each in changes]}}
