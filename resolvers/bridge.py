"""The bridge between graphql-core, which loads one object at a time, and batches, which take lists.

aiodataloader collects the keys that are loaded in the same iteration of the event loop. A bridge lives for one request:
within it, each key of a batch is loaded once (the per-request cache).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from aiodataloader import DataLoader

from engine.batch import Batch, Facet, group_keys, load_answers
from engine.execution.answer_freshness import AnswerFreshness
from records.calls.failures import AgencyTimeout
from records.calls.freshness import Staleness
from resolvers.batch_context import HubBatchContext

FacetKey = tuple[Hashable, Facet]
"""A key and, for a batch of facets, the record class that is wanted."""

_CANCEL_TIMEOUT = 1.0
"""Seconds that cancelled batches may take to clean up; after that they are abandoned."""


@dataclass(frozen=True, slots=True)
class _FailedLoad:
    """A failure wrapped for aiodataloader, which would forget the key if it received an exception."""

    failure: Exception
    first_traceback: TracebackType | None
    """The traceback of the first raise. Each key raises the failure again, and Python would extend the traceback."""


class Bridge:
    """Loads single keys through batches, for one request."""

    def __init__(self, build_batch_context: Callable[[frozenset[type[Any]]], HubBatchContext]) -> None:
        """`build_batch_context` builds the context of a batch call for the wanted facets."""
        self._build_batch_context = build_batch_context
        self._loaders: dict[Batch[Any, Any], DataLoader[FacetKey, Any]] = {}
        self._running: set[asyncio.Task[Any]] = set()
        self._closed = False
        self._freshness = AnswerFreshness()

    def get_staleness(self, batch: Batch[Any, Any], key: Hashable, facet: Facet = None) -> Staleness | None:
        """The staleness of a loaded answer; None if the answer is fresh."""
        return self._freshness.stale_answers.get((batch, facet), {}).get(key)

    def load(self, batch: Batch[Any, Any], key: Hashable, facet: Facet = None) -> Awaitable[Any]:
        """Load one key, batched with all keys of the same moment; raises the key's failure."""
        loader = self._loaders.get(batch)
        if loader is None:
            loader = self._loaders[batch] = DataLoader(self._build_loader(batch))
        return _unwrap(loader.load((key, facet)))

    def drop_known_answers(self) -> None:
        """Load every key again from now on, because a mutation ran. No load may be in flight."""
        self._loaders.clear()
        self._freshness.stale_answers.clear()

    async def close(self) -> None:
        """Cancel running batches: aiodataloader runs them as separate tasks, which would outlive the request."""
        self._closed = True
        running = [task for task in self._running if not task.done()]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=_CANCEL_TIMEOUT)

    def _build_loader(self, batch: Batch[Any, Any]) -> Any:  # noqa: ANN401 - aiodataloader wants a plain coroutine function
        async def answers(wanted: list[FacetKey]) -> list[Any]:
            if self._closed:  # loaded at the moment when the request ended
                raise asyncio.CancelledError
            task = asyncio.current_task()
            if task is not None:
                self._running.add(task)
                task.add_done_callback(self._running.discard)
            return await self._load(batch, wanted)

        return answers

    async def _load(self, batch: Batch[Any, Any], wanted: Sequence[FacetKey]) -> list[Any]:
        keys_of: dict[Facet, list[Hashable]] = {}
        for key, facet in wanted:
            keys_of.setdefault(facet, []).append(key)
        answered = await asyncio.gather(
            *(self._load_group(batch, keys, facets) for facets, keys in group_keys(keys_of).items())
        )
        answers = {key: answer for group in answered for key, answer in group.items()}
        return [_select_facet(answers[key], facet) for key, facet in wanted]

    async def _load_group(
        self, batch: Batch[Any, Any], keys: Sequence[Hashable], facets: Iterable[Facet]
    ) -> Mapping[Hashable, Any]:
        context = self._build_batch_context(frozenset(facet for facet in facets if facet is not None))
        late = asyncio.timeout(context.call.remaining())
        try:
            async with late:
                answers = await load_answers(batch, keys, context, self._freshness)
        except TimeoutError as failure:
            if late.expired():
                failed = AgencyTimeout(
                    context.agencies.codes.describe(batch.domain), "no answer before the deadline of the request"
                )
                return dict.fromkeys(keys, _to_failed_load(failed))
            return dict.fromkeys(keys, _to_failed_load(failure))
        except Exception as failure:  # noqa: BLE001 - a failed call fails each of its keys
            return dict.fromkeys(keys, _to_failed_load(failure))
        absent = batch.get_absent_answer()
        return {key: _wrap_failure(answers.get(key, absent)) for key in keys}


def _wrap_failure(answer: object) -> object:
    return _to_failed_load(answer) if isinstance(answer, Exception) else answer


def _to_failed_load(failure: Exception) -> _FailedLoad:
    return _FailedLoad(failure, failure.__traceback__)


def _select_facet(answer: Any, facet: Facet) -> Any:  # noqa: ANN401 - the answer type of the batch
    if facet is None or answer is None or isinstance(answer, _FailedLoad):
        return answer
    return _wrap_failure(answer.get(facet))


async def _unwrap(answer: Awaitable[Any]) -> Any:  # noqa: ANN401 - the answer type of the batch
    # When a null propagates to a parent, graphql-core cancels the pending loads below it. Other fields may wait for the
    # same key, so the load itself must not be cancelled.
    value = await asyncio.shield(answer)
    if isinstance(value, _FailedLoad):
        raise value.failure.with_traceback(value.first_traceback)
    return value
