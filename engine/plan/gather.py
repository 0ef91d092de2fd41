"""All reads of one request: equal keys once, and one call for all that is wanted in the same turn of the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from engine.batch import Ask, Batch

Facet = type[Any] | None
Wanted = tuple[Batch[Any, Any], Facet]

_FAREWELL = 1.0
"""Seconds that calls which are stopped may take to clean up before they are left to themselves."""


class Failed:
    """In place of an answer: why there is none."""

    __slots__ = ("failure",)

    def __init__(self, failure: Exception) -> None:
        """Hold the failure."""
        self.failure = failure


class Gather:
    """Asks batches for the steps of one run."""

    def __init__(self, ask: Callable[[frozenset[type[Any]]], Ask[Any]]) -> None:
        """`ask` makes what a batch is given, for the facets that are wanted."""
        self._ask = ask
        self._loop = asyncio.get_running_loop()
        self._known: dict[Wanted, dict[Hashable, Any]] = {}
        self._asked: dict[Wanted, set[Hashable]] = {}
        self._pending: dict[Wanted, dict[Hashable, None]] = {}
        self._waiting: dict[Wanted, list[Waiting]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._scheduled = False
        self._too_late: Callable[[Batch[Any, Any]], Exception] | None = None
        self._closed = False

    def want(
        self,
        batch: Batch[Any, Any],
        facet: Facet,
        keys: Mapping[Hashable, None],
        then: Callable[[Mapping[Hashable, Any]], None],
    ) -> None:
        """Call `then` with the answers, as soon as every key has one; at once where all are known."""
        wanted = (batch, facet)
        known = self._known.setdefault(wanted, {})
        missing = set(keys).difference(known)
        if not missing:
            then(known)
            return
        if self._too_late is not None:
            known.update(dict.fromkeys(missing, Failed(self._too_late(batch))))
            then(known)
            return
        self._waiting.setdefault(wanted, []).append(Waiting(missing, then))
        asked = self._asked.setdefault(wanted, set())
        fresh = missing - asked
        if fresh:
            asked |= fresh
            pending = self._pending.setdefault(wanted, {})
            pending.update(keys if len(fresh) == len(keys) else dict.fromkeys(key for key in keys if key in fresh))
            if not self._scheduled:
                self._scheduled = True
                self._loop.call_soon(self._dispatch)

    def forget(self) -> None:
        """Ask again from now on, also for what is known: something was changed. Nothing may be under way."""
        self._known.clear()
        self._asked.clear()

    def end(self, failure: Callable[[Batch[Any, Any]], Exception]) -> None:
        """Ask nobody any more: what is not known by now is the failure of its batch."""
        self._too_late = failure
        self._pending.clear()
        for task in self._tasks:
            task.cancel()
        while self._waiting:
            wanted, steps = self._waiting.popitem()
            failed = Failed(failure(wanted[0]))
            known = self._known[wanted]
            for step in steps:
                for key in step.missing:
                    known.setdefault(key, failed)
            for step in steps:
                step.then(known)

    async def close(self) -> None:
        """Stop what still runs, and wait a moment until it has stopped."""
        self._closed = True
        running = [task for task in self._tasks if not task.done()]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=_FAREWELL)

    def _dispatch(self) -> None:
        self._scheduled = False
        pending, self._pending = self._pending, {}
        if self._closed:  # wanted in the very moment in which the request ended
            return
        by_batch: dict[Batch[Any, Any], list[tuple[Facet, dict[Hashable, None]]]] = {}
        for (batch, facet), keys in pending.items():
            by_batch.setdefault(batch, []).append((facet, keys))
        for batch, wanted in by_batch.items():
            for facets, asked in _calls(wanted):
                task = self._loop.create_task(self._call(batch, facets, asked))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _call(self, batch: Batch[Any, Any], facets: frozenset[Facet], keys: list[Hashable]) -> None:
        try:
            answers = await batch.run(keys, self._ask(frozenset(each for each in facets if each is not None)))
            parts = {facet: _part(batch, facet, keys, answers) for facet in facets}
        except asyncio.CancelledError:
            if self._closed or self._too_late is not None:
                raise
            # Somebody else stopped what the batch waited for; whoever waits for the batch must not wait for ever.
            parts = dict.fromkeys(facets, dict.fromkeys(keys, Failed(RuntimeError(f"{batch!r} was cancelled."))))
        except Exception as failure:  # noqa: BLE001 - a whole call that failed is the failure of each of its keys
            parts = dict.fromkeys(facets, dict.fromkeys(keys, Failed(failure)))
        for facet, part in parts.items():
            self._settle((batch, facet), part)

    def _settle(self, wanted: Wanted, part: Mapping[Hashable, Any]) -> None:
        known = self._known.setdefault(wanted, {})
        known.update(part)
        still: list[Waiting] = []
        ready: list[Waiting] = []
        for step in self._waiting.pop(wanted, []):
            step.missing -= part.keys()
            (still if step.missing else ready).append(step)
        if still:
            self._waiting.setdefault(wanted, []).extend(still)
        for step in ready:
            step.then(known)


def _calls(wanted: list[tuple[Facet, dict[Hashable, None]]]) -> list[tuple[frozenset[Facet], list[Hashable]]]:
    """Which keys are asked together: those of which the same facets are wanted."""
    if len(wanted) == 1:
        ((only, keys),) = wanted
        return [(frozenset((only,)), list(keys))]
    facets_of: dict[Hashable, set[Facet]] = {}
    for facet, keys in wanted:
        for key in keys:
            facets_of.setdefault(key, set()).add(facet)
    groups: dict[frozenset[Facet], list[Hashable]] = {}
    for key, facets in facets_of.items():
        groups.setdefault(frozenset(facets), []).append(key)
    return list(groups.items())


def _part(
    batch: Batch[Any, Any], facet: Facet, keys: list[Hashable], answers: Mapping[Hashable, Any]
) -> dict[Hashable, Any]:
    """What each key stands for; the answer's part for the facet, where facets were asked."""
    absent = batch.absent
    part: dict[Hashable, Any] = {}
    get = answers.get
    for key in keys:
        answer = get(key, absent)
        if facet is not None and answer is not None and not isinstance(answer, Exception):
            try:
                answer = answer.get(facet)
            except Exception as fault:  # noqa: BLE001 - an answer that holds no facets is the failure of its key
                answer = fault
        part[key] = Failed(answer) if isinstance(answer, Exception) else answer
    return part


class Waiting:
    """A step that waits for keys."""

    __slots__ = ("missing", "then")

    def __init__(self, missing: set[Hashable], then: Callable[[Mapping[Hashable, Any]], None]) -> None:
        """Wait for the keys, then go on."""
        self.missing = missing
        self.then = then
