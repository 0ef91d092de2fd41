"""The sandbox's bus service, asked as the hub asks a real one: over HTTP, with its failures."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from connectors.declared.gtfs.transit import GtfsTransit
from records.calls.failures import AgencyFailure
from records.transit import DepartureQuery, RouteQuery
from sandbox.stand_ins.sources import StandInSource
from settings.city.folder import DEFAULT_CITY
from tests.connectors.agencies.agency_servers import AgencyServer, load_snapshots, run_agency_server
from tests.connectors.failures import make_call
from wiring.agencies import BoundAgency

MONAS = DepartureQuery(stop_id="monas", first=5)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgencyServer]:
    source = StandInSource(DEFAULT_CITY, "transjakarta")
    with run_agency_server(source, tmp_path_factory.mktemp("transit")) as running:
        yield running


@pytest.fixture
async def bound(server: AgencyServer) -> AsyncIterator[BoundAgency]:
    async with server.connect(server.load_manifest()) as found:
        yield found
    server.running.set_mode("normal")


def get_transit(bound: BoundAgency) -> GtfsTransit:
    assert isinstance(bound.connector, GtfsTransit)
    return bound.connector


async def test_it_answers_the_probe_and_the_timetable(bound: BoundAgency, server: AgencyServer) -> None:
    transit = get_transit(bound)
    await transit.probe(make_call())
    query = RouteQuery(search="blok")
    routes = (await transit.route_lists([query], make_call()))[query]
    assert not isinstance(routes, AgencyFailure)
    assert [each.id for each in routes] == ["1", "M1"]
    server.running.reset_calls()
    assert await load_snapshots(bound) == [""]
    assert server.running.count_calls() == {"files/file_gtfs.zip": 1}  # with its ETag, so nothing is sent again


async def test_vehicles_and_delays_belong_to_the_timetable(bound: BoundAgency) -> None:
    transit = get_transit(bound)
    departures = (await transit.departures([MONAS], make_call())).get(MONAS, ())
    assert not isinstance(departures, AgencyFailure)
    updates = await transit.departure_updates(departures, make_call())
    assert set(updates) <= set(departures)
    vehicles = await transit.vehicles_on(["1", "2", "M1"], make_call())
    trips = {each.trip_id for found in vehicles.values() if not isinstance(found, AgencyFailure) for each in found}
    assert trips <= {"1-utara", "1-selatan", "2-barat", "2-timur", *(f"M1-{number:02}" for number in range(20))}


@pytest.mark.parametrize(
    ("mode", "code"), [("error", "AGENCY_UNAVAILABLE"), ("rubbish", "AGENCY_MALFORMED"), ("refuse", "AGENCY_REFUSED")]
)
async def test_its_failures_cost_real_time_data_alone(
    mode: str, code: str, bound: BoundAgency, server: AgencyServer
) -> None:
    server.running.set_mode(mode)
    transit = get_transit(bound)
    assert "monas" in await transit.stops(["monas"], make_call())
    departures = (await transit.departures([MONAS], make_call())).get(MONAS, ())
    assert not isinstance(departures, AgencyFailure)
    for read in (transit.departure_updates(list(departures), make_call()), transit.vehicles_on(["1"], make_call())):
        with pytest.raises(AgencyFailure) as failure:
            await read
        assert failure.value.code == code
    assert await load_snapshots(bound) != [""]
    assert "monas" in await transit.stops(["monas"], make_call())
