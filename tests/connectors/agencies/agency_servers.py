"""Runs the stand-in server of an agency for tests, and connects the hub to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from connectors.connector_parts import list_snapshots
from connectors.declared.snapshot.loader import SnapshotLoader
from connectors.drivers.long_work import LongWork
from connectors.regions import UnknownDistricts
from connectors.resilience.agency_terms import AgencyTerms, BreakerEntry
from connectors.resilience.gate import Gate
from records.identifiers import Nik
from sandbox.stand_ins.sources import CITY_VARIABLE, DROP, StandInSource
from settings.city.folder import DEFAULT_CITY
from settings.city.manifest import ManifestFile
from tests.connectors.declared.snapshot.enterprises import build_protection
from tests.connectors.declared.snapshot.points import build_here
from tests.sandbox_agencies import RunningAgency, run_agency
from wiring.agencies import BoundAgency, HubResources, bind_agency

DEADLINE = 0.8
"""Seconds of a call, where tests wait for it to pass."""


class NoLinks:
    """A link table without reporters."""

    async def requests_of(self, niks: Sequence[Nik]) -> Mapping[Nik, Sequence[str]]:
        del niks
        return {}


@dataclass(frozen=True)
class AgencyServer:
    """A running agency of a city."""

    source: StandInSource
    running: RunningAgency

    @property
    def has_credential(self) -> bool:
        """Whether the hub proves itself to the agency."""
        return self.build_variables() != self.build_variables(secret="another")

    @property
    def credential(self) -> Mapping[str, Any]:
        """The hub's credential over HTTP, as the manifest declares it."""
        found: Mapping[str, Any] = self.source.manifest["wire"].get("credential", {})
        return found

    @property
    def drop(self) -> Path:
        """The folder of its files, if it leaves some."""
        return self.running.state / DROP

    def connect(
        self, manifest: ManifestFile, terms: AgencyTerms | None = None
    ) -> AbstractAsyncContextManager[BoundAgency]:
        """The connector of the agency, with the files of its city."""
        return connect(manifest, terms, city=self.source.city)

    def build_variables(self, port: int | None = None, secret: str | None = None) -> Mapping[str, str]:
        """The variables of the manifest; `port` in place of the agency's, for a proxy before it; or a wrong secret."""
        at, user, proof = port or self.running.port, self.running.user, secret or self.running.secret
        url = self.source.build_url(port=at, user=user, secret=proof, folder=str(self.drop))
        return self.source.build_variables(url, user=user, secret=proof, state=str(self.running.state.resolve()))

    def load_manifest(
        self, port: int | None = None, path: Path | None = None, secret: str | None = None
    ) -> ManifestFile:
        """The manifest, or the changed one at `path`, with the addresses of the running agency."""
        own = self.source.city / "agencies" / f"{self.source.code}.toml"
        return ManifestFile.load(path or own, self.build_variables(port, secret))


@contextmanager
def run_agency_server(source: StandInSource, state: Path) -> Iterator[AgencyServer]:
    """Run the agency for the length of the block."""
    with run_agency(source.code, state, environment={CITY_VARIABLE: str(source.city)}) as running:
        yield AgencyServer(source, running)


@asynccontextmanager
async def connect(
    manifest: ManifestFile, terms: AgencyTerms | None = None, *, city: Path = DEFAULT_CITY
) -> AsyncIterator[BoundAgency]:
    """The connector of an agency for the length of the block, by default without rate, retries and breaker.

    Its snapshots are loaded.
    """
    gate = Gate(manifest.code, terms or build_terms(manifest))
    with TemporaryDirectory() as folder:
        resources = HubResources(
            city=city,
            work=LongWork(),
            unknown_districts=UnknownDistricts(lambda _: True),
            complaint_links=NoLinks(),
            snapshot_folder=Path(folder),
            copy_protection=build_protection(),
        )
        bound = bind_agency(manifest, gate, resources)
        try:
            await load_snapshots(bound)
            yield bound
        finally:
            for each in list_snapshots(bound.connector):
                each.snapshot.close()
            await gate.close()
            await bound.driver.close()


async def load_snapshots(bound: BoundAgency) -> list[str]:
    """Load all snapshots now. Returns the problem of each; empty for one that is loaded."""
    problems = []
    for each in list_snapshots(bound.connector):
        each.snapshot.place.folder.mkdir(parents=True, exist_ok=True)
        await SnapshotLoader(each, on_published=_drop_nothing, build=build_here).load()
        problems.append(each.snapshot.get_status().problem)
    return problems


async def _drop_nothing(agency: str) -> None:
    del agency


def build_terms(manifest: ManifestFile, *, failures: int | None = None, deadline: float = 10.0) -> AgencyTerms:
    """Terms with the manifest's limit of keys, and a breaker that opens after this number of failures."""
    breaker = None if failures is None else BreakerEntry(failures=failures, pause=10.0)
    batch = manifest.manifest.terms.max_batch_size
    return AgencyTerms(deadline=deadline, max_concurrency=4, breaker=breaker, max_batch_size=batch)
