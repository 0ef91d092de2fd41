"""The snapshots of the city's agencies, loaded once from their samples, so that hubs of tests answer from them."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

from connectors.connector_parts import list_snapshots
from connectors.declared.snapshot.loader import SnapshotLoader
from connectors.declared.snapshot.snapshot import LoaderNote, get_time
from connectors.drivers.long_work import LongWork
from connectors.regions import UnknownDistricts
from connectors.resilience.gate import Gate
from settings.city.folder import DEFAULT_CITY
from tests.connectors.agencies.agency_servers import NoLinks, build_terms, run_agency_server
from tests.connectors.agencies.sample_cases import is_copied, list_tested_agencies
from tests.connectors.declared.snapshot.enterprises import build_protection
from tests.connectors.declared.snapshot.points import build_here
from wiring.agencies import HubResources, bind_agency

HUB_SECRET = b"j" * 32
"""The secret of all hubs of journeys, with which personal snapshots are sealed."""
_WHOLE_RUN = timedelta(hours=2)


async def load_city_snapshots(folder: Path) -> Path:
    """Load them all from stand-ins, which end then. Returns the folder of the files.

    Files are known by the manifest and not by the address of the agency, so a hub whose agencies lead nowhere uses
    them. It does not load them again during the run, as if they were looked at after its end.
    """
    snapshots = folder / "snapshots"
    for source in list_tested_agencies():
        if source.city != DEFAULT_CITY or not is_copied(source):
            continue
        async with AsyncExitStack() as stack:
            manifest = stack.enter_context(run_agency_server(source, folder)).load_manifest()
            gate = Gate(manifest.code, build_terms(manifest))
            resources = HubResources(
                city=source.city,
                work=LongWork(),
                unknown_districts=UnknownDistricts(lambda _: True),
                complaint_links=NoLinks(),
                snapshot_folder=snapshots,
                copy_protection=build_protection(HUB_SECRET),
            )
            bound = bind_agency(manifest, gate, resources)
            stack.push_async_callback(bound.driver.close)
            stack.push_async_callback(gate.close)
            for each in list_snapshots(bound.connector):
                place = each.snapshot.place
                place.folder.mkdir(parents=True, exist_ok=True)
                assert await SnapshotLoader(each, on_published=_drop_nothing, build=build_here).load()
                place.write_note(LoaderNote(looked_at=get_time() + _WHOLE_RUN))
    return snapshots


async def _drop_nothing(agency: str) -> None:
    """There are no cached answers yet."""
    del agency
