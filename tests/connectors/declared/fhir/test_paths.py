"""Paths into FHIR resources, and properties of partial dates and Bundles."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.declared.fhir.bundles import read_search
from connectors.declared.fhir.paths import FHIR_PATHS, find_texts, parse_path
from connectors.readers.dates import partial_date
from connectors.readers.unreadable import UnreadableError
from records.calls.failures import AgencyFailure
from schema.declarations.scalars import parse_partial_date
from tests.connectors.declared.fhir.clinic import OUTSIDE, bundle, dose, entry, location, outcome

CVX = "http://hl7.org/fhir/sid/cvx"
RESOURCE: dict[str, Any] = {
    "resourceType": "Immunization",
    "id": "1",
    "vaccineCode": {
        "text": "BCG",
        "coding": [
            {"system": "http://sys-ids.kemkes.go.id/kfa", "code": "93005208"},
            {"system": CVX, "code": "19"},
            {"system": CVX, "code": "19", "display": "BCG vaccine"},
        ],
    },
    "name": [None, {"given": ["Siti", "Rahmawati"]}],
    "extension": [{"url": "a", "extension": [{"url": "village", "valueCode": "3171011001"}]}, {"url": "b"}],
    "active": True,
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("id", "1"),
        ("vaccineCode.text", "BCG"),
        ("vaccineCode.coding.code", "93005208"),
        (f"vaccineCode.coding.where(system = '{CVX}').code", "19"),
        ("vaccineCode.coding.where(system='(none)').code", None),
        ("vaccineCode.coding[1].code", "19"),
        ("vaccineCode.coding[9].code", None),
        ("vaccineCode.coding.first().code", "93005208"),
        ("name.given[1]", "Rahmawati"),
        ("name.given", "Siti"),
        ("extension('a').extension('village').valueCode", "3171011001"),
        ("extension('c').valueCode", None),
        ("missing.member", None),
        ("active", True),
    ],
)
def test_a_path_finds_the_first_value_through_lists(path: str, value: object) -> None:
    assert FHIR_PATHS.compile("records.X.y", path)(RESOURCE) == value


def test_a_path_to_objects_finds_all_of_them() -> None:
    assert FHIR_PATHS.compile("records.X.y", f"vaccineCode.coding.where(system = '{CVX}')")(RESOURCE) == [
        {"system": CVX, "code": "19"},
        {"system": CVX, "code": "19", "display": "BCG vaccine"},
    ]


def test_a_member_of_a_text_cannot_be_read() -> None:
    with pytest.raises(UnreadableError):
        FHIR_PATHS.compile("records.X.y", "vaccineCode.text.value")(RESOURCE)


DAYS = st.dates(date(1901, 1, 1), date(2100, 12, 31))


@settings(max_examples=60, deadline=None)
@given(DAYS, st.sampled_from([4, 7, 10]))
def test_each_partial_date_is_read_and_sent_back_unchanged(day: date, length: int) -> None:
    written = day.isoformat()[:length]
    assert partial_date(written) == written == parse_partial_date(written)
    assert partial_date(f" {written} ") == written


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="0123456789-T:Z", max_size=12))
def test_no_text_becomes_a_partial_date_that_does_not_exist(text: str) -> None:
    try:
        read = partial_date(text)
    except UnreadableError:
        return
    if read is not None:
        year, *rest = (int(each) for each in read.split("-"))
        assert date(year, *[*rest, 1, 1][:2]).year == year


KNOWN = st.sampled_from(["P1", "P2", "P10"])
ENTRIES = st.lists(
    st.one_of(
        st.builds(lambda n, of: entry(dose(str(n), f"Patient/{of}")), st.integers(0, 20), KNOWN),
        st.builds(lambda n, of: entry(dose(str(n), f"{OUTSIDE}/Patient/{of}"), None), st.integers(0, 20), KNOWN),
        st.builds(lambda n: entry(location(str(n), "x"), "include"), st.integers(0, 3)),
        st.just(entry(outcome("not-supported", "information"), "outcome")),
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(ENTRIES)
def test_the_rows_of_a_bundle_are_its_matches_in_their_order(entries: list[dict[str, Any]]) -> None:
    page = read_search("klinik", bundle(*entries), "Immunization", (OUTSIDE,))
    matches = [each["resource"] for each in entries if each["resource"]["resourceType"] == "Immunization"]
    assert [each["id"] for each in page.rows] == [each["id"] for each in matches]
    steps = parse_path("key", "patient.getReferenceKey(Patient)")
    assert [find_texts(each, steps) for each in page.rows] == [
        [each["patient"]["reference"].rpartition("/")[2]] for each in matches
    ]
    assert page.matches == len(matches)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["resourceType", "type", "entry", "resource", "search", "mode", "id", "link", "total", "issue"]
            ),
            inner | st.sampled_from(["Bundle", "searchset", "Immunization", "OperationOutcome", "match"]),
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=120, deadline=None)
@given(JSON)
def test_any_reply_is_read_or_refused(value: object) -> None:
    try:
        read_search("klinik", value, "Immunization", (OUTSIDE,))
    except (AgencyFailure, UnreadableError):
        return
    assert isinstance(value, dict)
    assert (value["resourceType"], value["type"]) == ("Bundle", "searchset")
