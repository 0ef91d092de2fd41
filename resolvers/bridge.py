"""The bridge between graphql-core, which asks for one object at a time, and batches, which take lists.

aiodataloader gathers the keys that are wanted in the same turn of the event loop. One bridge lives as long as one
request: within it each key of a batch is asked once (the request's tier of kept answers).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from aiodataloader import DataLoader

from engine.batch import Batch, load_answers
from engine.execution.answer_freshness import AnswerFreshness
from records.calls.failures import AgencyTimeout
from records.calls.freshness import Staleness
from resolvers.batch_context import HubBatchContext

FacetKey = tuple[Hashable, type[Any] | None]
"""A key and, for a batch of facets, the record class that is wanted of it."""


_CANCEL_TIMEOUT = 1.0
"""Seconds that batches which are stopped may take to clean up before they are left to themselves."""


@dataclass(frozen=True, slots=True)
class _FailedLoad:
    """A failure on its way through aiodataloader, which would forget the key if it saw an exception."""

    failure: Exception
    first_traceback: TracebackType | None
    """Where it was raised first. It is raised again for each key, and every time Python would add to its traceback."""


class Bridge:
    """Answers single keys from batches, for one request."""

    def __init__(self, build_batch_context: Callable[[frozenset[type[Any]]], HubBatchContext]) -> None:
        """Belong to one request. `build_batch_context` makes what a batch is given, for the facets that are wanted."""
        self._build_batch_context = build_batch_context
        self._loaders: dict[Batch[Any, Any], DataLoader[FacetKey, Any]] = {}
        self._running: set[asyncio.Task[Any]] = set()
        self._closed = False
        self._freshness = AnswerFreshness()

    def get_staleness(self, batch: Batch[Any, Any], key: Hashable, facet: type[Any] | None = None) -> Staleness | None:
        """What is said of an answer that was loaded and is no longer fresh; None of one that is."""
        return self._freshness.stale_answers.get((batch, facet), {}).get(key)

    def load(self, batch: Batch[Any, Any], key: Hashable, facet: type[Any] | None = None) -> Awaitable[Any]:
        """The answer for one key, asked together with all keys of the same moment; raises the key's failure."""
        loader = self._loaders.get(batch)
        if loader is None:
            loader = self._loaders[batch] = DataLoader(self._build_loader(batch))
        return _unwrap(loader.load((key, facet)))

    def forget(self) -> None:
        """Ask again from now on, also for what is known: something was changed. Nothing may be under way."""
        self._loaders.clear()
        self._freshness.stale_answers.clear()

    async def close(self) -> None:
        """Stop what still runs: aiodataloader's batches are tasks of their own and would outlive the request."""
        self._closed = True
        running = [task for task in self._running if not task.done()]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=_CANCEL_TIMEOUT)

    def _build_loader(self, batch: Batch[Any, Any]) -> Any:  # noqa: ANN401 - aiodataloader wants a plain coroutine function
        async def answers(wanted: list[FacetKey]) -> list[Any]:
            if self._closed:  # wanted in the very moment in which the request ended
                raise asyncio.CancelledError
            task = asyncio.current_task()
            if task is not None:
                self._running.add(task)
                task.add_done_callback(self._running.discard)
            return await self._load(batch, wanted)

        return answers

    async def _load(self, batch: Batch[Any, Any], wanted: Sequence[FacetKey]) -> list[Any]:
        # Keys that want the same facets go in one call; nothing is fetched for a key that did not want it.
        facets_of: dict[Hashable, set[type[Any]]] = {}
        for key, facet in wanted:
            facets_of.setdefault(key, set()).update(() if facet is None else (facet,))
        groups: dict[frozenset[type[Any]], list[Hashable]] = {}
        for key, facets in facets_of.items():
            groups.setdefault(frozenset(facets), []).append(key)
        answered = await asyncio.gather(*(self._load_group(batch, keys, facets) for facets, keys in groups.items()))
        answers = {key: answer for group in answered for key, answer in group.items()}
        return [_select_facet(answers[key], facet) for key, facet in wanted]

    async def _load_group(
        self, batch: Batch[Any, Any], keys: Sequence[Hashable], facets: frozenset[type[Any]]
    ) -> Mapping[Hashable, Any]:
        context = self._build_batch_context(facets)
        late = asyncio.timeout(context.call.remaining())
        try:
            async with late:
                answers = await load_answers(batch, keys, context, self._freshness)
        except TimeoutError as failure:
            if late.expired():
                failed = AgencyTimeout(batch.agency or "hub", "no answer before the deadline of the request")
                return dict.fromkeys(keys, _to_failed_load(failed))
            return dict.fromkeys(keys, _to_failed_load(failure))
        except Exception as failure:  # noqa: BLE001 - a whole call that failed is the failure of each of its keys
            return dict.fromkeys(keys, _to_failed_load(failure))
        return {key: _wrap_failure(answers.get(key, batch.absent)) for key in keys}


def _wrap_failure(answer: object) -> object:
    return _to_failed_load(answer) if isinstance(answer, Exception) else answer


def _to_failed_load(failure: Exception) -> _FailedLoad:
    return _FailedLoad(failure, failure.__traceback__)


def _select_facet(answer: Any, facet: type[Any] | None) -> Any:  # noqa: ANN401 - whatever the batch answers
    if facet is None or answer is None or isinstance(answer, _FailedLoad):
        return answer
    return _wrap_failure(answer.get(facet))


async def _unwrap(answer: Awaitable[Any]) -> Any:  # noqa: ANN401 - whatever the batch answers
    # Where a null is passed on to a parent, graphql-core cancels what is still waited for below it. Others may wait for
    # the same key: it must not be cancelled with the first of them.
    value = await asyncio.shield(answer)
    if isinstance(value, _FailedLoad):
        raise value.failure.with_traceback(value.first_traceback)
    return value
