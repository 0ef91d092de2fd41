"""Checks each agency through the hub's connectors: one known record, or a probe."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from secrets import token_hex
from time import monotonic
from typing import Any, NamedTuple

from pydantic import SecretStr

from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.identifiers import Nik
from records.population import Identity
from records.prices import MarketQuery
from settings import Settings
from store.database import create_database_engine
from wiring.agencies import Connectors, build_connectors


class AgencyCheck(NamedTuple):
    """The result of one check of one agency."""

    agency: str
    protocol: str
    outcome: str
    """`ok`, or a description of the failure."""
    seconds: float


class _Question(NamedTuple):
    agency: str
    protocol: str
    ask: Callable[[Call], Awaitable[bool]]


async def check_agencies(settings: Settings) -> AsyncIterator[AgencyCheck]:
    """Ask each agency for one known record, or probe it if no record is known."""
    state = create_database_engine(settings.state_url.get_secret_value())
    connectors = build_connectors(settings, state)
    try:
        for agency, protocol, ask in _build_checks(connectors, settings):
            started = monotonic()
            try:
                found = await ask(Call(deadline=started + settings.agency_timeout, request_id=f"check-{token_hex(4)}"))
                outcome = "ok" if found else "answers, but does not know the known record"
            except AgencyFailure as failure:
                outcome = f"{failure.code}: {failure.detail or failure}"
            yield AgencyCheck(agency, protocol, outcome, monotonic() - started)
    finally:
        await connectors.close()
        await state.dispose()


def _build_checks(connectors: Connectors, settings: Settings) -> Sequence[_Question]:
    person = [Nik(settings.probe_nik.get_secret_value())] if settings.probe_nik else []

    def build_check(read: Callable[[Sequence[Nik], Call], Awaitable[Mapping[Any, Any]]], probe: Any) -> Any:  # noqa: ANN401 - see _build_checks
        async def ask(call: Call) -> bool:
            if not person:
                await probe(call)
                return True
            found = (await read(person, call)).get(person[0])
            if isinstance(found, AgencyFailure):
                raise found
            return bool(found)

        return ask

    async def identity(niks: Sequence[Nik], call: Call) -> Mapping[Any, Any]:
        return await connectors.population.load_facets(niks, frozenset({Identity}), call)

    async def market(call: Call) -> bool:
        return any((await connectors.prices.market_lists([MarketQuery()], call)).values())

    return (
        _Question("dukcapil", "PostgreSQL", build_check(identity, connectors.population.probe)),
        _Question(
            "jakpreneur",
            _database_name(settings.jakpreneur_url),
            build_check(connectors.msmes.msmes_of, connectors.msmes.probe),
        ),
        _Question("pbb", "SOAP 1.1", build_check(connectors.tax.objects_of, connectors.tax.probe)),
        _Question("crm", "Open311", build_check(connectors.complaints.complaints_of, connectors.complaints.probe)),
        _Question("pangan", "REST", market),
    )


def _database_name(url: SecretStr) -> str:
    """The database product that the scheme of an address names."""
    scheme = url.get_secret_value().partition(":")[0]
    return {"postgresql": "PostgreSQL", "mysql": "MariaDB", "mariadb": "MariaDB", "sqlite": "SQLite"}.get(
        scheme, scheme
    )
