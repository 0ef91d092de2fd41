"""Batches through the answer cache: only missing keys and facets are fetched, whichever caller asks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from math import inf
from typing import Any

import pytest

from auth.caller import Caller, CallerKind
from auth.crypto.key_ring import ANSWER_INFO, KeyRing
from cache.answers.cache_keys import CacheKeyBuilder
from cache.answers.read_through import ReadThroughCache
from engine.batch import NO_BATCH_CACHE, Batch, batch, load_answers
from records.calls.answers import Answers
from records.calls.failures import AgencyFailure, AgencyUnavailable
from records.calls.freshness import Freshness, Staleness
from records.clocks import Clocks
from records.identifiers import Nik
from records.population import Identity, Residence
from records.prices import MarketQuery
from resolvers import complaints, msmes, population, prices, regions, tax
from resolvers.batch_context import HubBatchContext
from resolvers.cached_batches import CachedBatchReader, get_answer_type
from resolvers.caching import PUBLIC
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import AYU, BUDI, CALL, CALLERS, MARKET, NOBODY, PRICE, SITI
from tests.telemetry.in_memory_spans import InMemorySpans

SECRET = b"a secret of thirty-two bytes...."
OFFICIAL = CALLERS["an official"]
CACHED_BATCHES = [
    each
    for module in (complaints, msmes, population, prices, tax)
    for each in vars(module).values()
    if isinstance(each, Batch) and each.caching is not None
]


class SettableClock:
    """A clock that tests set."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


class RecordedFreshness:
    """Records the freshness of answers."""

    def __init__(self) -> None:
        self.old: list[tuple[str, Any, str | None, Staleness]] = []
        self.parts: list[tuple[float, float]] = []

    def record_stale(self, batch: Batch[Any, Any], key: Any, facet: type[Any] | None, staleness: Staleness) -> None:  # noqa: ANN401 - any key
        self.old.append((batch.name, key, facet.__name__ if facet else None, staleness))

    def record_lifetime(self, freshness: Freshness | None, age: float, fresh: float) -> None:  # noqa: ARG002 - as the protocol
        self.parts.append((age, fresh))


class CachedBatchHub:
    """A small city behind an answer cache."""

    def __init__(self) -> None:
        self.city = SmallCity()
        self.clock = SettableClock()
        self.cache = ReadThroughCache(
            max_bytes=1_000_000,
            key_builder=CacheKeyBuilder(SECRET),
            sealer=KeyRing([SECRET], ANSWER_INFO),
            clocks=Clocks(monotonic=self.clock, wall=self.clock),
        )
        self.batch_cache = CachedBatchReader(self.cache, timeout=5.0)

    def build_context(
        self, caller: Caller = CALLERS["the person"], *facets: type[Any], max_age: float = inf
    ) -> HubBatchContext:
        return HubBatchContext(
            caller=caller,
            call=replace(CALL, max_age=max_age),
            agencies=self.city.agencies(),
            facets=frozenset(facets),
            batch_cache=self.batch_cache,
        )

    @property
    def asked(self) -> list[tuple[str, tuple[Any, ...]]]:
        return [(question, keys) for _, question, keys in self.city.calls]


async def test_only_missing_keys_are_fetched() -> None:
    hub = CachedBatchHub()
    await load_answers(tax.tax_objects_of, [SITI], hub.build_context())
    found = await load_answers(tax.tax_objects_of, [BUDI, SITI], hub.build_context())
    assert [question for question, _ in hub.asked] == ["objects_of", "objects_of"]
    assert [keys for _, keys in hub.asked] == [(SITI,), (BUDI,)]
    assert set(found) == {SITI}


async def test_searches_for_any_text_share_one_cached_list() -> None:
    hub = CachedBatchHub()
    recorded = RecordedFreshness()
    for text in ("senen", "tidak ada", ""):
        query = MarketQuery(search=text)
        found = await load_answers(prices.market_lists, [query], hub.build_context(), recorded)
        assert found == {query: (MARKET,) if text in MARKET.name.casefold() else ()}
    several = [MarketQuery(search=each) for each in ("pasar", "x")]
    assert list(await load_answers(prices.market_lists, several, hub.build_context())) == several
    assert hub.asked == [("market_lists", (MarketQuery(),))]
    assert len(hub.cache.tier) == 1
    assert len(recorded.parts) == 3


async def test_a_stale_list_is_stale_for_every_text() -> None:
    hub = CachedBatchHub()
    await load_answers(prices.market_lists, [MarketQuery()], hub.build_context())
    hub.clock.now += 3_600
    hub.city.failing_agencies.add("pangan")
    recorded = RecordedFreshness()
    queries = [MarketQuery(search="senen"), MarketQuery(search="x")]
    await load_answers(prices.market_lists, queries, hub.build_context(), recorded)
    assert [(key, staleness.reason) for _, key, _, staleness in recorded.old] == [
        (query, "AGENCY_UNAVAILABLE") for query in queries
    ]


async def test_a_list_that_fails_fails_for_every_text() -> None:
    hub = CachedBatchHub()
    hub.city.failing_agencies.add("pangan")
    queries = [MarketQuery(search="senen"), MarketQuery(search="x")]
    found = await load_answers(prices.market_lists, queries, hub.build_context())
    assert [(key, type(each)) for key, each in found.items()] == [(key, AgencyUnavailable) for key in queries]


async def test_each_facet_is_cached_separately_and_only_missing_facets_are_fetched() -> None:
    hub = CachedBatchHub()
    await load_answers(population.person_facets, [SITI], hub.build_context(CALLERS["the person"], Identity))
    found = await load_answers(
        population.person_facets, [SITI, AYU], hub.build_context(CALLERS["the person"], Identity, Residence)
    )
    asked = [(keys, wanted) for (_, keys), wanted in zip(hub.asked, hub.city.wanted_facets, strict=True)]
    assert asked[0] == ((SITI,), frozenset({Identity}))
    assert set(asked[1:]) == {((SITI,), frozenset({Residence})), ((AYU,), frozenset({Identity, Residence}))}
    assert {nik: set(facets) for nik, facets in found.items() if not isinstance(facets, Exception)} == {
        SITI: {Identity, Residence},
        AYU: {Identity, Residence},
    }


async def test_a_caller_with_a_purpose_reads_current_data_and_refreshes_the_cache() -> None:
    hub = CachedBatchHub()
    await load_answers(tax.tax_objects_of, [SITI], hub.build_context())
    await load_answers(tax.tax_objects_of, [SITI], hub.build_context(OFFICIAL))
    await load_answers(tax.tax_objects_of, [SITI], hub.build_context())
    assert len(hub.asked) == 2


async def test_the_family_card_that_decides_guardianship_is_never_cached() -> None:
    hub = CachedBatchHub()
    person = CALLERS["the person"]
    for deciding in (population.family_cards_of, population.children_of):
        for _ in range(2):
            await load_answers(population.households_of, [SITI], hub.build_context(person))  # for answers it is
            await load_answers(deciding, [SITI], hub.build_context(person))
    assert len(hub.asked) == 5


async def test_a_card_that_this_request_fetched_for_its_answer_decides_as_well() -> None:
    hub = CachedBatchHub()
    context = hub.build_context(CALLERS["the person"])
    shown = await load_answers(population.households_of, [SITI, NOBODY], context)
    assert await load_answers(population.family_cards_of, [SITI], context) == shown
    assert await load_answers(population.family_cards_of, [NOBODY], context) == {}
    assert len(hub.asked) == 1
    assert await load_answers(population.family_cards_of, [SITI, BUDI], context) == shown
    assert len(hub.asked) == 2  # one of them was not fetched


@pytest.mark.parametrize("caller", ["another citizen", "an official", "anonymous"])
async def test_only_the_person_gets_a_cached_household(caller: str) -> None:
    hub = CachedBatchHub()
    await load_answers(population.households_of, [SITI], hub.build_context(CALLERS["the person"]))
    noted = RecordedFreshness()
    for _ in range(2):
        await load_answers(population.households_of, [SITI], hub.build_context(CALLERS[caller]), noted)
    assert len(hub.asked) == 3
    assert noted.parts == [(0.0, 0.0), (0.0, 0.0)]
    await load_answers(population.households_of, [SITI], hub.build_context(CALLERS["the person"]))
    assert len(hub.asked) == 3


async def test_a_failure_affects_only_its_key_and_facet_and_is_fetched_again() -> None:
    hub = CachedBatchHub()
    hub.city.failing_agencies.add("dukcapil")
    found = await load_answers(population.person_facets, [SITI], hub.build_context(CALLERS["the person"], Identity))
    facets = found[SITI]
    assert not isinstance(facets, AgencyFailure)
    assert isinstance(facets[Identity], AgencyUnavailable)
    hub.city.failing_agencies.clear()
    again = await load_answers(population.person_facets, [SITI], hub.build_context(CALLERS["the person"], Identity))
    assert isinstance(again[SITI], dict)


async def test_if_the_agency_fails_the_stale_answer_is_returned_and_marked() -> None:
    hub = CachedBatchHub()
    await load_answers(prices.prices_of, [MARKET.id], hub.build_context())
    hub.clock.now += 3_600
    hub.city.failing_agencies.add("pangan")
    noted = RecordedFreshness()
    found = await load_answers(prices.prices_of, [MARKET.id], hub.build_context(), noted)
    ((name, key, facet, said),) = noted.old
    assert (name, key, facet, said.reason) == ("prices_of", MARKET.id, None, "AGENCY_UNAVAILABLE")
    assert said.as_of.timestamp() == 1_000.0
    assert found[MARKET.id] == (PRICE,)
    assert noted.parts == [(3_600.0, 0.0)]


async def test_a_read_reports_its_oldest_age_and_its_shortest_remaining_freshness() -> None:
    hub, noted = CachedBatchHub(), RecordedFreshness()
    await load_answers(tax.tax_objects_of, [SITI], hub.build_context(), noted)
    hub.clock.now += 50
    await load_answers(tax.tax_objects_of, [NOBODY], hub.build_context(), noted)  # an empty answer stays for a minute
    hub.clock.now += 20
    await load_answers(tax.tax_objects_of, [SITI, NOBODY], hub.build_context(), noted)
    assert noted.parts == [
        (0.0, 600.0),
        (0.0, 60.0),
        (70.0, 40.0),
    ]


async def test_each_facet_has_its_own_age() -> None:
    hub, noted = CachedBatchHub(), RecordedFreshness()
    await load_answers(population.person_facets, [SITI], hub.build_context(CALLERS["the person"], Identity))
    hub.clock.now += 45
    await load_answers(
        population.person_facets, [SITI], hub.build_context(CALLERS["the person"], Identity, Residence), noted
    )
    assert noted.parts == [(45.0, 15.0)]


async def test_without_a_cache_an_answer_is_as_fresh_as_its_batch_declares() -> None:
    hub, noted = CachedBatchHub(), RecordedFreshness()
    context = replace(hub.build_context(), batch_cache=NO_BATCH_CACHE)
    await load_answers(tax.tax_objects_of, [SITI], context, noted)
    await load_answers(prices.markets, ["no such market"], context, noted)
    await load_answers(population.family_cards_of, [SITI], context, noted)
    await load_answers(regions.regions, [], context, noted)
    assert noted.parts == [(0.0, 600.0), (0.0, 60.0), (0.0, 0.0)]


async def test_a_max_age_refreshes_the_cache_for_all_callers() -> None:
    hub = CachedBatchHub()
    await load_answers(tax.tax_objects_of, [SITI], hub.build_context())
    hub.clock.now += 30
    await load_answers(tax.tax_objects_of, [SITI], hub.build_context(max_age=31))
    assert len(hub.asked) == 1
    await load_answers(tax.tax_objects_of, [SITI], hub.build_context(max_age=30))
    assert len(hub.asked) == 2
    noted = RecordedFreshness()
    await load_answers(tax.tax_objects_of, [SITI], hub.build_context(), noted)
    assert (len(hub.asked), noted.parts) == (2, [(0.0, 600.0)])


async def test_a_caller_with_a_purpose_cannot_accept_an_older_answer() -> None:
    hub = CachedBatchHub()
    for _ in range(2):
        await load_answers(tax.tax_objects_of, [SITI], hub.build_context(OFFICIAL, max_age=3_600))
    assert len(hub.asked) == 2


async def test_an_unknown_key_is_the_absent_value_of_its_batch() -> None:
    hub = CachedBatchHub()
    assert await load_answers(population.person_facets, [NOBODY], hub.build_context(OFFICIAL, Identity)) == {}
    assert await load_answers(tax.tax_objects_of, [NOBODY], hub.build_context()) == {}


async def test_everything_about_a_person_is_invalidated_together() -> None:
    hub = CachedBatchHub()
    for each in (tax.tax_objects_of, msmes.msmes_of, complaints.complaints_of):
        await load_answers(each, [SITI, AYU], hub.build_context())
    hub.city.calls.clear()
    assert await hub.batch_cache.invalidate_people([SITI])
    for each in (tax.tax_objects_of, msmes.msmes_of, complaints.complaints_of):
        await load_answers(each, [SITI, AYU], hub.build_context())
    assert {keys for _, keys in hub.asked} == {(SITI,)}
    assert len(hub.asked) == 3


async def test_everything_of_an_agency_is_invalidated_and_nothing_of_others() -> None:
    hub = CachedBatchHub()
    both: tuple[tuple[Batch[Any, Any], Any], ...] = ((tax.tax_objects_of, SITI), (prices.prices_of, MARKET.id))
    for each, key in both:
        await load_answers(each, [key], hub.build_context())
    hub.city.calls.clear()
    assert await hub.batch_cache.invalidate_agency("pangan")
    for each, key in both:
        await load_answers(each, [key], hub.build_context())
    assert [question for question, _ in hub.asked] == ["prices_of"]


async def test_without_a_cache_each_request_calls_the_agency() -> None:
    hub = CachedBatchHub()
    for _ in range(2):
        await load_answers(tax.tax_objects_of, [SITI], replace(hub.build_context(), batch_cache=NO_BATCH_CACHE))
    assert len(hub.asked) == 2


@pytest.mark.parametrize("each", CACHED_BATCHES, ids=lambda each: each.name)
def test_every_cached_batch_can_be_stored_and_loaded_and_has_tags(each: Batch[Any, Any]) -> None:
    freshness = SmallCity().agencies().get_freshness(each)
    assert freshness is not None
    assert freshness.is_personal is (freshness.tags is not None)
    if not each.has_facets:
        CachedBatchReader(CachedBatchHub().cache, timeout=1)._get_kind(each, None, "pbb", freshness)
        assert get_answer_type(each)


def test_a_batch_that_depends_on_the_caller_cannot_be_cached() -> None:
    with pytest.raises(TypeError, match="depends on the caller"):

        @batch(domain=tax.Tax, depends_on_caller=True, caching=PUBLIC)
        async def own(keys: Sequence[Nik], ask: HubBatchContext) -> Answers[Nik, str]:  # noqa: ARG001 - a batch
            """A test batch."""
            return {}


async def test_concurrent_callers_share_one_call() -> None:
    hub = CachedBatchHub()
    kinds = [CALLERS["the person"], CALLERS["another citizen"], Caller(kind=CallerKind.OPERATOR)]
    await asyncio.gather(*(load_answers(tax.tax_objects_of, [SITI], hub.build_context(each)) for each in kinds * 10))
    assert len(hub.asked) == 1


async def test_a_background_refresh_has_its_own_trace_linked_to_the_request() -> None:
    memory, hub = InMemorySpans(), CachedBatchHub()
    request = memory.start_request()
    asked = replace(hub.build_context(), call=replace(CALL, span=request))
    await load_answers(tax.tax_objects_of, [SITI], asked)
    hub.clock.now += 601
    await load_answers(tax.tax_objects_of, [SITI], asked)
    while len(memory.spans) < 3:  # noqa: ASYNC110 - background work sets no event
        await asyncio.sleep(0)
    first, second, renewed = sorted(memory.spans, key=lambda each: each[0] != "batch tax_objects_of")
    assert first[1]["simpul.fetched"] == 1
    assert (second[1]["simpul.fetched"], second[1]["simpul.stale"]) == (0, 1)
    assert renewed == ("renew tax_objects_of", {"simpul.batch": "tax_objects_of"})
    assert sorted(map(len, memory.links)) == [0, 0, 1]
