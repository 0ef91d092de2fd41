"""What may be claimed from the rows of a run."""

from benchmarks import ahead, targets
from tests.benchmarks.rows import row

SIMPUL, APOLLO, HIVE = targets.SIMPUL.name, targets.APOLLO.name, targets.HIVE.name


def said(*rows: tuple[str, int, float]) -> str:
    """The first sentence, about Simpul sharing nothing."""
    return ahead.sentences([row(target, figure, connections=count) for target, count, figure in rows])[0]


def test_ahead_is_said_where_it_holds_at_every_number_of_connections() -> None:
    sentence = said((SIMPUL, 1, 20), (SIMPUL, 64, 20), (APOLLO, 1, 10), (APOLLO, 64, 19))
    assert sentence == f"Q3, Simpul (sharing nothing): ahead of {APOLLO} at every number of connections (1, 64)."


def test_where_it_holds_at_some_numbers_only_they_are_named_and_no_more_is_claimed() -> None:
    sentence = said((SIMPUL, 1, 20), (SIMPUL, 64, 20), (APOLLO, 1, 10), (APOLLO, 64, 21), (HIVE, 1, 30), (HIVE, 64, 30))
    assert sentence == (
        f"Q3, Simpul (sharing nothing): at some numbers of connections only ahead of {APOLLO} (1 only); "
        f"behind {HIVE} at every number."
    )


def test_a_peer_without_a_row_for_one_number_is_not_beaten_there() -> None:
    assert "(1 only)" in said((SIMPUL, 1, 20), (SIMPUL, 64, 20), (APOLLO, 1, 10))


def test_nothing_is_claimed_from_one_number_of_connections() -> None:
    assert "nothing is claimed" in said((SIMPUL, 16, 20), (APOLLO, 16, 10))


def test_a_row_with_failed_requests_proves_nothing() -> None:
    rows = [row(SIMPUL, 20, connections=count) for count in (1, 64)]
    rows += [row(APOLLO, 10, connections=1), row(APOLLO, 10, connections=64, failed=1)]
    assert f"only ahead of {APOLLO} (1 only)" in ahead.sentences(rows)[0]
