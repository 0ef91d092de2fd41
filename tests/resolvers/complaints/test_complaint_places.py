"""Points in the sea and in other cities are refused; those of every part of the city, islands too, are accepted."""

from __future__ import annotations

import pytest

from records.city_areas import NO_CITY_AREAS
from records.complaints import NewComplaint
from records.identifiers import RegionCode
from records.regions import Coordinates
from resolvers.complaint_places import find_place_problem
from settings.city.folder import DEFAULT_CITY, load_city

JAKARTA = load_city(DEFAULT_CITY).city.build_areas()
MAINLAND, ISLANDS = "31.71.01.1001", "31.01.01.1001"
IN_THE_CITY = {
    "Monas": (-6.1754, 106.8272),
    "Kota Tua": (-6.1352, 106.8133),
    "Pantai Indah Kapuk": (-6.1060, 106.7400),
    "Ancol": (-6.1220, 106.8330),
    "Tanjung Priok": (-6.1040, 106.8800),
    "Marunda": (-6.0960, 106.9600),
    "Cakung": (-6.1830, 106.9470),
    "Pondok Kopi": (-6.2240, 106.9430),
    "Halim": (-6.2660, 106.8910),
    "Cibubur": (-6.3690, 106.8790),
    "Pondok Ranggon": (-6.3500, 106.9130),
    "Ragunan": (-6.3120, 106.8200),
    "Srengseng Sawah": (-6.3520, 106.8250),
    "Lebak Bulus": (-6.2890, 106.7740),
    "Pesanggrahan": (-6.2580, 106.7580),
    "Kembangan": (-6.1910, 106.7360),
    "Kalideres": (-6.1400, 106.7000),
    "Kamal": (-6.0980, 106.6990),
}
ON_ISLANDS = {
    "Sabira": (-5.2030, 106.4610),
    "Kelapa": (-5.6530, 106.5690),
    "Harapan": (-5.6530, 106.5790),
    "Panggang": (-5.7420, 106.6000),
    "Pramuka": (-5.7460, 106.6137),
    "Tidung": (-5.7990, 106.4930),
    "Pari": (-5.8577, 106.6163),
    "Lancang": (-5.9290, 106.5860),
    "Untung Jawa": (-5.9783, 106.7064),
    "Onrust": (-6.0340, 106.7350),
    "Bidadari": (-6.0350, 106.7460),
}
OUTSIDE = {
    "the sea north of Ancol": (-6.0300, 106.8500),
    "the sea north of Priok": (-6.0000, 106.9000),
    "the Java Sea": (-5.5000, 107.0000),
    "the sea west of Tidung": (-5.8000, 106.3000),
    "Tangerang": (-6.1780, 106.6300),
    "Bandara Soekarno-Hatta": (-6.1256, 106.6559),
    "Serpong": (-6.3000, 106.6600),
    "Depok": (-6.4020, 106.7940),
    "Bogor": (-6.5950, 106.8160),
    "Bekasi": (-6.2360, 107.0000),
    "Bandung": (-6.9147, 107.6098),
    "Padang": (-0.9493, 100.3543),
    "swapped": (106.8272, -6.1754),
    "the south instead of the north": (6.1754, 106.8272),
    "null island": (0.0, 0.0),
    "no latitude": (-91.0, 106.8),
    "no longitude": (-6.2, 181.0),
    "not a number": (float("nan"), 106.8),
}


def find(point: tuple[float, float] | None, region: str | None = None, address: str | None = None) -> object:
    complaint = NewComplaint(
        category_code="1",
        description="x",
        coordinates=None if point is None else Coordinates(latitude=point[0], longitude=point[1]),
        region_code=None if region is None else RegionCode(region),
        address=address,
    )
    found = find_place_problem(complaint, JAKARTA)
    return None if found is None else (found.code.name, found.field)


@pytest.mark.parametrize("place", IN_THE_CITY)
def test_a_point_in_the_city_is_accepted_with_a_region_of_the_mainland_only(place: str) -> None:
    point = IN_THE_CITY[place]
    for region in (None, MAINLAND, "31.75", "31"):
        assert find(point, region) is None
    assert find(point, ISLANDS) == ("PLACES_DIFFER", "point")


@pytest.mark.parametrize("place", ON_ISLANDS)
def test_a_point_on_an_island_is_accepted_with_a_region_of_the_islands_only(place: str) -> None:
    point = ON_ISLANDS[place]
    for region in (None, ISLANDS, "31.01", "31"):
        assert find(point, region) is None
    assert find(point, MAINLAND) == ("PLACES_DIFFER", "point")


@pytest.mark.parametrize("place", OUTSIDE)
def test_a_point_in_the_sea_or_another_city_is_no_place_of_the_city(place: str) -> None:
    assert find(OUTSIDE[place]) == ("UNKNOWN_PLACE", "point")


@pytest.mark.parametrize("region", ["36.71.01.1001", "13", "3", "31.7", "31.76"])
def test_a_region_outside_the_city_is_no_place_of_it(region: str) -> None:
    assert find(None, region) == ("UNKNOWN_PLACE", "region")


def test_a_place_is_required_and_an_address_is_one() -> None:
    assert find(None) == ("PLACE_REQUIRED", None)
    assert find(None, address="Jl. Melati") is None


def test_a_city_without_outlines_accepts_every_point_of_the_map() -> None:
    for point, expected in ((OUTSIDE["Bandung"], None), (OUTSIDE["no latitude"], "UNKNOWN_PLACE")):
        complaint = NewComplaint(
            category_code="1", description="x", coordinates=Coordinates(latitude=point[0], longitude=point[1])
        )
        found = find_place_problem(complaint, NO_CITY_AREAS)
        assert (found.code.name if found else None) == expected
