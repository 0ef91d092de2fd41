"""One server an agency, started once a run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.stand_ins.sources import StandInSource
from tests.connectors.agencies.agency_servers import AgencyServer, run_agency_server
from tests.connectors.agencies.sample_cases import is_copied, list_tested_agencies

AGENCIES = list_tested_agencies()


def name_agency(source: StandInSource) -> str:
    return f"{source.city.name}-{source.code}"


@pytest.fixture(scope="module", params=AGENCIES, ids=name_agency)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgencyServer]:
    source: StandInSource = request.param
    with run_agency_server(source, tmp_path_factory.mktemp(source.code)) as running:
        yield running


@pytest.fixture(scope="module", params=[each for each in AGENCIES if not is_copied(each)], ids=name_agency)
def asked_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgencyServer]:
    """An agency that is asked for keys."""
    with run_agency_server(request.param, tmp_path_factory.mktemp(request.param.code)) as running:
        yield running


COPIED = [each for each in AGENCIES if is_copied(each)]


@pytest.fixture(scope="module", params=COPIED, ids=name_agency)
def copied_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgencyServer]:
    """An agency of which the hub keeps a copy."""
    with run_agency_server(request.param, tmp_path_factory.mktemp(request.param.code)) as running:
        yield running


@pytest.fixture(scope="module", params=[each for each in COPIED if not each.is_drop], ids=name_agency)
def copied_service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgencyServer]:
    """An agency of which the hub keeps a copy, over a network."""
    with run_agency_server(request.param, tmp_path_factory.mktemp(request.param.code)) as running:
        yield running


@pytest.fixture(scope="module", params=[each for each in COPIED if each.is_drop], ids=name_agency)
def drop_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgencyServer]:
    """An agency that leaves files in a folder."""
    with run_agency_server(request.param, tmp_path_factory.mktemp(request.param.code)) as running:
        yield running
