"""`Cache-Control` of responses: who may store them, and never longer than the strictest part allows."""

from __future__ import annotations

import re
from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.caller import CallerKind
from auth.policy.children import get_city_date
from engine.request import GraphQLResponse, ResponseOutcome
from records.calls.freshness import AnswerLifetime
from records.calls.subject_reads import SubjectRead
from web.middleware.cache_control import NO_STORE, CacheControl, CachePolicy
from web.settings import WebSettings

FRESH = AnswerLifetime(age=0.0, fresh=900.0, stale_while_revalidate=inf, stale_if_error=inf)
VARY = "Accept, Authorization"
PRIVATE_VARY = f"{VARY}, Accept-Language"
"""Answers about the caller may hold texts in their language."""
ADULT = "3171014506900001"
PEOPLE = [CallerKind.CITIZEN, CallerKind.BUSINESS, CallerKind.ANONYMOUS]
OF_OFFICES = [each for each in CallerKind if each not in PEOPLE]


def build_response(lasts: AnswerLifetime | None = FRESH, *, public: bool = True, **more: Any) -> GraphQLResponse:  # noqa: ANN401 - members of the response
    return GraphQLResponse(outcome=ResponseOutcome.ANSWERED, data={}, lifetime=lasts, is_public=public, **more)


def choose_policy(
    response: GraphQLResponse,
    kind: CallerKind = CallerKind.ANONYMOUS,
    *,
    by_get: bool = True,
    most: int = 60,
    origins: tuple[str, ...] = (),
) -> CachePolicy:
    control = CacheControl(WebSettings(public_max_age=most, allowed_origins=origins))
    return control.choose_policy(
        response, kind, () if kind is CallerKind.ANONYMOUS else {"authorization"}, by_get=by_get
    )


def parse_header_lines(storing: CachePolicy) -> dict[str, str]:
    lines = storing.header_lines.decode().splitlines()
    assert storing.header_lines.endswith(b"\r\n")
    return dict(line.split(": ", 1) for line in lines)


@pytest.mark.parametrize(
    ("lasts", "said"),
    [
        (FRESH, {"cache-control": "public, max-age=60"}),
        (AnswerLifetime(0.4, 29.7, inf, inf), {"cache-control": "public, max-age=29"}),
        (AnswerLifetime(0.0, inf, inf, inf), {"cache-control": "public, max-age=60"}),
        (
            AnswerLifetime(12.9, 17.1, inf, inf),
            {"cache-control": "public, max-age=29", "age": "12", "x-accel-expires": "17"},
        ),
        (
            AnswerLifetime(880.0, 20.0, inf, inf),
            {"cache-control": "public, max-age=900", "age": "880", "x-accel-expires": "20"},
        ),
        (
            AnswerLifetime(30.0, 870.0, inf, inf),
            {"cache-control": "public, max-age=90", "age": "30", "x-accel-expires": "60"},
        ),
        (AnswerLifetime(0.0, 30.0, 10.0, 0.0), {"cache-control": "public, max-age=30, stale-while-revalidate=10"}),
        (AnswerLifetime(0.0, 30.0, 900.0, 0.0), {"cache-control": "public, max-age=30, stale-while-revalidate=60"}),
        (AnswerLifetime(0.0, 30.0, 0.0, 3600.0), {"cache-control": "public, max-age=30, stale-if-error=3600"}),
        (AnswerLifetime(0.0, 0.9, 60.0, 60.0), {"cache-control": "public, no-cache"}),
        (AnswerLifetime(30.0, 0.0, 60.0, 60.0), {"cache-control": "public, no-cache", "age": "30"}),
    ],
)
def test_public_data_without_a_token_is_cacheable_by_all_while_it_is_fresh(
    lasts: AnswerLifetime, said: dict[str, str]
) -> None:
    storing = choose_policy(build_response(lasts))
    assert parse_header_lines(storing) == said | {"vary": VARY}
    assert (storing.has_entity_tag, storing.is_shared) == (True, True)


def test_public_data_with_a_token_is_cacheable_by_the_caller_only() -> None:
    storing = choose_policy(build_response(AnswerLifetime(12.0, 18.0, 60.0, 60.0)), CallerKind.CITIZEN)
    assert parse_header_lines(storing) == {"cache-control": "private, max-age=30", "age": "12", "vary": VARY}
    assert (storing.has_entity_tag, storing.is_shared) == (True, False)


@pytest.mark.parametrize("kind", PEOPLE)
def test_personal_data_is_stored_by_the_callers_browser_only_for_revalidation(kind: CallerKind) -> None:
    reads = [SubjectRead(ADULT, ("Citizen.name",), ("dukcapil",), ("PERSONAL",))]
    response = build_response(
        AnswerLifetime(0.0, 900.0, 9.0, 9.0), public=False, data_classes=frozenset({"PERSONAL"}), reads=reads
    )
    storing = choose_policy(response, kind)
    assert parse_header_lines(storing) == {"cache-control": "private, no-cache", "vary": PRIVATE_VARY}
    assert (storing.has_entity_tag, storing.is_shared) == (True, False)


@pytest.mark.parametrize("of", ["SPECIFIC:FINANCE", "SPECIFIC:HEALTH", "SPECIFIC:CHILD"])
def test_specific_personal_data_is_not_stored(of: str) -> None:
    storing = choose_policy(build_response(public=False, data_classes=frozenset({"PERSONAL", of})), CallerKind.CITIZEN)
    assert parse_header_lines(storing) == {"cache-control": "private, no-store", "vary": PRIVATE_VARY}
    assert (storing.has_entity_tag, storing.is_shared) == (False, False)


CHILD = f"3171014101{get_city_date().year % 100:02d}0001"


@pytest.mark.parametrize("subjects", [(CHILD,), (ADULT, CHILD), (ADULT, None)], ids=["child", "both", "unknown"])
def test_data_about_children_is_not_stored(subjects: tuple[str | None, ...]) -> None:
    reads = [SubjectRead(each, ("Citizen.name",), ("dukcapil",), ("PERSONAL",)) for each in subjects]
    response = build_response(public=False, data_classes=frozenset({"PERSONAL"}), reads=reads)
    storing = choose_policy(response, CallerKind.CITIZEN)
    assert parse_header_lines(storing) == {"cache-control": "private, no-store", "vary": PRIVATE_VARY}
    assert (storing.has_entity_tag, storing.is_shared) == (False, False)


def test_personal_data_has_an_age_header() -> None:
    assert (
        parse_header_lines(
            choose_policy(build_response(AnswerLifetime(41.9, 18.0, 0.0, 0.0), public=False), CallerKind.CITIZEN)
        )["age"]
        == "41"
    )


def test_responses_to_post_have_the_same_lifetime_and_no_entity_tag() -> None:
    public = choose_policy(build_response(AnswerLifetime(12.0, 17.0, inf, inf)), by_get=False)
    assert parse_header_lines(public) == {"cache-control": "public, max-age=29", "age": "12", "vary": VARY}
    personal = choose_policy(build_response(public=False), CallerKind.CITIZEN, by_get=False)
    assert parse_header_lines(personal) == {"cache-control": "private, no-store", "vary": PRIVATE_VARY}
    assert {(each.has_entity_tag, each.is_shared) for each in (public, personal)} == {(False, False)}


@pytest.mark.parametrize("public", [True, False])
@pytest.mark.parametrize("kind", OF_OFFICES)
def test_officials_partners_and_systems_store_nothing(kind: CallerKind, public: bool) -> None:  # noqa: FBT001 - a parameter
    assert choose_policy(build_response(public=public), kind) is NO_STORE


@pytest.mark.parametrize(
    "response",
    [
        build_response(None),
        build_response(None, public=False),
        build_response(errors=[{"message": "one field"}]),
        build_response(extensions={"freshness": []}),
    ],
    ids=["change or stale", "personal change or stale", "with errors", "with extensions"],
)
def test_changes_and_incomplete_responses_are_not_stored(response: GraphQLResponse) -> None:
    storing = choose_policy(response)
    assert storing is NO_STORE
    assert parse_header_lines(storing) == {"cache-control": "no-store", "vary": "Accept"}


def test_a_maximum_age_of_zero_disables_storing_public_data() -> None:
    assert choose_policy(build_response(), most=0) is NO_STORE
    assert choose_policy(build_response(), CallerKind.CITIZEN, most=0) is NO_STORE


def test_with_cors_a_response_varies_by_origin() -> None:
    for public in (True, False):
        policy = choose_policy(build_response(public=public), origins=("https://a.example",))
        language = "" if public else ", Accept-Language"
        assert parse_header_lines(policy)["vary"] == f"{VARY}, Origin{language}"


seconds = st.floats(0, 100_000)


@given(seconds, seconds, st.sampled_from(CallerKind), st.sampled_from(("GET", "POST")), st.integers(0, 600))
def test_no_response_lives_longer_than_its_freshness_or_the_operators_limit(
    age: float,
    fresh: float,
    kind: CallerKind,
    method: str,
    most: int,
) -> None:
    directives = parse_header_lines(
        choose_policy(build_response(AnswerLifetime(age, fresh, inf, inf)), kind, by_get=method == "GET", most=most)
    )
    found = re.search(r"max-age=(\d+)", directives["cache-control"])
    left = 0 if found is None else int(found[1]) - int(directives.get("age", 0))
    assert left <= min(fresh, most)
    assert int(directives.get("x-accel-expires", 0)) <= left
    assert int(directives.get("age", 0)) <= age
