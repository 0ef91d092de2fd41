"""All reads of one request: equal keys once, and one call for all that is wanted in the same turn of the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Iterable, Mapping, Sequence
from typing import Any

from engine.batch import Agencies, Ask, Batch, answers_of
from engine.how_fresh import HowFresh
from engine.plan.begun import begun
from engine.plan.slices import SLICE, slices

Facet = type[Any] | None
Wanted = tuple[Batch[Any, Any], Facet]

_FAREWELL = 1.0
"""Seconds that calls which are stopped may take to clean up before they are left to themselves."""

_AT_ONCE = 4
"""Steps in a row that are taken in one turn of the event loop, where answers are there at once."""


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
        self.waits: Callable[[], None] = _nothing
        """Is called whenever a call was begun that has to be waited for."""
        self.elsewhere: set[asyncio.Task[None]] = set()
        """What else is under way in the run, and may want more."""
        self._ask = ask
        self._loop = asyncio.get_running_loop()
        self._reads: dict[Wanted, Read] = {}
        self._pending: list[Read] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._held = True
        self._too_late: Callable[[Batch[Any, Any]], Exception] | None = None
        self._closed = False
        self.how_fresh = HowFresh()
        """How fresh what was given is."""
        self._agencies: Agencies | None = None

    def want(
        self,
        batch: Batch[Any, Any],
        facet: Facet,
        keys: Mapping[Hashable, None],
        then: Callable[[Mapping[Hashable, Any]], None],
        *,
        named: int | None = None,
    ) -> None:
        """Call `then` with the answers, as soon as every key has one; at once where all are known.

        `named` says how often the keys stand in what was read so far, where that is more often than once each.
        """
        read = self._reads.get((batch, facet))
        if read is None:
            read = self._reads[batch, facet] = Read(batch, facet)
        read.wanted += len(keys) if named is None else named
        missing = set(keys).difference(read.known) if read.known else set(keys)
        if not missing:
            then(read.known)
            return
        if self._too_late is not None:
            read.known.update(dict.fromkeys(missing, Failed(self._too_late(batch))))
            then(read.known)
            return
        read.waiting.append(Waiting(missing, then))
        fresh = missing - read.asked if read.asked else missing
        if fresh:
            if not read.pending:
                self._pending.append(read)
            read.pending.update(keys if len(fresh) == len(keys) else dict.fromkeys(key for key in keys if key in fresh))
            read.asked |= fresh
            if not self._held:
                self._held = True
                self._loop.call_soon(self.dispatch)

    def known(self, batch: Batch[Any, Any], key: Hashable, otherwise: Any) -> Any:  # noqa: ANN401 - any answer
        """What is known by now for a key of a batch without facets, a failure included."""
        read = self._reads.get((batch, None))
        return otherwise if read is None else read.known.get(key, otherwise)

    def forget(self) -> None:
        """Ask again from now on, also for what is known: something was changed. Nothing may be under way."""
        self._count()
        self._reads.clear()
        self.how_fresh.old.clear()
        self._held = True

    def _count(self) -> None:
        """Count what was wanted, once and again, for each agency."""
        if self._agencies is not None:
            for read in self._reads.values():
                if read.batch.agency is not None:
                    reads = self._agencies.reads[read.batch.agency]
                    once = len(read.asked)
                    reads.once += once
                    reads.again += max(0, read.wanted - once)

    def end(self, failure: Callable[[Batch[Any, Any]], Exception]) -> None:
        """Ask nobody any more: what is not known by now is the failure of its batch."""
        self._too_late = failure
        self._pending.clear()
        for task in self._tasks:
            task.cancel()
        while waiting := [read for read in self._reads.values() if read.waiting]:
            for read in waiting:  # what goes on from here may want more, and gets its failure at once
                steps, read.waiting = read.waiting, []
                failed = Failed(failure(read.batch))
                for step in steps:
                    for key in step.missing:
                        read.known.setdefault(key, failed)
                for step in steps:
                    step.then(read.known)

    async def close(self) -> None:
        """Stop what still runs, and wait a moment until it has stopped."""
        self._closed = True
        # What belongs to each other in a circle (a failure knows by its traceback who knows it) would have to wait for
        # the garbage collector, with the whole answer.
        self.waits = _nothing
        self._count()
        for read in self._reads.values():
            read.known.clear()
        running = [task for task in self._tasks if not task.done()]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=_FAREWELL)

    def dispatch(self) -> None:
        """Ask for all that is wanted by now. What is wanted first waits for this call, what comes later for its turn.

        What is wanted because answers were there at once is asked for at once too, a few times, as long as nothing is
        under way that could be ready in the same turn and want the same.
        """
        for _ in range(_AT_ONCE):
            pending, self._pending = self._pending, []
            self._held = bool(pending)
            if self._closed or not pending:  # wanted in the very moment in which the request ended
                return
            for reads, keys in _calls(pending):
                self._begin(self._call(reads, keys))
            if self._tasks or self.elsewhere:
                break
        if self._pending:
            self._loop.call_soon(self.dispatch)
        else:
            self._held = False

    def _begin(self, call: Coroutine[Any, Any, None]) -> None:
        """Run the call; where it answers without waiting for anything, it is over when this returns (Python 3.12)."""
        task = begun(call)
        if not task.done():
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            self.waits()

    async def _call(self, reads: Sequence[Read], keys: list[Hashable]) -> None:
        batch = reads[0].batch
        try:
            facets = frozenset(read.facet for read in reads if read.facet is not None)
            ask = self._ask(facets)
            self._agencies = ask.agencies
            answers = await answers_of(batch, keys, ask, self.how_fresh)
            parts = [await _part(batch, read.facet, keys, answers) for read in reads]
        except asyncio.CancelledError:
            if self._closed or self._too_late is not None:
                raise
            # Somebody else stopped what the batch waited for; whoever waits for the batch must not wait for ever.
            parts = _failed(reads, keys, RuntimeError(f"{batch!r} was cancelled."))
        except Exception as failure:  # noqa: BLE001 - a whole call that failed is the failure of each of its keys
            parts = _failed(reads, keys, failure)
        for read, part in zip(reads, parts, strict=True):
            read.settle(part)


def _nothing() -> None:
    """Nobody wants to know."""


class Read:
    """What one run wants of one batch, and of one facet of its answers."""

    __slots__ = ("asked", "batch", "facet", "known", "pending", "waiting", "wanted")

    def __init__(self, batch: Batch[Any, Any], facet: Facet) -> None:
        """Nothing is wanted yet."""
        self.batch = batch
        self.facet = facet
        self.known: dict[Hashable, Any] = {}
        self.asked: set[Hashable] = set()
        self.pending: dict[Hashable, None] = {}
        """What is to be asked in this turn of the event loop."""
        self.waiting: list[Waiting] = []
        self.wanted = 0
        """How often its keys were wanted."""

    def taken(self) -> dict[Hashable, None]:
        """What is to be asked; from now on it is under way."""
        keys, self.pending = self.pending, {}
        return keys

    def settle(self, part: dict[Hashable, Any]) -> None:
        """Take answers, and let the steps go on that have all of theirs."""
        if self.known:
            self.known.update(part)
        else:
            self.known = part
        if len(self.waiting) == 1 and self.waiting[0].missing <= part.keys():
            step = self.waiting.pop()
            step.then(self.known)
            return
        ready: list[Waiting] = []
        still: list[Waiting] = []
        for step in self.waiting:
            step.missing -= part.keys()
            (still if step.missing else ready).append(step)
        self.waiting = still
        for step in ready:
            step.then(self.known)


class Waiting:
    """A step that waits for keys."""

    __slots__ = ("missing", "then")

    def __init__(self, missing: set[Hashable], then: Callable[[Mapping[Hashable, Any]], None]) -> None:
        """Wait for the keys, then go on."""
        self.missing = missing
        self.then = then


def _calls(pending: Sequence[Read]) -> Iterable[tuple[Sequence[Read], list[Hashable]]]:
    """Which keys are asked together: those of which the same facets are wanted."""
    if len(pending) == 1:
        return [(pending, list(pending[0].taken()))]
    by_batch: dict[Batch[Any, Any], list[Read]] = {}
    for read in pending:
        by_batch.setdefault(read.batch, []).append(read)
    calls: list[tuple[Sequence[Read], list[Hashable]]] = []
    for reads in by_batch.values():
        if len(reads) == 1:
            calls.append((reads, list(reads[0].taken())))
            continue
        reads_of: dict[Hashable, list[Read]] = {}
        for read in reads:
            for key in read.taken():
                reads_of.setdefault(key, []).append(read)
        groups: dict[tuple[Read, ...], list[Hashable]] = {}
        for key, wanting in reads_of.items():
            groups.setdefault(tuple(wanting), []).append(key)
        calls.extend(groups.items())
    return calls


def _failed(reads: Sequence[Read], keys: Sequence[Hashable], failure: Exception) -> list[dict[Hashable, Any]]:
    failed = Failed(failure)
    return [dict.fromkeys(keys, failed) for _ in reads]


async def _part(
    batch: Batch[Any, Any], facet: Facet, keys: list[Hashable], answers: Mapping[Hashable, Any]
) -> dict[Hashable, Any]:
    """What each key stands for; where the keys are very many, piece by piece."""
    if len(keys) <= SLICE:
        return _part_of(batch, facet, keys, answers)
    part: dict[Hashable, Any] = {}
    for piece in slices(len(keys)):
        part.update(_part_of(batch, facet, keys[piece], answers))
        await asyncio.sleep(0)
    return part


def _part_of(
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
