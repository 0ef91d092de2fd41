"""Public transport in the graph: departures stay when real-time data fails. Places of all kinds in one list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyMalformed
from records.transit import (
    Departure,
    DepartureQuery,
    DepartureUpdate,
    Route,
    Stop,
    StopQuery,
    WheelchairAccess,
)
from tests.fakes.sample_records import build_sample
from tests.fakes.small_city import SmallCity
from tests.schema.requests import get_codes, run

QUERY = """
{
  stops {
    nodes { name wheelchairBoarding departures(first: 2) { departsAt route { shortName } realtime { delaySeconds } } }
  }
}
"""
STOP: Stop = replace(build_sample(Stop), id="A", name="Halte A", wheelchair_boarding=WheelchairAccess.ACCESSIBLE)
LEAVES: Departure = replace(build_sample(Departure), stop_id="A", route_id="R")
STRAY: Departure = replace(LEAVES, trip_id="stray", route_id="X")


class TransitCity(SmallCity):
    """The small city with a bus service: one stop with two departures, one of them on a route that its feed breaks."""

    is_late = False
    """Whether its real-time data is too old."""

    async def stop_lists(self, queries: Sequence[StopQuery], _call: Call) -> Answers[StopQuery, Sequence[Stop]]:
        return dict.fromkeys(queries, (STOP,))

    async def departures(
        self, queries: Sequence[DepartureQuery], _call: Call
    ) -> Answers[DepartureQuery, Sequence[Departure]]:
        return {each: (LEAVES, STRAY)[: each.first] for each in queries}

    async def departure_updates(
        self, departures: Sequence[Departure], _call: Call
    ) -> Answers[Departure, DepartureUpdate]:
        if self.is_late:
            raise AgencyMalformed("bus", f"{len(departures)} departures")
        return {LEAVES: replace(build_sample(DepartureUpdate), delay_seconds=60)}

    async def routes(self, ids: Sequence[str], _call: Call) -> Answers[str, Route]:
        known: Mapping[str, Any] = {"R": replace(build_sample(Route), short_name="1"), "X": AgencyMalformed("bus")}
        return {each: known[each] for each in ids}


def list_departures(data: Mapping[str, Any] | None) -> list[tuple[str | None, int | None]]:
    [stop] = (data or {})["stops"]["nodes"]
    assert (stop["name"], stop["wheelchairBoarding"]) == ("Halte A", "ACCESSIBLE")
    return [
        (each["route"] and each["route"]["shortName"], each["realtime"] and each["realtime"]["delaySeconds"])
        for each in stop["departures"]
    ]


async def test_a_departure_on_a_broken_route_keeps_its_other_fields() -> None:
    response = await run(QUERY, caller="anonymous", city=TransitCity())
    assert list_departures(response.data) == [("1", 60), (None, None)]
    assert get_codes(response) == [("stops.nodes.0.departures.1.route", "AGENCY_MALFORMED")]


async def test_late_real_time_data_costs_its_own_fields() -> None:
    city = TransitCity()
    city.is_late = True
    response = await run(QUERY, caller="anonymous", city=city)
    assert list_departures(response.data) == [("1", None), (None, None)]
    assert sorted(get_codes(response)) == [
        ("stops.nodes.0.departures.0.realtime", "AGENCY_MALFORMED"),
        ("stops.nodes.0.departures.1.realtime", "AGENCY_MALFORMED"),
        ("stops.nodes.0.departures.1.route", "AGENCY_MALFORMED"),
    ]


async def test_nearby_shows_the_record_of_each_kind() -> None:
    query = (
        "{ nearby(kinds: [STOP]) { nodes { kind wheelchair place { ... on Stop { name } } } pageInfo { endCursor } } }"
    )
    response = await run(query, caller="anonymous", city=TransitCity())
    page = (response.data or {})["nearby"]
    assert page["nodes"] == [{"kind": "STOP", "wheelchair": "ACCESSIBLE", "place": {"name": "Halte A"}}]
    after = page["pageInfo"]["endCursor"]
    response = await run(f'{{ nearby(kinds: [STOP], after: "{after}") {{ nodes {{ kind }} }} }}', city=TransitCity())
    assert (response.data or {})["nearby"] == {"nodes": []}


async def test_nearby_refuses_a_point_with_a_region_and_an_invented_cursor() -> None:
    for arguments in ('near: {latitude: -6.2, longitude: 106.8}, region: "31"', 'after: "Wzk5OTk5XQ"'):
        response = await run(f"{{ nearby({arguments}) {{ nodes {{ kind }} }} }}", city=TransitCity())
        assert get_codes(response) == [("nearby", "BAD_USER_INPUT")]
