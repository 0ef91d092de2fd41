"""How well an agency's record agrees with the population register."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from records.link_confidence import LinkConfidence
from resolvers.coverages import LinkKey, compare_identity
from tests.fakes.small_records import SITI, identity

BORN = date(1990, 6, 5)
IDENTITY = replace(identity(SITI), name="Siti Rahmawati Putri", birth_date=BORN)
CONFIRMED, LIKELY, DOUBTFUL = LinkConfidence.CONFIRMED, LinkConfidence.LIKELY, LinkConfidence.DOUBTFUL


@pytest.mark.parametrize(
    ("name", "born", "confidence"),
    [
        ("Siti Rahmawati Putri", BORN, CONFIRMED),
        ("PUTRI SITI RAHMAWATI", BORN, CONFIRMED),
        ("Siti Rahmawati", BORN, CONFIRMED),
        ("Hj. Siti Rahmawati Putri", BORN, CONFIRMED),
        ("Siti", BORN, LIKELY),
        ("Siti Rahmawati", date(1990, 5, 6), LIKELY),
        ("Siti Rahmawati", None, LIKELY),
        (None, BORN, LIKELY),
        ("", BORN, LIKELY),
        ("Joko", BORN, LIKELY),
        ("Joko", date(2001, 1, 1), DOUBTFUL),
        ("Siti", None, DOUBTFUL),
        (None, None, DOUBTFUL),
    ],
)
def test_name_and_day_of_birth_decide(name: str | None, born: date | None, confidence: LinkConfidence) -> None:
    assert compare_identity(LinkKey(SITI, name, born), IDENTITY) is confidence


def test_one_name_is_the_same_only_alone() -> None:
    single = replace(IDENTITY, name="Sukarno")
    assert compare_identity(LinkKey(SITI, "SUKARNO", BORN), single) is CONFIRMED
    assert compare_identity(LinkKey(SITI, "Sukarno Hatta", BORN), single) is LIKELY
