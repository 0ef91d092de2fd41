import pytest

from sandbox.population.regions import load_regions


def test_the_tables_hold_every_region_of_the_three_provinces() -> None:
    tables = load_regions()

    assert len(tables.provinces) == 3
    assert len(tables.regencies) == 26
    assert len(tables.districts) == 236
    assert len(tables.villages) == 1636


def test_every_jakarta_kelurahan_has_its_population_by_code() -> None:
    tables = load_regions()

    assert set(tables.population) == {code for code in tables.villages if code.startswith("31.")}
    assert len(tables.population) == 267
    assert tables.population["31.73.01.1005"] == 171169  # Kapuk, the most populous


def test_the_lineage_of_a_village_runs_from_the_province_down() -> None:
    names = [region.name for region in load_regions().find_lineage("31.71.01.1001")]

    assert names == ["DKI JAKARTA", "KOTA ADMINISTRASI JAKARTA PUSAT", "Gambir", "Gambir"]


def test_the_lineage_of_an_unknown_village_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        load_regions().find_lineage("99.99.99.9999")
