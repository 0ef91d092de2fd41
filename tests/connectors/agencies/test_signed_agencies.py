"""Agencies whose calls are signed with the time: what a wrong clock of the hub looks like."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from connectors.drivers.http.driver import HttpDriver
from records.calls.failures import AgencyClockSkew
from sandbox.stand_ins.sources import StandInSource
from settings.city.folder import DEFAULT_CITY
from tests.connectors.agencies.agency_servers import AgencyServer, run_agency_server
from tests.connectors.failures import assert_reveals_nothing, make_call


@pytest.fixture(scope="module", params=["bpjs", "pembayaran"])
def signed_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgencyServer]:
    with run_agency_server(StandInSource(DEFAULT_CITY, request.param), tmp_path_factory.mktemp("signed")) as running:
        yield running


@pytest.mark.parametrize("minutes", [-10, 10])
async def test_a_wrong_clock_of_the_hub_is_reported_as_such(signed_server: AgencyServer, minutes: int) -> None:
    manifest = signed_server.load_manifest()
    async with signed_server.connect(manifest) as bound:
        assert isinstance(bound.driver, HttpDriver)
        await bound.connector.probe(make_call())
        signature = bound.driver._credential.signature
        object.__setattr__(signature, "read_clock", lambda: datetime.now(UTC) + timedelta(minutes=minutes))
        with pytest.raises(AgencyClockSkew) as caught:
            await bound.connector.probe(make_call())
        assert ("behind" if minutes > 0 else "ahead of") in caught.value.detail
        assert_reveals_nothing(caught.value)
        object.__setattr__(signature, "read_clock", lambda: datetime.now(UTC))
        await bound.connector.probe(make_call())
