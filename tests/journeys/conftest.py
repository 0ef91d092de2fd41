"""One hub in front of one city for all journeys."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from auth.development import DevelopmentIssuer
from tests.city import RunningAgency
from tests.journeys.hub import City, Hub, running_hub, settings_for, state_server


@pytest.fixture(scope="session")
def city(
    dukcapil: RunningAgency,
    jakpreneur: RunningAgency,
    pbb: RunningAgency,
    crm: RunningAgency,
    pangan: RunningAgency,
) -> City:
    """The five agencies, each started once a run."""
    return City(agencies={each.name: each for each in (dukcapil, jakpreneur, pbb, crm, pangan)})


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
async def hub(city: City, state_url: str, issuer: DevelopmentIssuer, hub_folder: Path) -> AsyncIterator[Hub]:
    """The hub, served on a port of its own."""
    settings = settings_for(city, state_url=state_url, issuer=issuer, folder=hub_folder)
    async with running_hub(settings, issuer) as running:
        yield running


@pytest.fixture
async def hub_with_little_patience(
    city: City, state_url: str, issuer: DevelopmentIssuer, hub_folder: Path
) -> AsyncIterator[Hub]:
    """A hub that gives an agency two seconds: enough for a busy machine, and less than a slow agency takes."""
    settings = settings_for(city, state_url=state_url, issuer=issuer, folder=hub_folder, agency_timeout=2.0)
    async with running_hub(settings, issuer) as running:
        yield running
