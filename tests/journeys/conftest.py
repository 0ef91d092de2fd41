"""One hub in front of one city for all journeys."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from auth.tokens.development_issuer import DevelopmentIssuer
from sandbox.stand_ins.sources import CITY_VARIABLE
from settings.city.folder import DEFAULT_CITY
from store.operations import operation_registry
from tests.journeys.city_snapshots import load_city_snapshots
from tests.journeys.hub import HubClient, RunningCity, build_settings, running_hub, state_server
from tests.sandbox_agencies import RunningAgency, run_agency


@pytest.fixture(scope="session")
async def city_snapshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the snapshots of all agencies."""
    return await load_city_snapshots(tmp_path_factory.mktemp("snapshots"))


ASKED = ("dukcapil", "jakpreneur", "pbb", "crm", "pangan", "satusehat", "oss")
"""The agencies with a fixture that are asked for keys."""
STAND_INS = ("bpjs", "disdik", "pembayaran", "transjakarta")
"""The others that are asked for keys, or copied when a hub starts. The hub answers from copies of all others."""


@pytest.fixture(scope="session")
def city(request: pytest.FixtureRequest, city_snapshots: Path, city_state: Path) -> Iterator[RunningCity]:
    """The agencies that are asked, each started once a run, and the snapshots of the others."""
    agencies: dict[str, RunningAgency] = {name: request.getfixturevalue(name) for name in ASKED}
    variables = {CITY_VARIABLE: str(DEFAULT_CITY.resolve())}
    with ExitStack() as stack:
        for name in STAND_INS:
            agencies[name] = stack.enter_context(run_agency(name, city_state, environment=variables))
        yield RunningCity(agencies=agencies, snapshots=city_snapshots)


@pytest.fixture(scope="session")
def hub_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the hub of the journeys keeps keys and state."""
    return tmp_path_factory.mktemp("hub")


@pytest.fixture(scope="session")
def state_url(hub_folder: Path) -> Iterator[str]:
    """The hub's own PostgreSQL."""
    with state_server(hub_folder / "state") as url:
        yield url


@pytest.fixture(scope="session")
def issuer(hub_folder: Path) -> DevelopmentIssuer:
    """Who signs the tokens."""
    return DevelopmentIssuer(hub_folder / "issuer.json")


@pytest.fixture(scope="session")
async def hub(
    city: RunningCity, state_url: str, issuer: DevelopmentIssuer, hub_folder: Path
) -> AsyncIterator[HubClient]:
    """The hub, served on a free port. It notices what is published in a tenth of the usual time."""
    settings = build_settings(city, state_url=state_url, issuer=issuer, folder=hub_folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operation_registry, "POLL_SECONDS", 0.2)
        async with running_hub(settings, issuer) as running:
            yield running


@pytest.fixture
async def hub_with_short_timeouts(
    city: RunningCity, state_url: str, issuer: DevelopmentIssuer, hub_folder: Path
) -> AsyncIterator[HubClient]:
    """A hub that gives an agency two seconds: enough for a busy machine, and less than a slow agency takes."""
    settings = build_settings(city, state_url=state_url, issuer=issuer, folder=hub_folder, agency_timeout=2.0)
    async with running_hub(settings, issuer) as running:
        yield running
