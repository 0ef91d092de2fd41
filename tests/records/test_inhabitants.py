"""The population of a region is the sum of its kelurahan in their newest year."""

from __future__ import annotations

from records.identifiers import RegionCode
from records.inhabitants import InhabitantCount, add_up

GAMBIR = RegionCode("31.71.01")


def count(village: str, people: int, density: int | None, year: int = 2024) -> InhabitantCount:
    return InhabitantCount(region_code=RegionCode(f"{GAMBIR}.{village}"), year=year, people=people, density=density)


def test_people_are_added_and_the_density_follows_from_the_areas() -> None:
    found = add_up(GAMBIR, [count("1001", 2_000, 1_000), count("1002", 6_000, 12_000)])
    assert found == InhabitantCount(region_code=GAMBIR, year=2024, people=8_000, density=3_200, villages=2)


def test_a_sum_without_all_areas_has_no_density() -> None:
    found = add_up(GAMBIR, [count("1001", 2_000, 1_000), count("1002", 6_000, None)])
    assert found == InhabitantCount(region_code=GAMBIR, year=2024, people=8_000, density=None, villages=2)


def test_empty_villages_have_no_density() -> None:
    found = add_up(GAMBIR, [count("1001", 0, 1), count("1002", 0, 1)])
    assert found == InhabitantCount(region_code=GAMBIR, year=2024, people=0, density=None, villages=2)


def test_an_earlier_year_does_not_count() -> None:
    found = add_up(GAMBIR, [count("1001", 1, 1, year=2023), count("1002", 6_000, 12_000)])
    assert found == InhabitantCount(region_code=GAMBIR, year=2024, people=6_000, density=12_000)


def test_a_region_without_counts_has_none() -> None:
    assert add_up(GAMBIR, []) is None
