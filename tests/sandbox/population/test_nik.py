from datetime import date

import pytest

from sandbox.population.nik import NikIssuer, build_stem


def test_a_womans_day_of_birth_has_forty_added() -> None:
    assert build_stem("31.71.01", date(1990, 6, 5), woman=True) == "317101450690"
    assert build_stem("31.71.01", date(1990, 6, 5), woman=False) == "317101050690"


def test_serials_of_a_stem_start_at_9000_and_skip_reserved_numbers() -> None:
    mint = NikIssuer(frozenset({"3171010101009001"}))

    assert [mint.issue("317101010100") for _ in range(3)] == [
        "3171010101009000",
        "3171010101009002",
        "3171010101009003",
    ]


def test_a_used_up_stem_is_named() -> None:
    mint = NikIssuer(frozenset())
    for _ in range(1000):
        mint.issue("317101010100")

    with pytest.raises(OverflowError, match="317101010100"):
        mint.issue("317101010100")
