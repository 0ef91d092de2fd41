"""Stale values are returned where that is allowed, and the answer reports each place."""

from __future__ import annotations

import asyncio
from datetime import date
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.sharing.caching_hub import BY_PLAN, CachingHub
from tests.fakes.small_records import AYU, BUDI, CARD, MARKET, REQUEST, SITI
from tests.schema.requests import IDS, get_codes

AS_OF = "1970-01-01T00:16:40+00:00"
ME = "{ me { name residence { address } taxObjects { nop } complaints { number } } }"
both_ways = pytest.mark.parametrize("way", [BY_PLAN, "by graphql-core"])


@both_ways
async def test_a_cached_answer_makes_no_call_and_has_no_notice(way: str) -> None:
    hub = CachingHub(way=way)
    cold = await hub.answer(ME)
    hub.city.calls.clear()
    warm = await hub.answer(ME)
    assert (warm.data, warm.errors, dict(warm.extensions)) == (cold.data, [], {})
    assert hub.city.calls == []


@both_ways
async def test_fields_of_an_unavailable_agency_are_stale_and_reported_by_path(way: str) -> None:
    hub = CachingHub(way=way)
    fresh = await hub.answer(ME)
    hub.now += 1_000
    hub.city.failing_agencies = {"pbb", "dukcapil"}
    old = await hub.answer(ME)
    assert old.data == {"me": {**fresh.data["me"], "name": None, "residence": None}}  # type: ignore[index]  # it has data
    assert get_codes(old) == [("me.name", "AGENCY_UNAVAILABLE"), ("me.residence", "AGENCY_UNAVAILABLE")]
    assert old.extensions == {
        "freshness": [
            {
                "path": ["me", "taxObjects"],
                "agency": "pbb",
                "asOf": AS_OF,
                "stale": True,
                "reason": "AGENCY_UNAVAILABLE",
            }
        ]
    }


@both_ways
async def test_a_stale_value_is_reported_at_each_of_its_paths(way: str) -> None:
    hub = CachingHub(way=way)
    people = f'{{ citizens(niks: ["{SITI}", "{BUDI}", "{SITI}"]) {{ msmes {{ name }} }} }}'
    await hub.answer(people, "an official")
    hub.now += 400
    hub.city.failing_agencies = {"jakpreneur"}
    old = await hub.answer(people, "an official")
    assert [each["path"] for each in old.extensions["freshness"]] == [
        ["citizens", 0, "msmes"],
        ["citizens", 2, "msmes"],
    ]


@both_ways
async def test_list_items_and_facets_are_stale_separately(way: str) -> None:
    hub = CachingHub(way=way)
    await hub.answer("{ me { name } }")
    hub.now += 30
    await hub.answer("{ me { residence { address } } }")
    hub.now += 45
    hub.city.failing_agencies = {"dukcapil"}
    ids = ", ".join(f'"{each}"' for each in (IDS.seal("Market", MARKET.id), IDS.seal("Citizen", SITI)))
    nodes = f"nodes(ids: [{ids}]) {{ id ... on Citizen {{ name }} }}"
    old = await hub.answer(f"{{ me {{ alias: name residence {{ address }} again: name }} {nodes} }}")
    assert sorted(each["path"] for each in old.extensions["freshness"]) == [
        ["me", "again"],
        ["me", "alias"],
        ["nodes", 1, "name"],
    ]
    assert {each["reason"] for each in old.extensions["freshness"]} == {"AGENCY_UNAVAILABLE"}


@both_ways
async def test_of_many_stale_paths_some_are_listed_and_the_others_counted(way: str) -> None:
    hub = CachingHub(way=way)
    people = ", ".join([f'"{SITI}"'] * 100)
    query = f"{{ citizens(niks: [{people}]) {{ msmes {{ name }} taxObjects {{ nop }} }} }}"
    await hub.answer(query, "an official")
    hub.now += 1_000
    hub.city.failing_agencies = {"jakpreneur", "pbb"}
    old = await hub.answer(query, "an official")
    assert len(old.extensions["freshness"]) == 101
    assert old.extensions["freshness"][-1] == {"more": 100}


async def test_a_stale_answer_is_not_cacheable() -> None:
    hub = CachingHub(coalescing=True)
    query = "{ markets { name prices { price } } }"
    fresh = await hub.answer(query, "anonymous")
    assert fresh.is_public
    assert fresh.lifetime is not None
    hub.now += 1_000
    old = await hub.answer(query, "anonymous")
    assert (old.is_public, old.lifetime) == (False, None)


async def test_an_answer_has_the_strictest_lifetime_and_the_greatest_age_of_its_parts() -> None:
    hub = CachingHub()
    assert (await hub.answer("{ markets { name } }")).lifetime == pytest.approx((0, 900, 900, 86_400), abs=1)
    hub.now += 400
    query = "{ markets { name } complaintCategories { name } regions { name } }"
    assert (await hub.answer(query)).lifetime == pytest.approx((400, 500, 0, 86_400), abs=1)
    query = "{ complaints(first: 1) { nodes { number } } markets { name } }"
    assert (await hub.answer(query)).lifetime == pytest.approx((400, 30, 30, 1_800), abs=1)


async def test_reference_data_has_no_time_limit_and_uncached_data_is_for_one_use() -> None:
    hub = CachingHub()
    assert (await hub.answer("{ regions { name } }")).lifetime == (0, inf, inf, inf)
    assert (await hub.answer("{ __typename }")).lifetime == (0, inf, inf, inf)
    children = await hub.answer("{ me { name children { birthDate } } }")
    assert children.errors == []
    assert children.lifetime == pytest.approx((0, 0, 0, 0), abs=1)


async def test_an_answer_with_errors_or_a_mutation_is_for_one_use() -> None:
    hub = CachingHub()
    hub.city.failing_agencies = {"pangan"}
    assert (await hub.answer("{ regions { name } markets { name } }")).lifetime is None
    assert (await hub.answer(f'mutation {{ refuseConsent(request: "{REQUEST}") {{ returnTo }} }}')).lifetime is None


async def test_a_request_for_current_data_is_answered_freshly() -> None:
    hub = CachingHub(coalescing=True)
    query = "{ markets { name } }"
    await hub.answer(query, "anonymous")
    hub.now += 10
    hub.city.calls.clear()
    assert (await hub.answer(query, "anonymous", max_age=11)).lifetime == pytest.approx((10, 890, 900, 86_400), abs=1)
    assert hub.city.calls == []
    refreshed = await hub.answer(query, "anonymous", max_age=0)
    assert refreshed.lifetime == pytest.approx((0, 900, 900, 86_400), abs=1)
    assert [question for _, question, _ in hub.city.calls] == ["market_lists"]


async def test_a_request_for_current_data_gets_stale_data_when_the_agency_fails() -> None:
    hub = CachingHub()
    query = "{ markets { name } }"
    kept = await hub.answer(query, "anonymous")
    hub.city.failing_agencies = {"pangan"}
    old = await hub.answer(query, "anonymous", max_age=0)
    assert (old.data, old.lifetime) == (kept.data, None)
    assert [each["reason"] for each in old.extensions["freshness"]] == ["AGENCY_UNAVAILABLE"]


PARTS = {
    "complaints(first: 1) { nodes { number } }": ("pages", 30),
    "complaintCategories { name }": ("category_lists", 86_400),
    "markets { name }": ("market_lists", 900),
    "commodities { name }": ("commodity_lists", 900),
    "me { name }": ("facets", 60),
    "me { taxObjects { nop } }": ("objects_of", 600),
    "me { msmes { name } }": ("msmes_of", 300),
    "regions(first: 1) { name }": ("region_lists", inf),
}
steps = st.tuples(
    st.integers(0, 700), st.sets(st.sampled_from(sorted(PARTS)), min_size=1), st.sampled_from((inf, inf, 100.0, 0.0))
)


@settings(max_examples=40, derandomize=True, database=None, deadline=None)
@given(st.lists(steps, min_size=1, max_size=8))
def test_no_answer_lasts_longer_than_any_of_its_parts(history: list[tuple[int, set[str], float]]) -> None:
    asyncio.run(_expected_lifetime(history))


async def _expected_lifetime(history: list[tuple[int, set[str], float]]) -> None:
    hub, said_at = CachingHub(), dict[str, float]()
    for seconds, parts, max_age in history:
        hub.now += seconds
        hub.city.calls.clear()
        response = await hub.answer(f"{{ {' '.join(sorted(parts))} }}", max_age=max_age)
        for _ in range(20):
            await asyncio.sleep(0)  # what is refreshed in the background
        said_at.update({question: hub.now for _, question, _ in hub.city.calls})
        assert response.errors == []
        if response.lifetime is None:
            assert response.extensions["freshness"]
            continue
        known = [(said_at[question], fresh) for question, fresh in map(PARTS.__getitem__, parts) if fresh < inf]
        left = min((at + fresh - hub.now for at, fresh in known), default=inf)
        oldest = max((hub.now - at for at, _ in known), default=0.0)
        assert response.lifetime.fresh <= left
        assert response.lifetime.fresh == pytest.approx(left, abs=1)
        assert response.lifetime.age == pytest.approx(oldest, abs=1)
        assert oldest < max_age or oldest == 0


async def test_rules_and_the_ledger_treat_cached_data_like_loaded_data() -> None:
    hub = CachingHub()
    fresh = await hub.answer(ME)
    kept = await hub.answer(ME)
    assert list(kept.reads) == list(fresh.reads) != []
    stranger = await hub.answer(f'{{ citizen(nik: "{SITI}") {{ taxObjects {{ nop }} }} }}', "another citizen")
    assert stranger.data == {"citizen": None}
    assert [code for _, code in get_codes(stranger)] == ["FORBIDDEN"]


async def test_guardianship_is_never_decided_by_a_cached_card() -> None:
    hub = CachingHub()
    hub.city.ayu_born = date(2020, 6, 5)
    query = f'{{ me {{ household {{ familyCardNumber }} }} citizen(nik: "{AYU}") {{ name }} }}'
    assert (await hub.answer(query)).errors == []
    hub.city.ayu_born = date(1990, 6, 5)  # the card says something else now
    after = await hub.answer(query)
    assert after.data == {"me": {"household": {"familyCardNumber": CARD}}, "citizen": None}
    assert get_codes(after) == [("citizen", "FORBIDDEN")]
