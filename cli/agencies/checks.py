"""Checks each agency through the hub's connectors: one known record, or a probe."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from secrets import token_hex
from time import monotonic
from typing import Any, Final, NamedTuple

from connectors.declared.domain_reads import list_reads
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.identifiers import Nik
from records.population import Identity
from resolvers.domains import find_domains
from settings import Settings
from store.database import create_database_engine
from wiring.agencies import BoundAgency, build_connectors

_FACETS: Final = "load_facets"


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
                found = await _ask(agency, person, call, settings.city.agencies[code].manifest.lacks)
                outcome = "ok" if found else "answers, but does not know the known record"
            except AgencyFailure as failure:
                outcome = f"{failure.code}: {failure.detail or failure}"
            yield AgencyCheck(code, _get_protocol(settings, code), outcome, monotonic() - started)
    finally:
        await connectors.close()
        await state.dispose()


async def _ask(agency: BoundAgency, person: Nik | None, call: Call, lacks: Collection[str]) -> bool:
    """Whether the agency knows the known record of its domain."""
    connector: Any = agency.connector
    if person is not None and agency.domain == "population" and _FACETS not in lacks:
        answers = await connector.load_facets([person], frozenset({Identity}), call)
    elif person is not None and (read := _find_read_of_person(agency.domain, lacks)) is not None:
        answers = await getattr(connector, read)([person], call)
    else:
        await connector.probe(call)
        return True
    found = answers.get(person)
    if isinstance(found, AgencyFailure):
        raise found
    return found is not None  # a person without pupils is known to the office of education, too


def _find_read_of_person(domain: str, lacks: Collection[str]) -> str | None:
    """The read of the agency whose keys are people and that takes nothing else; None if it has none."""
    reads = list_reads(find_domains()[domain])
    return next(
        (name for name, each in reads.items() if each.key is Nik and not each.facets and name not in lacks), None
    )


def _get_protocol(settings: Settings, agency: str) -> str:
    """The protocol of an agency, or its database product."""
    wire = settings.city.agencies[agency].manifest.wire
    if wire.driver != "sql":
        return "Open311" if wire.driver == "open311" else wire.driver.upper()
    scheme = wire.url.get_secret_value().partition(":")[0]
    return {"postgresql": "PostgreSQL", "mysql": "MariaDB", "mariadb": "MariaDB", "sqlite": "SQLite"}.get(
        scheme, scheme
    )
