"""What is true of people of the city, and that what is not is noticed."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.samples import SAMPLES
from tests.faults.questions import FIRST, OFFICIAL, untrue
from tests.faults.truth import Truth, truth

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
def known() -> Truth:
    return truth()


def test_what_is_so_passes_and_so_does_what_is_not_there(known: Truth) -> None:
    assert known.wrong(SITI, SITIS) is None
    assert known.wrong(SITI, dict.fromkeys(SITIS)) is None
    assert known.wrong(SITI, {"taxObjects": [{"address": "a"}, {"address": "b"}]}) is None


@pytest.mark.parametrize("field", sorted(SITIS))
def test_whatever_is_somebody_elses_is_noticed(field: str, known: Truth) -> None:
    dewi = SAMPLES["dewi"].nik
    assert known.wrong(dewi, {field: SITIS[field]}) == field


def test_what_is_missing_is_noticed(known: Truth) -> None:
    assert known.wrong(SITI, {"complaints": SITIS["complaints"][:2]}) == "complaints"
    assert known.wrong(SITI, {"taxObjects": []}) == "taxObjects"


def test_an_answer_is_held_to_whom_it_was_asked_for(known: Truth) -> None:
    assert untrue(FIRST, [SITI], {"me": SITIS}, known) is None
    assert untrue(FIRST, [BUDI], {"me": SITIS}, known) == "nik"
    assert untrue(FIRST, [SITI], {"me": None}, known) is None
    assert untrue(OFFICIAL, [BUDI, SITI], {"citizens": [None, SITIS]}, known) is None
    assert untrue(OFFICIAL, [BUDI], {"citizens": [SITIS]}, known) == "citizens"
