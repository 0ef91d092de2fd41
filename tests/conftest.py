"""The sandbox city for every test: each agency is started once a run, when the first test asks for it."""

import gc
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sandbox.databases.postgres import Postgres
from sandbox.programs import WITHOUT_VARIABLE
from sandbox.stand_ins.sources import CITY_VARIABLE, find_city
from tests.plugins.optional_programs import (
    FindProgram,
    program,
    pytest_collection_modifyitems,
    pytest_runtest_makereport,
)
from tests.sandbox_agencies import HOST, RunningAgency, free_port, run_agency
from tests.web.browser import Browser, run_browser

__all__ = ["program", "pytest_collection_modifyitems", "pytest_runtest_makereport"]
"""Fixtures and hooks that stand in files of their own."""

pytest_plugins = [
    "tests.plugins.hangs",
    "tests.plugins.loop_errors",
    "tests.plugins.order",
    "tests.plugins.quick",
    "tests.plugins.run_folder",
    "pytester",
]


def pytest_configure() -> None:
    gc.disable()  # a collection of garbage finds nothing among 18,000 tests, and takes a sixth of their collection


def pytest_collection_finish() -> None:
    """Keeps what was collected, and stays to the end, out of each collection of garbage: a sixth of the time.

    `tests/plugins/loop_errors.py` collects the garbage of each test, which counts as a step to a collection of all.
    """
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(20_000, 10, 500)


def is_of_the_test(record: logging.LogRecord) -> bool:
    """Whether a record is no regular load of a hub that the tests of a process share, which loads every minute."""
    return record.name != "simpul.snapshots" or record.levelno > logging.INFO


@pytest.fixture
def caplog(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """What the test's own code logs."""
    caplog.handler.addFilter(is_of_the_test)
    yield caplog
    caplog.handler.removeFilter(is_of_the_test)


@pytest.fixture(scope="session")
async def browser(program: FindProgram) -> AsyncIterator[Browser]:
    """One browser for all tests of a process."""
    async with run_browser(program("chromium")) as running:
        yield running


@pytest.fixture(scope="session")
def city_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder the agencies keep their data in, so that each is seeded once a run."""
    return tmp_path_factory.mktemp("city")


@pytest.fixture(scope="session")
def state_server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a database for the hub's own state, which each test that asks for it empties."""
    login = "simpul", "rahasia-uji"
    postgres = Postgres(tmp_path_factory.mktemp("state"), port=free_port(), database="simpul", logins=dict([login]))
    postgres.start()
    try:
        yield f"postgresql://{':'.join(login)}@{HOST}:{postgres.port}/simpul"
    finally:
        postgres.stop()


@pytest.fixture(scope="session")
def dukcapil(city_state: Path) -> Iterator[RunningAgency]:
    """The population register: PostgreSQL, database `siak`."""
    with run_agency("dukcapil", city_state) as agency:
        yield agency


@pytest.fixture(scope="session")
def jakpreneur(city_state: Path) -> Iterator[RunningAgency]:
    """The small business programme: MariaDB where it is installed, else an SQLite file (see its health)."""
    with run_agency("jakpreneur", city_state) as agency:
        yield agency


@pytest.fixture(scope="session")
def jakpreneur_mariadb(program: FindProgram, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAgency]:
    """The small business programme on MariaDB."""
    program("mariadbd")
    with run_agency("jakpreneur", tmp_path_factory.mktemp("mariadb")) as agency:
        yield agency


@pytest.fixture(scope="session")
def jakpreneur_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAgency]:
    """The small business programme as it runs where there is no MariaDB."""
    with run_agency(
        "jakpreneur", tmp_path_factory.mktemp("sqlite"), environment={WITHOUT_VARIABLE: "mariadb"}
    ) as agency:
        yield agency


@pytest.fixture(scope="session")
def pbb(city_state: Path) -> Iterator[RunningAgency]:
    """The property tax: SOAP 1.1."""
    with run_agency("pbb", city_state) as agency:
        yield agency


@pytest.fixture(scope="session")
def crm(city_state: Path) -> Iterator[RunningAgency]:
    """The citizen complaints: Open311 GeoReport v2."""
    with run_agency("crm", city_state) as agency:
        yield agency


@pytest.fixture(scope="session")
def satusehat(city_state: Path) -> Iterator[RunningAgency]:
    """The health data exchange: FHIR R4, from its samples."""
    with run_agency("satusehat", city_state, environment={CITY_VARIABLE: str(find_city().resolve())}) as agency:
        yield agency


@pytest.fixture(scope="session")
def oss(city_state: Path) -> Iterator[RunningAgency]:
    """The licensing office: REST with access tokens, from its samples."""
    with run_agency("oss", city_state, environment={CITY_VARIABLE: str(find_city().resolve())}) as agency:
        yield agency


@pytest.fixture(scope="session")
def openid_provider(city_state: Path) -> Iterator[RunningAgency]:
    """The city's OpenID provider."""
    with run_agency("issuer", city_state) as provider:
        yield provider


@pytest.fixture(scope="session")
def pangan(city_state: Path) -> Iterator[RunningAgency]:
    """The food prices: REST with an API key."""
    with run_agency("pangan", city_state) as agency:
        yield agency
