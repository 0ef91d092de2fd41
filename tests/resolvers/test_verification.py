"""Names are compared by content, not by spelling conventions of registers."""

import pytest

from resolvers.verification import normalize_name


@pytest.mark.parametrize(
    "written",
    [
        "Siti Rahmawati",
        "SITI RAHMAWATI",
        "  siti   rahmawati ",
        "Dra. Hj. Siti Rahmawati, S.E.",
        "Sití Rahmawati",
        "Siti Rahmawati, S.Kom., M.M.",
        "Ny. Siti Rahmawati",
    ],
)
def test_spellings_of_one_name_match(written: str) -> None:
    assert normalize_name(written) == "siti rahmawati"


@pytest.mark.parametrize("other", ["Siti Rahmawat", "Rahmawati Siti", "Siti", "Siti R", "Siti Rahmawati Putri", ""])
def test_different_names_do_not_match(other: str) -> None:
    assert normalize_name(other) != "siti rahmawati"


def test_a_name_that_consists_of_a_title_is_compared() -> None:
    assert normalize_name("Ir") == "ir"
    assert normalize_name("...") == ""
