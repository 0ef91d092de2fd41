"""Rows of groups, such as family cards: each requested key gets its group, and no row of another group is used."""

from __future__ import annotations

from operator import itemgetter

import pytest

from connectors.batching.row_check import RowCheck
from connectors.batching.row_groups import RowGrouping
from connectors.resilience.call_counters import CallCounters
from records.calls.failures import AgencyMalformed

Pair = tuple[str, str]


def group_by_letter(counts: CallCounters | None = None) -> RowGrouping[Pair]:
    """Rows are a key and its group; `-` is no group."""
    check = RowCheck("dukcapil", counts or CallCounters())
    return RowGrouping(check, key_of=itemgetter(0), group_of=itemgetter(1), is_group=lambda group: group != "-")


ROWS = [("siti", "a"), ("budi", "a"), ("dewi", "b"), ("agus", "-")]


def test_each_key_gets_its_group_with_the_rows_of_other_keys() -> None:
    found = group_by_letter().group_rows(ROWS, ["siti", "dewi", "rizky"])
    assert found.by_key == {"siti": "a", "dewi": "b"}
    assert found.groups == {"a": ROWS[:2], "b": [ROWS[2]]}


def test_a_row_without_a_group_answers_no_key() -> None:
    assert group_by_letter().group_rows(ROWS, ["agus"]).by_key == {}


@pytest.mark.parametrize("second", ["b", "-"])
def test_a_key_in_two_groups_fails_and_is_counted(second: str) -> None:
    counts = CallCounters()
    found = group_by_letter(counts).group_rows([("siti", "a"), ("siti", second), ("budi", "a")], ["siti", "budi"])
    assert isinstance(found.by_key["siti"], AgencyMalformed)
    assert found.by_key["budi"] == "a"
    assert counts.mismatches == 1


def test_rows_of_requested_groups_are_accepted() -> None:
    group_by_letter().require_requested(ROWS, ["siti", "dewi", "agus"])


@pytest.mark.parametrize("requested", [["siti", "agus"], ["dewi", "agus"], ["siti", "dewi"], []])
def test_a_row_of_a_group_without_a_requested_key_rejects_the_reply(requested: list[str]) -> None:
    counts = CallCounters()
    with pytest.raises(AgencyMalformed):
        group_by_letter(counts).require_requested(ROWS, requested)
    assert counts.mismatches == 1
