"""Names are compared as people write them, not as registers do."""

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
def test_one_name_however_it_is_written(written: str) -> None:
    assert normalize_name(written) == "siti rahmawati"


@pytest.mark.parametrize("other", ["Siti Rahmawat", "Rahmawati Siti", "Siti", "Siti R", "Siti Rahmawati Putri", ""])
def test_another_name_is_another_name(other: str) -> None:
    assert normalize_name(other) != "siti rahmawati"


def test_a_name_that_is_a_title_is_still_a_name() -> None:
    assert normalize_name("Ir") == "ir"
    assert normalize_name("...") == ""
