"""Places of all kinds near a point: one list, in pages, of whatever domains have a point on the map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Protocol

import pytest

from auth.caller import ANONYMOUS
from connectors.declared.domain_reads import list_reads
from engine.agencies.agency_codes import AgencyCodes
from engine.agencies.bindings import Agencies
from engine.agencies.routing_log import MissingPart, RoutingLog
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyUnavailable
from records.flood_gates import FloodGate
from records.health_facilities import HealthFacility
from records.identifiers import RegionCode
from records.nearby import NearbyPage, NearbyPosition, NearbyQuery
from records.prices import Market
from records.record import record
from records.regions import Coordinates, Near, PlaceQuery
from records.transit import Stop, StopKind, WheelchairAccess
from records.wifi_points import WifiPoint
from resolvers.batch_context import HubBatchContext
from resolvers.domains import find_domains
from resolvers.nearby.pages import PLACE_SOURCES, nearby_pages
from resolvers.nearby.place_sources import find_query
from tests.connectors.failures import make_call

HERE = Coordinates(latitude=-6.2, longitude=106.8)
METRES_NORTH = 1 / 110_574


def make(of: type[Any], identifier: str, north: float, **given: Any) -> Any:  # noqa: ANN401 - a record of any domain
    """A record at a distance north of here, in metres."""
    point = Coordinates(latitude=HERE.latitude + north * METRES_NORTH, longitude=HERE.longitude)
    first = "code" if of is HealthFacility else "id"
    values = {each.name: None for each in fields(of)} | {first: identifier, "name": identifier, "coordinates": point}
    return of(**{**values, **given})


class Lists:
    """A connector of one domain that answers its lists as a copy does, and counts what it is asked."""

    def __init__(self, records: Sequence[Any]) -> None:
        self.records = records
        self.asked: list[Any] = []
        self.failure: AgencyFailure | None = None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any read
        return self._answer

    async def _answer(self, queries: Sequence[Any], call: Call) -> Mapping[Any, Sequence[Any]]:
        del call
        self.asked += queries
        if self.failure is not None:
            raise self.failure
        return {query: self.records[: getattr(query, "first", None)] for query in queries}


def build_context(**domains: Lists) -> HubBatchContext:
    protocols = {find_domains()[word]: each for word, each in domains.items()}
    codes = AgencyCodes({find_domains()[word]: [word.replace("_", "-")] for word in domains})
    return HubBatchContext(
        caller=ANONYMOUS, call=make_call(), agencies=Agencies(protocols, codes), routing_log=RoutingLog()
    )


def ask(
    metres: int | None = 1_000,
    region: str | None = None,
    kinds: tuple[str, ...] = (),
    first: int = 10,
    **given: Any,  # noqa: ANN401 - fields of a query
) -> NearbyQuery:
    near = None if metres is None else Near(point=HERE, metres=metres)
    code = None if region is None else RegionCode(region)
    return NearbyQuery(near=near, region_code=code, kinds=kinds, first=first, **given)


async def load(query: NearbyQuery, context: HubBatchContext) -> NearbyPage:
    page = (await nearby_pages.run([query], context))[query]
    assert isinstance(page, NearbyPage)
    return page


def show(page: NearbyPage) -> list[tuple[str, str, int | None]]:
    return [(each.kind, each.id, each.distance_metres) for each in page.places]


def test_kinds_follow_from_the_domains() -> None:
    located = {each.kind: each.domain for each in PLACE_SOURCES}
    assert (
        located.items()
        >= {
            "AIR_STATION": "air_stations",
            "COMPLAINT": "complaints",
            "FLOOD_GATE": "flood_gates",
            "HEALTH_FACILITY": "health_facilities",
            "MARKET": "prices",
            "STOP": "transit",
            "WIFI_POINT": "wifi_points",
        }.items()
    )


@record
class Library:
    """A record of a domain that the hub does not have yet."""

    id: str
    coordinates: Coordinates | None


class Libraries(Protocol):
    async def library_lists(
        self, queries: Sequence[PlaceQuery], call: Call
    ) -> Answers[PlaceQuery, Sequence[Library]]: ...


def test_a_new_located_domain_is_asked_without_code() -> None:
    build = find_query(list_reads(Libraries)["library_lists"])
    assert build is not None
    assert build(ask(first=5)) == PlaceQuery(near=Near(point=HERE, metres=1_000), first=15)


async def test_places_of_all_kinds_come_nearest_first() -> None:
    context = build_context(
        wifi_points=Lists([make(WifiPoint, "w1", 100), make(WifiPoint, "w2", 300)]),
        health_facilities=Lists([make(HealthFacility, "h1", 200)]),
        flood_gates=Lists([make(FloodGate, "g1", 1_500)]),
        prices=Lists([make(Market, "m2", 5_000), make(Market, "m1", 50)]),
        transit=Lists([make(Stop, "s1", 250, kind=StopKind.STOP, wheelchair_boarding=WheelchairAccess.ACCESSIBLE)]),
    )
    page = await load(ask(), context)
    assert show(page) == [
        ("MARKET", "m1", 50),
        ("WIFI_POINT", "w1", 100),
        ("HEALTH_FACILITY", "h1", 200),
        ("STOP", "s1", 250),
        ("WIFI_POINT", "w2", 300),
    ]
    assert [each.wheelchair for each in page.places] == [None, None, None, WheelchairAccess.ACCESSIBLE, None]
    assert page.has_more is False


async def test_pages_continue_after_a_place_also_where_places_share_a_point() -> None:
    context = build_context(
        wifi_points=Lists([make(WifiPoint, f"w{number}", 100 + 10 * (number // 3)) for number in range(9)]),
        prices=Lists([make(Market, "m1", 105)]),
    )
    seen: list[str] = []
    after: NearbyPosition | None = None
    while True:
        page = await load(ask(first=2, after=after), context)
        seen += [each.id for each in page.places]
        if not page.has_more:
            break
        after = NearbyPosition(order=page.places[-1].order, depth=len(seen))
    assert seen == ["w0", "w1", "w2", "m1", "w3", "w4", "w5", "w6", "w7", "w8"]


async def test_only_wanted_kinds_are_asked_for() -> None:
    wifi, markets = Lists([make(WifiPoint, "w1", 1)]), Lists([make(Market, "m1", 1)])
    page = await load(ask(kinds=("MARKET",)), build_context(wifi_points=wifi, prices=markets))
    assert (show(page), wifi.asked, len(markets.asked)) == ([("MARKET", "m1", 1)], [], 1)


async def test_a_region_has_the_places_inside_it_by_kind() -> None:
    inside, outside = "31.71.01.1001", "31.71.011"
    context = build_context(
        wifi_points=Lists(
            [make(WifiPoint, "w1", 9_000, region_code=inside), make(WifiPoint, "w2", 1, region_code=outside)]
        ),
        prices=Lists([make(Market, "m1", 1, region_code="31.71.01"), make(Market, "m2", 1, region_code=None)]),
        transit=Lists([make(Stop, "s1", 1, kind=StopKind.STOP)]),
    )
    assert show(await load(ask(None, "31.71.01"), context)) == [("MARKET", "m1", None), ("WIFI_POINT", "w1", None)]


async def test_an_agency_that_fails_costs_its_own_places() -> None:
    wifi, markets = Lists([make(WifiPoint, "w1", 1)]), Lists([])
    markets.failure = AgencyUnavailable("prices")
    context = build_context(wifi_points=wifi, prices=markets)
    assert show(await load(ask(), context)) == [("WIFI_POINT", "w1", 1)]
    assert context.routing_log.incomplete[nearby_pages][ask()] == (MissingPart("prices", "AGENCY_UNAVAILABLE"),)
    wifi.failure = AgencyUnavailable("wifi-points")
    with pytest.raises(AgencyUnavailable):
        await nearby_pages.run([ask()], context)


async def test_without_a_located_domain_there_are_no_places() -> None:
    assert show(await load(ask(), build_context())) == []
