"""The claims from the rows of a run."""

from benchmarks.comparison import targets
from benchmarks.reports import claims
from tests.benchmarks.reports.rows import build_row

SIMPUL, APOLLO, HIVE = targets.SIMPUL.name, targets.APOLLO.name, targets.HIVE.name


def first_claim(*rows: tuple[str, int, float]) -> str:
    """The first claim, about Simpul without sharing."""
    return claims.build_claims([build_row(target, figure, connections=count) for target, count, figure in rows])[0]


def test_ahead_is_claimed_if_it_holds_at_every_number_of_connections() -> None:
    sentence = first_claim((SIMPUL, 1, 20), (SIMPUL, 64, 20), (APOLLO, 1, 10), (APOLLO, 64, 19))
    assert sentence == f"Q3, Simpul (sharing nothing): ahead of {APOLLO} at every number of connections (1, 64)."


def test_a_claim_for_some_numbers_of_connections_names_them() -> None:
    sentence = first_claim(
        (SIMPUL, 1, 20), (SIMPUL, 64, 20), (APOLLO, 1, 10), (APOLLO, 64, 21), (HIVE, 1, 30), (HIVE, 64, 30)
    )
    assert sentence == (
        f"Q3, Simpul (sharing nothing): at some numbers of connections only ahead of {APOLLO} (1 only); "
        f"behind {HIVE} at every number."
    )


def test_a_peer_without_a_row_for_a_number_is_not_claimed() -> None:
    assert "(1 only)" in first_claim((SIMPUL, 1, 20), (SIMPUL, 64, 20), (APOLLO, 1, 10))


def test_one_number_of_connections_gives_no_claim() -> None:
    assert "no claim" in first_claim((SIMPUL, 16, 20), (APOLLO, 16, 10))


def test_a_row_with_failed_requests_gives_no_claim() -> None:
    rows = [build_row(SIMPUL, 20, connections=count) for count in (1, 64)]
    rows += [build_row(APOLLO, 10, connections=1), build_row(APOLLO, 10, connections=64, failed=1)]
    assert f"only ahead of {APOLLO} (1 only)" in claims.build_claims(rows)[0]
