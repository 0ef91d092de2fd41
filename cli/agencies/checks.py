"""Checks each agency through the hub's connectors: one known record, or a probe."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from secrets import token_hex
from time import monotonic
from typing import Any, Final, NamedTuple

from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.identifiers import Nik
from records.population import Identity
from records.prices import MarketQuery
from settings import Settings
from store.database import create_database_engine
from wiring.agencies import BoundAgency, build_connectors

_READS_OF_PERSON: Final[Mapping[str, str]] = {"msmes": "msmes_of", "tax": "objects_of", "complaints": "complaints_of"}
"""By domain: the read whose keys are people."""


class AgencyCheck(NamedTuple):
    """The result of one check of one agency."""

    agency: str
    protocol: str
    outcome: str
    """`ok`, or a description of the failure."""
    seconds: float


async def check_agencies(settings: Settings) -> AsyncIterator[AgencyCheck]:
    """Ask each agency for one known record, or probe it if no record is known."""
    state = create_database_engine(settings.state_url.get_secret_value())
    connectors = build_connectors(settings, state)
    person = None if settings.probe_nik is None else Nik(settings.probe_nik.get_secret_value())
    try:
        for code, agency in connectors.agencies.items():
            started = monotonic()
            call = Call(deadline=started + settings.agency_timeout, request_id=f"check-{token_hex(4)}")
            try:
                found = await _ask(agency, person, call)
                outcome = "ok" if found else "answers, but does not know the known record"
            except AgencyFailure as failure:
                outcome = f"{failure.code}: {failure.detail or failure}"
            yield AgencyCheck(code, _get_protocol(settings, code), outcome, monotonic() - started)
    finally:
        await connectors.close()
        await state.dispose()


async def _ask(agency: BoundAgency, person: Nik | None, call: Call) -> bool:
    """Whether the agency knows the known record of its domain."""
    connector: Any = agency.connector
    if agency.domain == "prices":
        return any((await connector.market_lists([MarketQuery()], call)).values())
    if person is None:
        await connector.probe(call)
        return True
    if agency.domain == "population":
        answers = await connector.load_facets([person], frozenset({Identity}), call)
    else:
        answers = await getattr(connector, _READS_OF_PERSON[agency.domain])([person], call)
    found = answers.get(person)
    if isinstance(found, AgencyFailure):
        raise found
    return bool(found)


def _get_protocol(settings: Settings, agency: str) -> str:
    """The protocol of an agency, or its database product."""
    wire = settings.city.agencies[agency].manifest.wire
    if wire.driver != "sql":
        return "Open311" if wire.driver == "open311" else wire.driver.upper()
    scheme = wire.url.get_secret_value().partition(":")[0]
    return {"postgresql": "PostgreSQL", "mysql": "MariaDB", "mariadb": "MariaDB", "sqlite": "SQLite"}.get(
        scheme, scheme
    )
