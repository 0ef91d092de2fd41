"""One question to each agency, by the connectors of the hub: for a known record, or whether it answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from secrets import token_hex
from time import monotonic
from typing import Any

from pydantic import SecretStr

from records.call import Call
from records.failures import AgencyFailure
from records.identifiers import Nik
from records.population import Identity
from records.prices import MarketQuery
from settings import Settings
from store.database import database
from wiring.agencies import Connectors, connect


async def agency_checks(settings: Settings) -> AsyncIterator[tuple[str, str, str, float]]:
    """Ask each agency for one known record, or, where none is known, whether it answers.

    Yields (agency, protocol, outcome, seconds); the outcome is `ok`, or says what is wrong.
    """
    state = database(settings.state_url.get_secret_value())
    connectors = connect(settings, state)
    try:
        for agency, protocol, ask in _checks(connectors, settings):
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


def _checks(connectors: Connectors, settings: Settings) -> Sequence[tuple[str, str, Callable[[Call], Awaitable[bool]]]]:
    person = [Nik(settings.known_nik.get_secret_value())] if settings.known_nik else []

    def known(read: Callable[[Sequence[Nik], Call], Awaitable[Mapping[Any, Any]]], probe: Any) -> Any:  # noqa: ANN401 - see _checks
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
        return await connectors.population.facets(niks, frozenset({Identity}), call)

    async def market(call: Call) -> bool:
        return any((await connectors.prices.market_lists([MarketQuery()], call)).values())

    return (
        ("dukcapil", "PostgreSQL", known(identity, connectors.population.probe)),
        ("jakpreneur", _engine_of(settings.jakpreneur_url), known(connectors.msmes.msmes_of, connectors.msmes.probe)),
        ("pbb", "SOAP 1.1", known(connectors.tax.objects_of, connectors.tax.probe)),
        ("crm", "Open311", known(connectors.complaints.complaints_of, connectors.complaints.probe)),
        ("pangan", "REST", market),
    )


def _engine_of(url: SecretStr) -> str:
    """Which database an address leads to, as people call it."""
    scheme = url.get_secret_value().partition(":")[0]
    return {"postgresql": "PostgreSQL", "mysql": "MariaDB", "mariadb": "MariaDB", "sqlite": "SQLite"}.get(
        scheme, scheme
    )
