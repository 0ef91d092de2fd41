"""Batches read through what is kept: from keys and facets to slots, and back to what the batch would answer.

Each facet is kept by itself. What a batch is asked for is what is missing, and nothing else: keys of which the same
facets are missing go together.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from time import monotonic
from typing import Any, get_args, get_type_hints

from auth.rules import heeds_wishes
from cache.codec import RecordCodec
from cache.hits import Hits
from cache.read_through import ReadThrough
from cache.slots import Given, Kind, Slot
from engine.batch import Batch, Notes, asked
from records.answers import Answers
from records.call import Call
from records.consents import Consent
from records.failures import AgencyFailure
from records.freshness import Freshness
from records.identifiers import Nik
from records.spans import Span
from resolvers.ask import Ask
from resolvers.tags import by_person, of_agency

Facet = type[Any] | None

_AT, _FRESH_UNTIL = attrgetter("at"), attrgetter("fresh_until")


class NotForgotten(Exception):  # noqa: N818 - a condition, not a fault
    """What should go away may still be kept elsewhere. The text is for the log."""


class KeptBatches:
    """Reads the hub's batches through what is kept."""

    def __init__(self, through: ReadThrough, *, patience: float) -> None:
        """`patience`: how many seconds what is asked for anew in the background may take."""
        self._through = through
        self._patience = patience
        self._kinds: dict[tuple[Batch[Any, Any], Facet], Kind] = {}
        self.hits: defaultdict[str, Hits] = defaultdict(Hits)
        """What was found kept, by agency."""

    async def read(
        self, batch: Batch[Any, Any], keys: Sequence[Any], ask: Ask, notes: Notes | None = None
    ) -> Answers[Any, Any]:
        """As the batch would answer; `notes` are told how fresh that is."""
        wanted: Sequence[Facet] = _in_order(ask.facets) if batch.facets else (None,)
        facet_of = {self._kind(batch, facet): facet for facet in wanted}
        slots = [Slot(kind, key) for kind in facet_of for key in keys]

        fetched = 0

        async def fetch(missing: Sequence[Slot], in_background: bool) -> Mapping[Slot, Any]:  # noqa: FBT001 - see `Fetch`
            nonlocal fetched
            if not in_background:
                fetched += len(missing)
                return await _fetched(batch, missing, facet_of, ask)
            anew = self._own_call(ask.call, batch)
            try:
                return await _fetched(batch, missing, facet_of, replace(ask, call=anew))
            finally:
                if anew.span is not None:
                    anew.span.end()

        span = _sampled(ask.call)
        given = await self._through.read(slots, fetch, at_most_old=_oldest(batch, ask), span=span)
        if span is not None:
            _tell(span, given, fetched)
        if notes is not None and given:
            self._note(notes, batch, given, facet_of)
        return _answers(given, facet_of) if batch.facets else _plain(given)

    def _note(
        self, notes: Notes, batch: Batch[Any, Any], given: Mapping[Slot, Given], facet_of: Mapping[Kind, Facet]
    ) -> None:
        for slot, each in given.items():
            if each.staleness is not None:
                notes.stale(batch, slot.key, facet_of[slot.kind], each.staleness)
        now = self._through.now()
        oldest, fresh_until = min(map(_AT, given.values())), min(map(_FRESH_UNTIL, given.values()))
        notes.lasts(batch, max(now - oldest, 0.0), max(fresh_until - now, 0.0))

    async def forget_people(self, people: Sequence[Nik]) -> bool:
        """Let what is about these people go away, whoever said it; False where other processes could not be told."""
        return await self._through.invalidate([tag for nik in people for tag in by_person(nik)])

    async def purge(self, consent: Consent) -> Mapping[str, int]:
        """Let what is kept of the person go away when a consent ends: nobody knows under which consent it was fetched.

        Raises `NotForgotten` where other processes could not be told: it has to be tried again.
        """
        if not await self.forget_people([consent.subject]):
            raise NotForgotten("not every process could be told")
        return {"kept answers of": 1}

    async def forget_agency(self, agency: str) -> bool:
        """Let all that an agency said go away; False where other processes could not be told."""
        return await self._through.invalidate([of_agency(agency)])

    def _kind(self, batch: Batch[Any, Any], facet: Facet) -> Kind:
        kind = self._kinds.get((batch, facet))
        if kind is None:
            if batch.freshness is None:
                raise TypeError(f"{batch!r} says nothing of freshness; what it answers is not kept.")
            codec = RecordCodec(answer_type(batch) if facet is None else facet)
            name = f"{batch.name}:{'' if facet is None else facet.__name__}:{codec.form}"
            hits = self.hits[batch.agency or "hub"]
            kind = self._kinds[batch, facet] = Kind(name, _tagged(batch, batch.freshness), codec, hits)
        return kind

    def _own_call(self, call: Call, batch: Batch[Any, Any]) -> Call:
        """For what nobody waits for: a deadline and a trace of its own."""
        span = None if call.span is None else call.span.apart(f"renew {batch.name}", {"simpul.batch": batch.name})
        return Call(deadline=monotonic() + self._patience, request_id=call.request_id, span=span)


def _sampled(call: Call) -> Span | None:
    """What is told of the call of the batch, where anything is told."""
    return call.span if call.span is not None and call.span.sampled else None


def _tell(span: Span, given: Mapping[Slot, Given], fetched: int) -> None:
    """Tell traces what of the answers was kept: `joined` is told where it is waited for."""
    span.note("simpul.answers", len(given))
    span.note("simpul.fetched", fetched)
    span.note("simpul.stale", sum(each.staleness is not None for each in given.values()))
    span.note("simpul.unknown", sum(each.value is None for each in given.values()))


def _tagged(batch: Batch[Any, Any], freshness: Freshness) -> Freshness:
    """With the tag by which everything that the agency said goes away."""
    own, all_of_it = freshness.tags, of_agency(batch.agency or "hub")
    tags = (lambda _key: (all_of_it,)) if own is None else (lambda key: (all_of_it, *own(key)))
    return replace(freshness, tags=tags)


def _in_order(facets: frozenset[type[Any]]) -> Sequence[type[Any]]:
    return sorted(facets, key=lambda each: each.__name__)


def answer_type(batch: Batch[Any, Any]) -> Any:  # noqa: ANN401 - a type
    """What a batch answers for one key: `V` of its `Answers[K, V]`, failures left out, sequences as tuples."""
    answered = get_args(get_type_hints(batch.run)["return"])[1]
    of_records = [each for each in get_args(answered) if each is not AgencyFailure]
    (only,) = of_records
    inner = get_args(only)
    return tuple[inner[0], ...] if getattr(only, "__origin__", None) is Sequence else only  # type: ignore[valid-type]  # built at run time


def _oldest(batch: Batch[Any, Any], ask: Ask) -> float:
    """How old an answer may be for this caller, who may want it younger."""
    of_batch = None if batch.freshness is None else batch.freshness.for_a_purpose
    at_most_old = ask.call.at_most_old
    return at_most_old if of_batch is None or not heeds_wishes(ask.caller) else min(of_batch, at_most_old)


async def _fetched(
    batch: Batch[Any, Any], missing: Sequence[Slot], facet_of: Mapping[Kind, Facet], ask: Ask
) -> Mapping[Slot, Any]:
    """What the agency says of slots: keys of which the same facets are missing are asked for in one call."""
    by_key: dict[Hashable, list[Slot]] = {}
    for slot in missing:
        by_key.setdefault(slot.key, []).append(slot)
    groups: dict[frozenset[Kind], list[Hashable]] = {}
    for key, slots in by_key.items():
        groups.setdefault(frozenset(slot.kind for slot in slots), []).append(key)
    if len(groups) == 1:
        ((kinds, keys),) = groups.items()
        return await _of_group(batch, kinds, keys, facet_of, ask)
    parts = await asyncio.gather(*(_failing_alone(batch, kinds, keys, facet_of, ask) for kinds, keys in groups.items()))
    return {slot: answer for part in parts for slot, answer in part.items()}


async def _failing_alone(
    batch: Batch[Any, Any], kinds: frozenset[Kind], keys: Sequence[Hashable], facet_of: Mapping[Kind, Facet], ask: Ask
) -> Mapping[Slot, Any]:
    try:
        return await _of_group(batch, kinds, keys, facet_of, ask)
    except Exception as failure:  # noqa: BLE001 - a call that failed is the failure of its own keys
        return {Slot(kind, key): failure for kind in kinds for key in keys}


async def _of_group(
    batch: Batch[Any, Any], kinds: frozenset[Kind], keys: Sequence[Hashable], facet_of: Mapping[Kind, Facet], ask: Ask
) -> Mapping[Slot, Any]:
    facets = frozenset(facet for kind in kinds if (facet := facet_of[kind]) is not None)
    answers = await asked(batch, keys, replace(ask, facets=facets) if batch.facets else ask)
    found: dict[Slot, Any] = {}
    for key, answer in answers.items():
        for kind in kinds:
            facet = facet_of[kind]
            found[Slot(kind, key)] = answer if facet is None or isinstance(answer, Exception) else answer.get(facet)
    return found


def _plain(given: Mapping[Slot, Given]) -> Answers[Any, Any]:
    return {slot.key: each.value for slot, each in given.items() if each.value is not None}


def _answers(given: Mapping[Slot, Given], facet_of: Mapping[Kind, Facet]) -> Answers[Any, Any]:
    """By key, its facets; a facet that failed stands as its failure, and fails alone."""
    answers: dict[Any, dict[Any, Any]] = {}
    for slot, each in given.items():
        answers.setdefault(slot.key, {})[facet_of[slot.kind]] = each.value
    return {key: facets for key, facets in answers.items() if any(value is not None for value in facets.values())}
