"""Who may keep an answer, and for how long: header by header, and never longer than its strictest part."""

from __future__ import annotations

import re
from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.caller import CallerKind
from auth.children import today_here
from engine.reads import Read
from engine.request import GraphQLResponse, Outcome
from records.freshness import Lasts
from web.cache_control import NOBODY, CacheControl, Storing
from web.settings import WebSettings

FRESH = Lasts(age=0.0, fresh=900.0, revalidating=inf, failing=inf)
VARY = "Accept, Authorization"
ADULT = "3171014506900001"
PEOPLE = [CallerKind.CITIZEN, CallerKind.BUSINESS, CallerKind.ANONYMOUS]
OF_OFFICES = [each for each in CallerKind if each not in PEOPLE]


def answered(lasts: Lasts | None = FRESH, *, public: bool = True, **more: Any) -> GraphQLResponse:  # noqa: ANN401 - members of the response
    return GraphQLResponse(outcome=Outcome.ANSWERED, data={}, lasts=lasts, is_public=public, **more)


def stored(
    response: GraphQLResponse,
    kind: CallerKind = CallerKind.ANONYMOUS,
    *,
    by_get: bool = True,
    most: int = 60,
    origins: tuple[str, ...] = (),
) -> Storing:
    control = CacheControl(WebSettings(public_max_age=most, allowed_origins=origins))
    return control.of(response, kind, () if kind is CallerKind.ANONYMOUS else {"authorization"}, by_get=by_get)


def told(storing: Storing) -> dict[str, str]:
    lines = storing.fields.decode().splitlines()
    assert storing.fields.endswith(b"\r\n")
    return dict(line.split(": ", 1) for line in lines)


@pytest.mark.parametrize(
    ("lasts", "said"),
    [
        (FRESH, {"cache-control": "public, max-age=60"}),
        (Lasts(0.4, 29.7, inf, inf), {"cache-control": "public, max-age=29"}),
        (Lasts(0.0, inf, inf, inf), {"cache-control": "public, max-age=60"}),
        (Lasts(12.9, 17.1, inf, inf), {"cache-control": "public, max-age=29", "age": "12", "x-accel-expires": "17"}),
        (Lasts(880.0, 20.0, inf, inf), {"cache-control": "public, max-age=900", "age": "880", "x-accel-expires": "20"}),
        (Lasts(30.0, 870.0, inf, inf), {"cache-control": "public, max-age=90", "age": "30", "x-accel-expires": "60"}),
        (Lasts(0.0, 30.0, 10.0, 0.0), {"cache-control": "public, max-age=30, stale-while-revalidate=10"}),
        (Lasts(0.0, 30.0, 900.0, 0.0), {"cache-control": "public, max-age=30, stale-while-revalidate=60"}),
        (Lasts(0.0, 30.0, 0.0, 3600.0), {"cache-control": "public, max-age=30, stale-if-error=3600"}),
        (Lasts(0.0, 0.9, 60.0, 60.0), {"cache-control": "public, no-cache"}),
        (Lasts(30.0, 0.0, 60.0, 60.0), {"cache-control": "public, no-cache", "age": "30"}),
    ],
)
def test_public_data_to_who_has_no_token_is_everybodys_as_long_as_it_is_fresh(
    lasts: Lasts, said: dict[str, str]
) -> None:
    storing = stored(answered(lasts))
    assert told(storing) == said | {"vary": VARY}
    assert (storing.is_validated, storing.is_shared) == (True, True)


def test_public_data_to_who_has_a_token_is_kept_by_them_alone() -> None:
    storing = stored(answered(Lasts(12.0, 18.0, 60.0, 60.0)), CallerKind.CITIZEN)
    assert told(storing) == {"cache-control": "private, max-age=30", "age": "12", "vary": VARY}
    assert (storing.is_validated, storing.is_shared) == (True, False)


@pytest.mark.parametrize("kind", PEOPLE)
def test_personal_data_is_kept_by_the_browser_that_asked_and_only_to_ask_again(kind: CallerKind) -> None:
    reads = [Read(ADULT, ("Citizen.name",), ("dukcapil",), ("PERSONAL",))]
    response = answered(Lasts(0.0, 900.0, 9.0, 9.0), public=False, classes=frozenset({"PERSONAL"}), reads=reads)
    storing = stored(response, kind)
    assert told(storing) == {"cache-control": "private, no-cache", "vary": VARY}
    assert (storing.is_validated, storing.is_shared) == (True, False)


@pytest.mark.parametrize("of", ["SPECIFIC:FINANCE", "SPECIFIC:HEALTH", "SPECIFIC:CHILD"])
def test_specific_personal_data_is_kept_by_no_browser_at_all(of: str) -> None:
    storing = stored(answered(public=False, classes=frozenset({"PERSONAL", of})), CallerKind.CITIZEN)
    assert told(storing) == {"cache-control": "private, no-store", "vary": VARY}
    assert (storing.is_validated, storing.is_shared) == (False, False)


CHILD = f"3171014101{today_here().year % 100:02d}0001"


@pytest.mark.parametrize("subjects", [(CHILD,), (ADULT, CHILD), (ADULT, None)], ids=["child", "both", "unknown"])
def test_nor_is_what_is_about_a_child_whatever_it_is(subjects: tuple[str | None, ...]) -> None:
    reads = [Read(each, ("Citizen.name",), ("dukcapil",), ("PERSONAL",)) for each in subjects]
    response = answered(public=False, classes=frozenset({"PERSONAL"}), reads=reads)
    storing = stored(response, CallerKind.CITIZEN)
    assert told(storing) == {"cache-control": "private, no-store", "vary": VARY}
    assert (storing.is_validated, storing.is_shared) == (False, False)


def test_personal_data_says_how_old_it_is() -> None:
    assert told(stored(answered(Lasts(41.9, 18.0, 0.0, 0.0), public=False), CallerKind.CITIZEN))["age"] == "41"


def test_what_is_posted_is_fresh_as_long_and_has_no_tag() -> None:
    public = stored(answered(Lasts(12.0, 17.0, inf, inf)), by_get=False)
    assert told(public) == {"cache-control": "public, max-age=29", "age": "12", "vary": VARY}
    personal = stored(answered(public=False), CallerKind.CITIZEN, by_get=False)
    assert told(personal) == {"cache-control": "private, no-store", "vary": VARY}
    assert {(each.is_validated, each.is_shared) for each in (public, personal)} == {(False, False)}


@pytest.mark.parametrize("public", [True, False])
@pytest.mark.parametrize("kind", OF_OFFICES)
def test_who_reads_for_an_office_or_a_firm_keeps_nothing(kind: CallerKind, public: bool) -> None:  # noqa: FBT001 - a parameter
    assert stored(answered(public=public), kind) is NOBODY


@pytest.mark.parametrize(
    "response",
    [
        answered(None),
        answered(None, public=False),
        answered(errors=[{"message": "one field"}]),
        answered(extensions={"freshness": []}),
    ],
    ids=["a change, or old", "the same of a person", "not whole", "with something beside the data"],
)
def test_what_is_for_this_once_is_kept_by_nobody(response: GraphQLResponse) -> None:
    storing = stored(response)
    assert storing is NOBODY
    assert told(storing) == {"cache-control": "no-store", "vary": "Accept"}


def test_an_operator_can_let_nothing_public_be_kept() -> None:
    assert stored(answered(), most=0) is NOBODY
    assert stored(answered(), CallerKind.CITIZEN, most=0) is NOBODY


def test_where_pages_of_other_origins_may_read_an_answer_depends_on_the_origin() -> None:
    for public in (True, False):
        assert told(stored(answered(public=public), origins=("https://a.example",)))["vary"] == f"{VARY}, Origin"


seconds = st.floats(0, 100_000)


@given(seconds, seconds, st.sampled_from(CallerKind), st.sampled_from(("GET", "POST")), st.integers(0, 600))
def test_no_answer_may_be_used_longer_than_it_is_fresh_nor_than_the_operator_allows(
    age: float,
    fresh: float,
    kind: CallerKind,
    method: str,
    most: int,
) -> None:
    said = told(stored(answered(Lasts(age, fresh, inf, inf)), kind, by_get=method == "GET", most=most))
    found = re.search(r"max-age=(\d+)", said["cache-control"])
    left = 0 if found is None else int(found[1]) - int(said.get("age", 0))
    assert left <= min(fresh, most)
    assert int(said.get("x-accel-expires", 0)) <= left
    assert int(said.get("age", 0)) <= age
