"""Reads that a snapshot answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from connectors.declared.connector import DeclaredConnector
from connectors.declared.snapshot.process import Build
from records.calls.answers import CountedList, DatedAnswers
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyUnavailable
from records.identifiers import RegionCode
from records.regions import Coordinates, Near
from tests.connectors.declared.snapshot.points import (
    HEADER,
    POINTS,
    HotSpot,
    HotSpotQuery,
    build_points,
    drop,
    loading_points,
)
from tests.connectors.failures import make_call

GAMBIR = HotSpot(
    id="1",
    name="RPTRA Gambir",
    address="Jl. Merdeka Utara 1",
    region_code=RegionCode("31.71.01.1001"),
    coordinates=Coordinates(latitude=-6.175392, longitude=106.827153),
    users=30,
)


@pytest.fixture(scope="module")
async def points(tmp_path_factory: pytest.TempPathFactory, build_in_process: Build) -> AsyncIterator[DeclaredConnector]:
    folder = tmp_path_factory.mktemp("points")
    (folder / "drops").mkdir()
    drop(folder / "drops", "wifi_20261101.csv", POINTS)
    async with loading_points(folder, build=build_in_process) as found:
        assert await found.load() == ""
        yield found.connector


async def find(points: DeclaredConnector, query: HotSpotQuery) -> Sequence[str]:
    found = await points.hot_spot_lists([query], make_call())
    return list_ids(found.get(query, ()))


def list_ids(found: Sequence[HotSpot] | AgencyFailure) -> list[str]:
    assert not isinstance(found, AgencyFailure)
    return [each.id for each in found]


async def test_a_record_is_found_by_its_key(points: DeclaredConnector) -> None:
    assert await points.hot_spots(["1", "7", "x' OR '1'='1"], make_call()) == {"1": GAMBIR}


async def test_many_keys_are_found_in_one_statement(points: DeclaredConnector) -> None:
    found = await points.hot_spots([*map(str, range(1_000))], make_call())
    assert sorted(found) == ["1", "2", "3"]


async def test_a_region_has_the_points_of_the_regions_inside_it(points: DeclaredConnector) -> None:
    regions = [RegionCode(each) for each in ("31.71", "31.71.01.1001", "31.7", "31.73", "31.72")]
    found = await points.hot_spots_in(regions, make_call())
    listed = {region: list_ids(records) for region, records in found.items()}
    assert listed == {"31.71": ["1", "2"], "31.71.01.1001": ["1"], "31.73": ["3"]}


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", ["1", "2", "3"]),
        ("GAMBIR", ["1"]),
        ("senen", ["2"]),
        ("  pasar   senen 5 ", ["2"]),  # the address
        ("asar sen", ["2"]),
        ("xi", ["3"]),  # too short for the index
        ("x", ["3"]),
        ('"', []),
        ('"senen" OR "gambir"', []),
        ("text_name : senen", []),
        ("%", []),
        ("a\0b", []),
        ("senen" * 100, []),
    ],
)
async def test_a_text_is_found_anywhere_in_the_fields_that_are_searched(
    points: DeclaredConnector, search: str, found: list[str]
) -> None:
    assert await find(points, HotSpotQuery(search=search)) == found


@pytest.mark.parametrize(
    ("metres", "found"),
    [(0, []), (100, ["2"]), (1_700, ["2", "1"]), (8_000, ["2", "1", "3"]), (10**9, ["2", "1", "3"])],
)
async def test_points_near_a_point_come_nearest_first(points: DeclaredConnector, metres: int, found: list[str]) -> None:
    near = Near(point=Coordinates(latitude=-6.1764, longitude=106.8415), metres=metres)
    assert await find(points, HotSpotQuery(near=near)) == found


async def test_conditions_are_combined(points: DeclaredConnector) -> None:
    near = Near(point=Coordinates(latitude=-6.1764, longitude=106.8415), metres=2_000)
    query = HotSpotQuery(search="rptra", near=near, region_code=RegionCode("31.71"))
    assert await find(points, query) == ["1"]
    assert await find(points, HotSpotQuery(search="rptra", near=near, region_code=RegionCode("31.73"))) == []


async def test_a_page_begins_after_a_key_and_not_after_a_count(points: DeclaredConnector) -> None:
    assert await find(points, HotSpotQuery(first=2)) == ["1", "2"]
    assert await find(points, HotSpotQuery(first=2, after="2")) == ["3"]
    assert await find(points, HotSpotQuery(first=2, after="0")) == ["1", "2"]  # it is gone by now
    assert await find(points, HotSpotQuery(first=0)) == []


@pytest.mark.parametrize(
    ("query", "total"),
    [
        (HotSpotQuery(first=2), 3),
        (HotSpotQuery(first=2, after="2"), 3),
        (HotSpotQuery(first=0), 3),
        (HotSpotQuery(search="rptra"), 1),
        (HotSpotQuery(search="x" * 300), 0),
        (HotSpotQuery(region_code=RegionCode("36")), 0),
    ],
)
async def test_a_page_knows_the_number_of_records_on_all_pages(
    points: DeclaredConnector, query: HotSpotQuery, total: int
) -> None:
    found = (await points.hot_spot_lists([query], make_call()))[query]
    assert isinstance(found, CountedList)
    assert found.total == total


async def test_near_a_point_nothing_is_counted(points: DeclaredConnector) -> None:
    query = HotSpotQuery(near=Near(point=Coordinates(latitude=-6.1764, longitude=106.8415), metres=2_000))
    found = (await points.hot_spot_lists([query], make_call()))[query]
    assert found
    assert not isinstance(found, CountedList)


async def test_answers_have_the_date_of_the_data(points: DeclaredConnector) -> None:
    found = await points.hot_spots(["1"], make_call())
    assert isinstance(found, DatedAnswers)
    assert found.as_of.isoformat() == "2026-11-01T00:00:00+07:00"
    assert found.max_age == 2 * 24 * 3600


async def test_a_list_without_pages_that_is_too_long_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "drops").mkdir()
    rows = "".join(f"{number};Titik;;31.71.01.1001;0;0;1\n" for number in range(3_001))
    drop(tmp_path / "drops", "wifi_20261101.csv", HEADER + rows + "x;Lain;;31.73.01.1001;0;0;1\n")
    async with loading_points(tmp_path) as found:
        assert await found.load() == ""
        regions = [RegionCode("31.71"), RegionCode("31.73")]
        answers = await found.connector.hot_spots_in(regions, make_call())
    assert isinstance(answers[regions[0]], AgencyMalformed)
    assert list_ids(answers[regions[1]]) == ["x"]


async def test_before_the_first_load_the_agency_is_unavailable(tmp_path: Path) -> None:
    connector = build_points(tmp_path)
    with pytest.raises(AgencyUnavailable) as failed:
        await connector.hot_spots(["1"], make_call())
    assert failed.value.detail == "the snapshot 'points' is not loaded yet"
    with pytest.raises(AgencyUnavailable):
        await connector.probe(make_call())
