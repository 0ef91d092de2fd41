"""Runs batches through the answer cache: from keys and facets to cache slots, and back to batch answers.

Each facet is cached separately. Only missing slots are fetched; keys that miss the same facets share one call.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from time import monotonic
from typing import Any, get_args, get_type_hints

from cache.answers.cache_hits import CacheHits
from cache.answers.read_through import ReadThroughCache
from cache.answers.record_codec import RecordCodec
from cache.answers.slots import AnswerKind, CacheResult, Slot
from engine.agencies.agency_codes import HUB
from engine.batch import Batch, Facet, FreshnessRecorder, group_keys, run_batch
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure
from records.calls.freshness import Freshness, Staleness
from records.calls.spans import Span
from records.hub.consents import Consent
from records.identifiers import Nik
from records.search.text_index import TextIndex
from resolvers.batch_context import HubBatchContext
from resolvers.caching import get_agency_tag, get_person_tags

_FETCHED_AT, _FRESH_UNTIL = attrgetter("fetched_at"), attrgetter("fresh_until")


class NotInvalidated(Exception):  # noqa: N818 - a condition, not a fault
    """Stale answers may remain in the caches of other processes. The text is for the log."""


class CachedBatchReader:
    """Reads the hub's batches through the answer cache."""

    def __init__(self, cache: ReadThroughCache, *, timeout: float) -> None:
        """`timeout` is in seconds, for fetches that renew answers in the background."""
        self._cache = cache
        self._timeout = timeout
        self._kinds: dict[tuple[Batch[Any, Any], Facet, str], AnswerKind] = {}
        self._indexes: dict[Batch[Any, Any], TextIndex[Any]] = {}
        """The names of the list that was searched last, by batch."""
        self.hits: defaultdict[str, CacheHits] = defaultdict(CacheHits)
        """Cache hits by agency."""

    async def read(
        self,
        batch: Batch[Any, Any],
        keys: Sequence[Any],
        context: HubBatchContext,
        recorder: FreshnessRecorder | None = None,
    ) -> Answers[Any, Any]:
        """The batch's answers; `recorder` receives their freshness."""
        freshness = context.agencies.get_freshness(batch)
        if freshness is None:
            raise TypeError(f"{batch!r} has no lifetimes in the manifest of its agency, so it cannot be cached.")
        if freshness.is_for_reader and any(key != context.caller.nik for key in keys):
            return await _read_current(batch, keys, context, recorder)
        if freshness.searched_field is not None and keys:
            return await self._search(batch, keys, context, recorder, freshness)
        return await self._read(batch, keys, context, recorder, freshness)

    async def _search(
        self,
        batch: Batch[Any, Any],
        queries: Sequence[Any],
        context: HubBatchContext,
        recorder: FreshnessRecorder | None,
        freshness: Freshness,
    ) -> Answers[Any, Any]:
        """The answers of searches for a text, all from one cached list: no text costs a call, or memory."""
        whole = replace(queries[0], search="")
        for_each = None if recorder is None else _RecorderOfQueries(recorder, queries)
        found = (await self._read(batch, [whole], context, for_each, freshness)).get(whole)
        if found is None or isinstance(found, Exception):
            return {} if found is None else dict.fromkeys(queries, found)
        index = self._indexes.get(batch)
        if index is None or index.records is not found:
            index = self._indexes[batch] = TextIndex(found, attrgetter(freshness.searched_field or ""))
        return {query: tuple(index.find(query.search)) for query in queries}

    async def _read(
        self,
        batch: Batch[Any, Any],
        keys: Sequence[Any],
        context: HubBatchContext,
        recorder: FreshnessRecorder | None,
        freshness: Freshness,
    ) -> Answers[Any, Any]:
        wanted: Sequence[Facet] = _sort_facets(context.facets) if batch.has_facets else (None,)
        agency = context.agencies.codes.get(batch.domain) or HUB
        facet_of = {self._get_kind(batch, facet, agency, freshness): facet for facet in wanted}
        slots = [Slot(kind, key) for kind in facet_of for key in keys]

        fetched = 0

        async def fetch(missing: Sequence[Slot], in_background: bool) -> Mapping[Slot, Any]:  # noqa: FBT001 - see `Fetch`
            nonlocal fetched
            if not in_background:
                fetched += len(missing)
                return await _fetch(batch, missing, facet_of, context)
            background_call = self._build_background_call(context.call, batch)
            try:
                return await _fetch(batch, missing, facet_of, replace(context, call=background_call))
            finally:
                if background_call.span is not None:
                    background_call.span.end()

        span = _get_sampled_span(context.call)
        results = await self._cache.read(slots, fetch, max_age=_get_max_age(batch, context), span=span)
        if span is not None:
            _annotate_span(span, results, fetched)
        if recorder is not None and results:
            now = self._cache.clock()
            oldest, fresh_until = min(map(_FETCHED_AT, results.values())), min(map(_FRESH_UNTIL, results.values()))
            recorder.record_lifetime(freshness, max(now - oldest, 0.0), max(fresh_until - now, 0.0))
            for slot, each in results.items():
                if each.staleness is not None:
                    recorder.record_stale(batch, slot.key, facet_of[slot.kind], replace(each.staleness, agency=agency))
        return _to_facet_answers(results, facet_of) if batch.has_facets else _to_answers(results)

    def get_version(self) -> int:
        """The number of invalidations so far."""
        return self._cache.count_invalidations()

    @property
    def may_miss_invalidations(self) -> bool:
        """Whether this process may have missed invalidations of other processes."""
        return self._cache.may_miss_invalidations

    def clock(self) -> float:
        """The time on the clock of cached answers."""
        return self._cache.clock()

    async def invalidate_people(self, people: Sequence[Nik]) -> bool:
        """Invalidate everything about these people, of all agencies; False if other processes could not be reached."""
        return await self._cache.invalidate([tag for nik in people for tag in get_person_tags(nik)])

    async def purge(self, consent: Consent) -> Mapping[str, int]:
        """Invalidate the person's cached answers when a consent ends: the cache does not record under which consent.

        Raises `NotInvalidated` if other processes could not be reached: it has to be tried again.
        """
        if not await self.invalidate_people([consent.subject]):
            raise NotInvalidated("not every process could be reached")
        return {"people_invalidated": 1}

    async def invalidate_agency(self, agency: str) -> bool:
        """Invalidate every answer of an agency; False if other processes could not be reached."""
        return await self._cache.invalidate([get_agency_tag(agency)])

    def _get_kind(self, batch: Batch[Any, Any], facet: Facet, agency: str, freshness: Freshness) -> AnswerKind:
        kind = self._kinds.get((batch, facet, agency))
        if kind is None:
            codec = RecordCodec(get_answer_type(batch) if facet is None else facet)
            name = f"{agency}:{batch.name}:{'' if facet is None else facet.__name__}:{codec.form}"
            tagged = _with_agency_tag(agency, freshness)
            kind = self._kinds[batch, facet, agency] = AnswerKind(name, tagged, codec, self.hits[agency])
        return kind

    def _build_background_call(self, call: Call, batch: Batch[Any, Any]) -> Call:
        """The call for a background fetch, with its own deadline and trace."""
        span = (
            None if call.span is None else call.span.start_linked(f"renew {batch.name}", {"simpul.batch": batch.name})
        )
        return Call(deadline=monotonic() + self._timeout, request_id=call.request_id, span=span)


class _RecorderOfQueries:
    """Records the freshness of the list that several queries search, for each of them."""

    def __init__(self, recorder: FreshnessRecorder, queries: Sequence[Any]) -> None:
        self._recorder = recorder
        self._queries = queries
        self.record_lifetime = recorder.record_lifetime

    def record_stale(self, batch: Batch[Any, Any], _key: Hashable, facet: Facet, staleness: Staleness) -> None:
        for each in self._queries:
            self._recorder.record_stale(batch, each, facet, staleness)


async def _read_current(
    batch: Batch[Any, Any], keys: Sequence[Any], context: HubBatchContext, recorder: FreshnessRecorder | None
) -> Answers[Any, Any]:
    """New answers, for one use."""
    answers = await run_batch(batch, keys, context)
    if recorder is not None:
        recorder.record_lifetime(None, 0.0, 0.0)
    return answers


def _get_sampled_span(call: Call) -> Span | None:
    """The span of the batch call if it is sampled; attributes are written only then."""
    return call.span if call.span is not None and call.span.is_sampled else None


def _annotate_span(span: Span, results: Mapping[Slot, CacheResult], fetched: int) -> None:
    """Record cache use on the span. `joined` is recorded where a run waits for another."""
    span.set_attribute("simpul.answers", len(results))
    span.set_attribute("simpul.fetched", fetched)
    span.set_attribute("simpul.stale", sum(each.staleness is not None for each in results.values()))
    span.set_attribute("simpul.unknown", sum(each.value is None for each in results.values()))


def _with_agency_tag(agency: str, freshness: Freshness) -> Freshness:
    """Add the tag that invalidates every answer of the agency."""
    own, all_of_it = freshness.tags, get_agency_tag(agency)
    tags = (lambda _key: (all_of_it,)) if own is None else (lambda key: (all_of_it, *own(key)))
    return replace(freshness, tags=tags)


def _sort_facets(facets: frozenset[type[Any]]) -> Sequence[type[Any]]:
    return sorted(facets, key=lambda each: each.__name__)


def get_answer_type(batch: Batch[Any, Any]) -> Any:  # noqa: ANN401 - a type
    """The type of one answer: `V` of the batch's `Answers[K, V]`, without failures, sequences as tuples."""
    answered = get_args(get_type_hints(batch.run)["return"])[1]
    of_records = [each for each in get_args(answered) if each is not AgencyFailure]
    (only,) = of_records
    inner = get_args(only)
    return tuple[inner[0], ...] if getattr(only, "__origin__", None) is Sequence else only  # type: ignore[valid-type]  # built at run time


def _get_max_age(batch: Batch[Any, Any], context: HubBatchContext) -> float:
    """The maximum age of an answer in seconds: the smaller of the caller's and, for purposes, the batch's."""
    of_batch = None if batch.caching is None else batch.caching.max_age_for_purpose
    max_age = context.call.max_age
    return max_age if of_batch is None or not context.caller.states_purpose else min(of_batch, max_age)


async def _fetch(
    batch: Batch[Any, Any], missing: Sequence[Slot], facet_of: Mapping[AnswerKind, Facet], context: HubBatchContext
) -> Mapping[Slot, Any]:
    """Fetch slots from the agency: keys that miss the same facets share one call."""
    keys_of: dict[AnswerKind, list[Hashable]] = {}
    for slot in missing:
        keys_of.setdefault(slot.kind, []).append(slot.key)
    groups = group_keys(keys_of)
    if len(groups) == 1:
        ((kinds, keys),) = groups.items()
        return await _fetch_group(batch, kinds, keys, facet_of, context)
    parts = await asyncio.gather(
        *(_fetch_group_or_failure(batch, kinds, keys, facet_of, context) for kinds, keys in groups.items())
    )
    return {slot: answer for part in parts for slot, answer in part.items()}


async def _fetch_group_or_failure(
    batch: Batch[Any, Any],
    kinds: Sequence[AnswerKind],
    keys: Sequence[Hashable],
    facet_of: Mapping[AnswerKind, Facet],
    context: HubBatchContext,
) -> Mapping[Slot, Any]:
    try:
        return await _fetch_group(batch, kinds, keys, facet_of, context)
    except Exception as failure:  # noqa: BLE001 - a failed call fails its own keys only
        return {Slot(kind, key): failure for kind in kinds for key in keys}


async def _fetch_group(
    batch: Batch[Any, Any],
    kinds: Sequence[AnswerKind],
    keys: Sequence[Hashable],
    facet_of: Mapping[AnswerKind, Facet],
    context: HubBatchContext,
) -> Mapping[Slot, Any]:
    facets = frozenset(facet for kind in kinds if (facet := facet_of[kind]) is not None)
    answers = await run_batch(batch, keys, replace(context, facets=facets) if batch.has_facets else context)
    found: dict[Slot, Any] = {}
    for key, answer in answers.items():
        for kind in kinds:
            facet = facet_of[kind]
            found[Slot(kind, key)] = answer if facet is None or isinstance(answer, Exception) else answer.get(facet)
    return found


def _to_answers(results: Mapping[Slot, CacheResult]) -> Answers[Any, Any]:
    return {slot.key: each.value for slot, each in results.items() if each.value is not None}


def _to_facet_answers(results: Mapping[Slot, CacheResult], facet_of: Mapping[AnswerKind, Facet]) -> Answers[Any, Any]:
    """The facets by key; a failed facet is its failure, and the other facets stay."""
    answers: dict[Any, dict[Any, Any]] = {}
    for slot, each in results.items():
        answers.setdefault(slot.key, {})[facet_of[slot.kind]] = each.value
    return {key: facets for key, facets in answers.items() if any(value is not None for value in facets.values())}
