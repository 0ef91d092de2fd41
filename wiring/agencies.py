"""Builds a connector for each agency, behind its gate; its domain; and the cache of agency answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from auth.crypto.rate_keys import RateKeys
from cache.limits.agency_counts import AgencyCounts
from cache.limits.redis_counters import RedisCounters
from connectors.agency_probes import AgencyProbes
from connectors.complaints import CityComplaints
from connectors.declared.connector import MAX_CONCURRENT_CALLS, DeclaredConnector, build_declared_connector
from connectors.declared.tables import NotDeclarableError
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.service import HttpLimits, HttpService
from connectors.drivers.long_work import LongWork
from connectors.drivers.sql.driver import SqlDriver
from connectors.population import PopulationRegister
from connectors.regions import RegionTables
from connectors.resilience.gate import Gate
from connectors.tax import PropertyTax
from engine.batch import Agencies
from resolvers.answer_cache import AnswerCache, NoAnswerCache
from resolvers.complaints import Complaints
from resolvers.msmes import Msmes
from resolvers.population import Population
from resolvers.prices import Prices
from resolvers.regions import Regions
from resolvers.tax import Tax
from settings import MAX_CONCURRENCY, Settings
from settings.city.folder import CityFolder
from settings.city.manifest import ManifestError
from store.complaint_links import ComplaintLinkTable

_DATA = Path(__file__).parents[1] / "data"
_MAX_CONCURRENCY = 4
_MAX_REPLY_BYTES = 4 * 1024 * 1024
"""Of one decompressed JSON reply. Parsing it takes 15 ms at most (`connectors/drivers/http/json_body.py`)."""

D = TypeVar("D")


class Closable(Protocol):
    """Holds connections."""

    async def close(self) -> None:
        """Close them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connectors:
    """One connector for each domain."""

    population: PopulationRegister
    msmes: DeclaredConnector
    tax: PropertyTax
    complaints: CityComplaints
    prices: DeclaredConnector
    regions: RegionTables
    to_close: Sequence[Closable]
    """The owners of connections to agencies."""
    gates: Mapping[str, Gate]
    """The gate of each agency, which every call passes."""

    def bind_domains(self, hub_domains: Mapping[type[Any], Any]) -> Agencies:
        """The connectors and the hub's own state, by domain; the types prove that each connector fits."""
        bound = dict(hub_domains)

        def bind(domain: type[D], connector: D) -> None:
            bound[domain] = connector

        bind(Population, self.population)
        bind(Msmes, cast("Msmes", self.msmes))  # its compiler checked it against the domain
        bind(Tax, self.tax)
        bind(Complaints, self.complaints)
        bind(Prices, cast("Prices", self.prices))  # same
        bind(Regions, self.regions)
        return Agencies(bound)

    def build_agency_probes(self) -> AgencyProbes:
        """The probes that check whether each agency answers."""
        return AgencyProbes(
            {
                "dukcapil": self.population,
                "jakpreneur": self.msmes,
                "pbb": self.tax,
                "crm": self.complaints,
                "pangan": self.prices,
            }
        )

    async def close(self) -> None:
        """Close every connection to an agency."""
        for gate in self.gates.values():
            await gate.close()
        for each in self.to_close:
            await each.close()


def build_connectors(settings: Settings, state: AsyncEngine) -> Connectors:
    """Build a connector for each agency, without any call: an unavailable agency does not stop the hub."""
    gates = {agency: Gate(agency, settings.build_terms(agency)) for agency in MAX_CONCURRENCY}
    work = LongWork()
    dukcapil = _build_sql_driver(gates["dukcapil"], settings.dukcapil_url, work)
    jakpreneur = _build_sql_driver(gates["jakpreneur"], settings.jakpreneur_url, work)
    crm = _build_http_driver(gates["crm"], settings.crm_url, {"X-Api-Key": settings.crm_key}, work)
    pangan = _build_http_driver(gates["pangan"], settings.pangan_url, {"app-client-id": settings.pangan_key}, work)
    tax = PropertyTax.connect(
        PropertyTax.open_driver(
            settings.pbb_url, deadline=gates["pbb"].deadline, connections=gates["pbb"].max_concurrency, work=work
        ),
        user=settings.pbb_user,
        password=settings.pbb_password.get_secret_value(),
        max_concurrency=min(settings.pbb_max_concurrency, gates["pbb"].max_concurrency),
        gate=gates["pbb"],
    )
    regions = RegionTables(_DATA)
    links = None if settings.crm_reporter_extension else ComplaintLinkTable(state, settings.secret_bytes)
    return Connectors(
        population=PopulationRegister(
            dukcapil, max_batch_size=gates["dukcapil"].terms.max_batch_size, knows_region=regions.knows
        ),
        msmes=_build_declared(settings.city, Msmes, jakpreneur, gates["jakpreneur"]),
        tax=tax,
        complaints=CityComplaints(
            crm,
            links=links,
            reporter_extension=settings.crm_reporter_extension,
            max_concurrency=min(_MAX_CONCURRENCY, gates["crm"].max_concurrency),
            max_batch_size=gates["crm"].terms.max_batch_size,
        ),
        prices=_build_declared(settings.city, Prices, pangan, gates["pangan"]),
        regions=regions,
        to_close=(dukcapil, jakpreneur, crm, pangan, tax),
        gates=gates,
    )


def build_answer_cache(settings: Settings) -> AnswerCache | NoAnswerCache:
    """The cache of agency answers."""
    if not settings.cache_megabytes:
        return NoAnswerCache()
    return AnswerCache(
        max_bytes=settings.cache_megabytes * 1024 * 1024,
        secret=settings.secret_bytes,
        former_secrets=settings.former_secrets_bytes,
        redis=settings.redis,
        timeout=settings.agency_timeout,
        run_folder=settings.run_folder,
    )


def share_call_limits(gates: Mapping[str, Gate], shared: RedisCounters | None, secret: bytes) -> None:
    """Let all processes share the limits of agencies, if they share a Redis."""
    if shared is None:
        return
    shared_limits = AgencyCounts(shared, make_key=partial(RateKeys(secret), "agency"))
    for gate in gates.values():
        gate.share_limits(shared_limits)


def _build_declared(
    city: CityFolder, domain: type[Any], driver: SqlDriver | HttpDriver, gate: Gate
) -> DeclaredConnector:
    """Compile the reads that the agency's manifest declares. Raises `ManifestError`."""
    try:
        manifest = city.agencies[gate.agency]
    except KeyError:
        raise ManifestError(f"{city.path}: the city folder has no agencies/{gate.agency}.toml") from None
    try:
        return build_declared_connector(
            domain,
            manifest.manifest,
            driver,
            agency=gate.agency,
            max_batch_size=gate.terms.max_batch_size,
            max_concurrency=min(MAX_CONCURRENT_CALLS, gate.max_concurrency),
        )
    except NotDeclarableError as error:
        raise manifest.explain(error) from None


def _build_sql_driver(gate: Gate, url: SecretStr, work: LongWork) -> SqlDriver:
    return SqlDriver(
        gate.agency,
        url.get_secret_value(),
        deadline=gate.deadline,
        pool_size=gate.max_concurrency,
        gate=gate,
        work=work,
    )


def _build_http_driver(gate: Gate, url: str, headers: Mapping[str, SecretStr], work: LongWork) -> HttpDriver:
    return HttpDriver(
        HttpService(gate.agency, url, headers={name: value.get_secret_value() for name, value in headers.items()}),
        HttpLimits(deadline=gate.deadline, connections=gate.max_concurrency, max_bytes=_MAX_REPLY_BYTES),
        gate=gate,
        work=work,
    )
