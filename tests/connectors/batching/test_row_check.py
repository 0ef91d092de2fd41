"""Rows must be about the requested keys, or none of them is used."""

from __future__ import annotations

import logging

import pytest

from connectors.batching.row_check import RowCheck
from connectors.resilience.call_counters import CallCounters
from records.calls.failures import AgencyMalformed

Row = tuple[str | None, str, str]
"""Key, identifier and content."""


def key_of(row: Row) -> str | None:
    return row[0]


def id_of(row: Row) -> str:
    return row[1]


def grouped(rows: list[Row], *asked: str, counts: CallCounters | None = None) -> dict[str, object]:
    """Maps each key to its contents, or to the text of its failure."""
    found = RowCheck("crm", counts or CallCounters()).group_by_key(rows, asked, key_of=key_of, id_of=id_of)
    return {
        key: each.detail if isinstance(each, AgencyMalformed) else [content for _, _, content in each]
        for key, each in found.items()
    }


def test_rows_go_to_their_keys_in_their_order_and_keys_without_rows_are_absent() -> None:
    rows: list[Row] = [("1", "a", "x"), ("2", "b", "y"), ("1", "c", "z")]
    assert grouped(rows, "1", "2", "3") == {"1": ["x", "z"], "2": ["y"]}


@pytest.mark.parametrize("key", ["4", "", None, "11"])
def test_an_unrequested_row_rejects_the_reply_and_is_logged_and_counted_without_the_key(
    key: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    counts = CallCounters()
    with caplog.at_level(logging.WARNING), pytest.raises(AgencyMalformed) as raised:
        grouped([("1", "a", "x"), (key, "b", "stranger")], "1", "2", counts=counts)
    assert raised.value.detail == "a row for a key that was not requested"
    assert counts.mismatches == 1
    assert caplog.messages == [
        "The reply of the agency 'crm' does not match its request: a row for a key that was not requested"
    ]


@pytest.mark.parametrize(
    ("asked", "written"),
    [("12", "12abc"), ("12", "012"), ("12", " 12"), ("12", "12 "), ("12", "１２"), ("ab", "AB"), ("ab", "ab ")],  # noqa: RUF001 - full-width digits
)
def test_a_key_in_an_equivalent_form_fails_only_that_key(asked: str, written: str) -> None:
    counts = CallCounters()
    rows: list[Row] = [("7", "a", "x"), (written, "b", "y")]
    assert grouped(rows, "7", asked, counts=counts) == {"7": ["x"], asked: "a row holds its key in another form"}
    assert counts.mismatches == 1


def test_the_same_row_twice_counts_once() -> None:
    assert grouped([("1", "a", "x"), ("1", "a", "x")], "1") == {"1": ["x"]}


def test_a_record_in_two_versions_is_rejected() -> None:
    twice = "one record is listed twice, with different contents"
    assert grouped([("1", "a", "x"), ("1", "a", "y"), ("2", "b", "z")], "1", "2") == {"1": twice, "2": ["z"]}


def test_a_record_of_two_people_is_rejected() -> None:
    twice = "one record is listed twice, with different contents"
    rows: list[Row] = [("1", "a", "x"), ("2", "a", "x"), ("3", "c", "z")]
    assert grouped(rows, "1", "2", "3") == {"1": twice, "2": twice, "3": ["z"]}


@pytest.mark.parametrize(("keys", "raises"), [(["1", "2"], False), (["1 "], False), (["1", "3"], True), ([None], True)])
def test_inside_the_gate_only_unrequested_rows_are_refused(keys: list[str | None], *, raises: bool) -> None:
    check = RowCheck("crm", CallCounters())
    if not raises:
        check.require_requested(keys, ["1", "2"])
        return
    with pytest.raises(AgencyMalformed):
        check.require_requested(keys, ["1", "2"])
