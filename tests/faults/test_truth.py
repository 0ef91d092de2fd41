"""What is true of people of the city, and that what is not is noticed."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.population.samples import SAMPLES
from tests.faults.questions import FIRST, OFFICIAL, find_wrong_field
from tests.faults.truth import Truth, build_truth

SITI, BUDI = SAMPLES["siti"].nik, SAMPLES["budi"].nik
SITIS: dict[str, Any] = {
    "nik": SITI,
    "name": "Siti Rahmawati",
    "household": {"members": [{"name": each} for each in ("Budi Santoso", "Siti Rahmawati")]},
    "msmes": [{"name": "Dapur Siti 🍰"}],
    "complaints": [{"number": each} for each in ("JK2610310001", "JK2610200001", "JK2609220001")],
}
SITIS["household"]["members"] += [{"name": "Nadia Putri Santoso"}, {"name": "Rizky Santoso"}]


@pytest.fixture(scope="module")
def city_truth() -> Truth:
    return build_truth()


def test_what_is_so_passes_and_so_does_what_is_not_there(city_truth: Truth) -> None:
    assert city_truth.find_wrong_field(SITI, SITIS) is None
    assert city_truth.find_wrong_field(SITI, dict.fromkeys(SITIS)) is None
    assert city_truth.find_wrong_field(SITI, {"taxObjects": [{"address": "a"}, {"address": "b"}]}) is None


@pytest.mark.parametrize("field", sorted(SITIS))
def test_whatever_is_somebody_elses_is_noticed(field: str, city_truth: Truth) -> None:
    dewi = SAMPLES["dewi"].nik
    assert city_truth.find_wrong_field(dewi, {field: SITIS[field]}) == field


def test_what_is_missing_is_noticed(city_truth: Truth) -> None:
    assert city_truth.find_wrong_field(SITI, {"complaints": SITIS["complaints"][:2]}) == "complaints"
    assert city_truth.find_wrong_field(SITI, {"taxObjects": []}) == "taxObjects"


def test_an_answer_is_compared_with_the_requested_person(city_truth: Truth) -> None:
    assert find_wrong_field(FIRST, [SITI], {"me": SITIS}, city_truth) is None
    assert find_wrong_field(FIRST, [BUDI], {"me": SITIS}, city_truth) == "nik"
    assert find_wrong_field(FIRST, [SITI], {"me": None}, city_truth) is None
    assert find_wrong_field(OFFICIAL, [BUDI, SITI], {"citizens": [None, SITIS]}, city_truth) is None
    assert find_wrong_field(OFFICIAL, [BUDI], {"citizens": [SITIS]}, city_truth) == "citizens"
