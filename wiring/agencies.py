"""Builds a connector for each agency, behind its gate; its domain; and the cache of agency answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.ext.asyncio import AsyncEngine

from auth.crypto.rate_keys import RateKeys
from auth.crypto.sealed_people import SealedPeople
from auth.crypto.snapshot_keys import SnapshotKeys
from cache.limits.agency_counts import AgencyCounts
from connectors.agency_probes import AgencyProbes
from connectors.connector_parts import Connector, ConnectorParts, PythonConnector, list_snapshots
from connectors.declared.connector import build_declared_connector
from connectors.declared.domain_reads import list_read_names
from connectors.declared.driver_families import DRIVER_FAMILIES
from connectors.declared.driver_family import CallLimits, Driver, DriverParts, ExpiringDriver, HubValues
from connectors.declared.open311.complaints import ComplaintLinks
from connectors.declared.row_observation import RowObserver
from connectors.declared.snapshot.loader import SnapshotLoader, SnapshotSource
from connectors.declared.snapshot.process import BuildProcesses
from connectors.declared.snapshot.protection import CopyProtection
from connectors.declared.snapshot.snapshot import SnapshotStatus
from connectors.declared.tables import NotDeclarableError
from connectors.drivers.long_work import LongWork
from connectors.regions import RegionTables, UnknownDistricts
from connectors.resilience.gate import Gate
from connectors.shadow import ShadowCounts, ShadowedConnector
from engine.agencies.agency_codes import AgencyCodes
from engine.agencies.agency_routing import AgencyRouter
from engine.agencies.bindings import Agencies
from records.calls.freshness import ReadLifetimes
from resolvers.answer_cache import AnswerCache, NoAnswerCache
from resolvers.cached_batches import CachedBatchReader
from resolvers.domains import find_commands, find_domains
from resolvers.regions import Regions
from services.rights.fulfilled_erasures import FulfilledErasures
from settings import Settings
from settings.city.folder import CityFolder
from settings.city.manifest import AgencyManifest, ManifestFile
from settings.city.problems import CityProblem, ManifestError
from store.complaint_links import ComplaintLinkTable
from store.rights.data_request_table import DataRequestTable

if TYPE_CHECKING:  # a hub without Redis does not load it
    from cache.limits.redis_counters import RedisCounters

_DATA = Path(__file__).parents[1] / "data"


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundAgency:
    """An agency that answers a domain."""

    domain: str
    serves: Sequence[str]
    """Codes of the regions that it serves, if the domain has several agencies."""
    connector: Connector
    gate: Gate
    driver: Driver


def get_connector(_code: str, bound: BoundAgency) -> Connector:
    """The connector of an agency, unchanged."""
    return bound.connector


@dataclass(frozen=True, slots=True, kw_only=True)
class HubResources:
    """What the connectors of all agencies use of the hub."""

    city: Path
    """The folder of the city."""
    work: LongWork
    unknown_districts: UnknownDistricts
    complaint_links: ComplaintLinks
    snapshot_folder: Path | None = None
    copy_protection: CopyProtection | None = None
    observe_row: RowObserver | None = None
    adapt_driver: Callable[[Driver], Driver] = lambda driver: driver
    """What reads use in place of a driver, for people who record its replies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connectors:
    """The connector of each agency, and the tables of regions."""

    agencies: Mapping[str, BoundAgency]
    """By the code of the agency."""
    shadows: Mapping[str, BoundAgency]
    """Agencies that are compared with those, by code."""
    shadow_counts: Mapping[str, ShadowCounts]
    codes: AgencyCodes
    lifetimes: Mapping[str, Mapping[str, ReadLifetimes]]
    """How long the answers of each read may be used, by the code of the agency."""
    regions: RegionTables
    complaint_links: Mapping[str, ComplaintLinkTable]
    """Who reported what at each agency, for servers that do not name reporters."""
    compared: list[ShadowedConnector] = field(default_factory=list)

    @property
    def gates(self) -> Mapping[str, Gate]:
        """The gate of each agency, which every call passes."""
        return {code: each.gate for code, each in self.agencies.items()}

    def get_credential_expiries(self) -> Mapping[str, Mapping[str, float]]:
        """When the parts of each agency's credential expire, in seconds since 1970."""
        drivers = {code: each.driver for code, each in self.agencies.items()}
        return {code: each.expiries for code, each in drivers.items() if isinstance(each, ExpiringDriver)}

    def list_unsealed_records(self) -> Mapping[str, type[Any]]:
        """The record of each snapshot that is not sealed, by its agency and name."""
        return {
            f"agencies/{each.snapshot.agency}.toml: snapshots.{each.snapshot.name}": each.snapshot.layout.record
            for each in self.snapshots
            if not each.snapshot.layout.is_personal
        }

    def get_snapshot_statuses(self) -> Sequence[SnapshotStatus]:
        """The state of each snapshot, as far as this process knows."""
        return [each.snapshot.get_status() for each in self.snapshots]

    def bind_domains(
        self, hub_domains: Mapping[type[Any], Any], extend: Callable[[str, BoundAgency], Any] = get_connector
    ) -> Agencies:
        """The connectors and the hub's own state, by domain.

        `extend` adds to the connector of an agency what the hub itself knows.
        """
        by_domain: dict[type[Any], dict[str, BoundAgency]] = {}
        for code, each in self.agencies.items():
            by_domain.setdefault(find_domains()[each.domain], {})[code] = each
        single = {
            domain: self._compare_with_shadow(*next(iter(found.items())), extend)
            for domain, found in by_domain.items()
            if len(found) == 1
        }
        routers = {
            domain: AgencyRouter(
                domain,
                {code: extend(code, each) for code, each in found.items()},
                {code: each.serves for code, each in found.items()},
                self.codes,
            )
            for domain, found in by_domain.items()
            if len(found) > 1
        }
        regions: Regions = self.regions
        return Agencies({**hub_domains, **single, Regions: regions}, self.codes, self.lifetimes, routers)

    def _compare_with_shadow(self, code: str, bound: BoundAgency, extend: Callable[[str, BoundAgency], Any]) -> Any:  # noqa: ANN401 - a connector of the domain
        connector: Any = extend(code, bound)
        for shadow_code, shadow in self.shadows.items():
            if shadow.domain == bound.domain:
                connector = ShadowedConnector(
                    connector,
                    shadow.connector,
                    reads=list_read_names(find_domains()[bound.domain]),
                    deadline=shadow.gate.deadline,
                    counts=self.shadow_counts[shadow_code],
                )
                self.compared.append(connector)
        return connector

    def build_agency_probes(self) -> AgencyProbes:
        """The probes that check whether each agency answers."""
        return AgencyProbes({code: each.connector for code, each in self.agencies.items()})

    @property
    def snapshots(self) -> Sequence[SnapshotSource]:
        """The snapshots of all agencies."""
        connectors = [each.connector for each in (*self.agencies.values(), *self.shadows.values())]
        return [each for found in connectors for each in list_snapshots(found)]

    @asynccontextmanager
    async def loading(self, readers: Sequence[CachedBatchReader]) -> AsyncIterator[None]:
        """Load the snapshots while the block runs; `readers` drop cached answers when new data is published.

        Answers from a snapshot are never cached. An agency that has nothing else needs no invalidation, which would
        empty the caches of all processes of a hub without Redis.
        """

        async def invalidate(agency: str) -> None:
            if self.lifetimes.get(agency):
                for each in readers:
                    await each.invalidate_agency(agency)

        async with AsyncExitStack() as stack:
            processes = await stack.enter_async_context(BuildProcesses())
            loaders = [SnapshotLoader(each, on_published=invalidate, build=processes.build) for each in self.snapshots]
            for each in loaders:
                await stack.enter_async_context(each.running())
            await asyncio.gather(*(each.wait_for_data() for each in loaders))
            yield

    async def close(self) -> None:
        """Close every connection to an agency, and the files of snapshots."""
        for source in self.snapshots:
            source.snapshot.close()
        for compared in self.compared:
            await compared.close()
        for each in (*self.agencies.values(), *self.shadows.values()):
            await each.gate.close()
        for each in (*self.agencies.values(), *self.shadows.values()):
            await each.driver.close()


def build_connectors(settings: Settings, state: AsyncEngine) -> Connectors:
    """Build a connector for each agency, without any call: an unavailable agency does not stop the hub.

    Raises:
        ManifestError: It names every problem of the manifests.

    """
    regions = RegionTables(_DATA)
    links = build_complaint_links(settings, state)
    build_resources = partial(
        HubResources,
        city=settings.city.path,
        work=LongWork(),
        unknown_districts=UnknownDistricts(regions.knows),
        snapshot_folder=settings.snapshot_folder,
        copy_protection=build_copy_protection(settings, state),
    )
    codes = list_agency_codes(settings.city)
    agencies: dict[str, BoundAgency] = {}
    problems: list[CityProblem] = []
    for code, file in {**settings.city.agencies, **settings.city.shadows}.items():
        sessions, needed = file.manifest.terms.sessions, settings.process_count
        if sessions is not None and sessions < needed:
            text = f"{needed} processes need one each (SIMPUL_HUBS, SIMPUL_WORKERS; twice the workers, for reloads)"
            problems.append(file.locate("terms.sessions", text))
        own = build_resources(complaint_links=links[code])
        try:
            agencies[code] = bind_agency(file, Gate(code, settings.build_terms(code)), own)
        except ManifestError as error:
            problems += error.problems
    if problems:
        raise ManifestError(problems)
    shadows = {code: agencies.pop(code) for code in settings.city.shadows}
    return Connectors(
        agencies=agencies,
        shadows=shadows,
        shadow_counts={code: ShadowCounts() for code in shadows},
        codes=codes,
        lifetimes=list_lifetimes(settings.city),
        regions=regions,
        complaint_links=links,
    )


def build_complaint_links(settings: Settings, state: AsyncEngine) -> Mapping[str, ComplaintLinkTable]:
    """Who reported what at each agency. Only systems of a domain with several agencies may give out equal ids."""
    codes = list_agency_codes(settings.city)
    return {
        code: ComplaintLinkTable(
            state,
            settings.secret_bytes,
            agency=code if codes.has_several(find_domains()[file.manifest.domain]) else "",
        )
        for code, file in {**settings.city.agencies, **settings.city.shadows}.items()
    }


def build_copy_protection(settings: Settings, state: AsyncEngine) -> CopyProtection:
    """What protects snapshots of personal data: keys of the hub, and the erasures in its database."""
    secrets = (settings.secret_bytes, *settings.former_secrets_bytes)
    people = SealedPeople(settings.secret_bytes, settings.former_secrets_bytes)
    erasures = FulfilledErasures(DataRequestTable(state), people)
    keys = SnapshotKeys(*secrets)
    return CopyProtection(keys=keys, list_erased=erasures.list_people)


def bind_agency(file: ManifestFile, gate: Gate, resources: HubResources) -> BoundAgency:
    """Build the driver and the connector of one agency, without any call. Raises `ManifestError`."""
    manifest, wire = file.manifest, file.manifest.wire
    try:
        parts = DriverParts(gate=gate, work=resources.work, city=resources.city)
        driver = resources.adapt_driver(DRIVER_FAMILIES[wire.driver].build_driver(wire, parts))
    except NotDeclarableError as error:
        raise ManifestError([file.explain(error)]) from None
    except ValueError as error:
        raise ManifestError([file.locate("wire.url", str(error))]) from None
    connector_parts = ConnectorParts(
        gate=gate,
        driver=driver,
        options=manifest.options,
        unknown_districts=resources.unknown_districts,
        complaint_links=resources.complaint_links,
        snapshot_folder=resources.snapshot_folder,
        copy_protection=resources.copy_protection,
        observe_row=resources.observe_row,
    )
    try:
        connector = _build_connector(manifest, connector_parts)
    except NotDeclarableError as error:
        raise ManifestError([file.explain(error)]) from None
    return BoundAgency(domain=manifest.domain, serves=manifest.serves, connector=connector, gate=gate, driver=driver)


def list_agency_codes(city: CityFolder) -> AgencyCodes:
    """The codes of the live agencies of each domain."""
    codes: dict[type[Any], list[str]] = {}
    for code, each in city.agencies.items():
        codes.setdefault(find_domains()[each.manifest.domain], []).append(code)
    commands = {name: each.domain for name, each in find_commands().items()}
    lacks = {
        code: {
            *each.manifest.lacks,
            *each.manifest.wire.lacks,
            *(name for name, domain in commands.items() if domain is find_domains()[each.manifest.domain]),
        }
        - each.manifest.commands.keys()
        for code, each in city.agencies.items()
    }
    lookups = {
        code: {name: table.get_lookup(each.manifest.wire).value for name, table in each.manifest.commands.items()}
        for code, each in city.agencies.items()
    }
    return AgencyCodes(codes, lacks, lookups)


def list_lifetimes(city: CityFolder) -> Mapping[str, Mapping[str, ReadLifetimes]]:
    """How long the answers of each read may be used, by the code of the agency."""
    return {code: each.manifest.lifetimes for code, each in city.agencies.items()}


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


def _build_connector(manifest: AgencyManifest, parts: ConnectorParts) -> Connector:
    """Build a connector of declared reads, of a protocol for one domain, or in Python. Raises `NotDeclarableError`."""
    tables = manifest.declared_tables
    if tables is not None:
        gate = parts.gate
        return build_declared_connector(
            find_domains()[manifest.domain],
            tables,
            parts.driver,
            agency=gate.agency,
            limits=CallLimits(max_batch_size=gate.terms.max_batch_size, max_concurrency=gate.max_concurrency),
            hub=HubValues(
                snapshot_folder=parts.snapshot_folder,
                copy_protection=parts.copy_protection,
                for_functions={UnknownDistricts: parts.unknown_districts},
                observe_row=parts.observe_row,
            ),
        )
    names = list_read_names(find_domains()[manifest.domain])
    if unknown := sorted(manifest.reads.keys() - set(names)):
        raise NotDeclarableError(f"reads.{unknown[0]}", f"the domain has no such read; it has {', '.join(names)}")
    domain_reads = DRIVER_FAMILIES[manifest.wire.driver].domain_reads
    if manifest.connector is None and domain_reads is not None:
        connector: Connector = domain_reads.build(parts, manifest.records)
        return connector
    module, _, name = (manifest.connector or "").partition(":")
    found: type[PythonConnector] | None = getattr(import_module(module), name, None)
    if found is None or not hasattr(found, "connect"):
        raise NotDeclarableError("connector", f"{module} has no connector '{name}'")
    if missing := [each for each in names if not hasattr(found, each)]:
        raise NotDeclarableError("connector", f"it does not answer the read '{missing[0]}' of its domain")
    return found.connect(parts)
