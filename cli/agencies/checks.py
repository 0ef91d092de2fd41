"""Checks each agency through the hub's connectors: one known record, or a probe."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from secrets import token_hex
from time import monotonic
from typing import Any

from pydantic import SecretStr

from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.identifiers import Nik
from records.population import Identity
from records.prices import MarketQuery
from settings import Settings
from store.database import create_database_engine
from wiring.agencies import Connectors, build_connectors


async def check_agencies(settings: Settings) -> AsyncIterator[tuple[str, str, str, float]]:
    """Ask each agency for one known record, or probe it if no record is known.

    Yields (agency, protocol, outcome, seconds); the outcome is `ok`, or describes the failure.
    """
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
            yield agency, protocol, outcome, monotonic() - started
    finally:
        await connectors.close()
        await state.dispose()


def _build_checks(
    connectors: Connectors, settings: Settings
) -> Sequence[tuple[str, str, Callable[[Call], Awaitable[bool]]]]:
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
        ("dukcapil", "PostgreSQL", build_check(identity, connectors.population.probe)),
        (
            "jakpreneur",
            _database_name(settings.jakpreneur_url),
            build_check(connectors.msmes.msmes_of, connectors.msmes.probe),
        ),
        ("pbb", "SOAP 1.1", build_check(connectors.tax.objects_of, connectors.tax.probe)),
        ("crm", "Open311", build_check(connectors.complaints.complaints_of, connectors.complaints.probe)),
        ("pangan", "REST", market),
    )


def _database_name(url: SecretStr) -> str:
    """The database product that the scheme of an address names."""
    scheme = url.get_secret_value().partition(":")[0]
    return {"postgresql": "PostgreSQL", "mysql": "MariaDB", "mariadb": "MariaDB", "sqlite": "SQLite"}.get(
        scheme, scheme
    )
