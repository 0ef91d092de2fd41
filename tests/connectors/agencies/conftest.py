"""One server an agency, started once a run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.stand_ins.sources import StandInSource
from tests.connectors.agencies.agency_servers import AgencyServer, run_agency_server
from tests.connectors.agencies.sample_cases import list_tested_agencies


@pytest.fixture(scope="module", params=list_tested_agencies(), ids=lambda each: f"{each.city.name}-{each.code}")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgencyServer]:
    source: StandInSource = request.param
    with run_agency_server(source, tmp_path_factory.mktemp(source.code)) as running:
        yield running
