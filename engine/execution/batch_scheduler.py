"""All reads of one request: equal keys once, and one call for all that is wanted in the same turn of the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Iterable, Mapping, Sequence
from typing import Any

from engine.batch import Agencies, Batch, BatchContext, group_keys, load_answers
from engine.event_loop import SLICE, iterate_slices, start_task
from engine.execution.answer_freshness import AnswerFreshness

Facet = type[Any] | None
BatchFacetKey = tuple[Batch[Any, Any], Facet]

_CANCEL_TIMEOUT = 1.0
"""Seconds that calls which are stopped may take to clean up before they are left to themselves."""

_MAX_IMMEDIATE_STEPS = 4
"""Steps in a row that are taken in one turn of the event loop, where answers are there at once."""


class FailedAnswer:
    """In place of an answer: why there is none."""

    __slots__ = ("failure",)

    def __init__(self, failure: Exception) -> None:
        """Hold the failure."""
        self.failure = failure


class BatchScheduler:
    """Asks batches for the steps of one run."""

    def __init__(self, build_batch_context: Callable[[frozenset[type[Any]]], BatchContext[Any]]) -> None:
        """`build_batch_context` makes what a batch is given, for the facets that are wanted."""
        self.on_wait: Callable[[], None] = _ignore_waiting
        """Is called whenever a call was begun that has to be waited for."""
        self.other_tasks: set[asyncio.Task[None]] = set()
        """What else is under way in the run, and may want more."""
        self._build_batch_context = build_batch_context
        self._loop = asyncio.get_running_loop()
        self._reads: dict[BatchFacetKey, BatchRead] = {}
        self._pending: list[BatchRead] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._dispatch_scheduled = True
        self._deadline_failure: Callable[[Batch[Any, Any]], Exception] | None = None
        self._closed = False
        self.freshness = AnswerFreshness()
        """How fresh what was given is."""
        self._agencies: Agencies | None = None

    def request(
        self,
        batch: Batch[Any, Any],
        facet: Facet,
        keys: Mapping[Hashable, None],
        resume: Callable[[Mapping[Hashable, Any]], None],
        *,
        request_count: int | None = None,
    ) -> None:
        """Call `resume` with the answers, as soon as every key has one; at once where all are known.

        `request_count` says how often the keys stand in what was read so far, where that is more often than once each.
        """
        read = self._reads.get((batch, facet))
        if read is None:
            read = self._reads[batch, facet] = BatchRead(batch, facet)
        read.request_count += len(keys) if request_count is None else request_count
        missing = set(keys).difference(read.known) if read.known else set(keys)
        if not missing:
            resume(read.known)
            return
        if self._deadline_failure is not None:
            read.known.update(dict.fromkeys(missing, FailedAnswer(self._deadline_failure(batch))))
            resume(read.known)
            return
        read.waiting.append(WaitingStep(missing, resume))
        fresh = missing - read.asked if read.asked else missing
        if fresh:
            if not read.pending:
                self._pending.append(read)
            read.pending.update(keys if len(fresh) == len(keys) else dict.fromkeys(key for key in keys if key in fresh))
            read.asked |= fresh
            if not self._dispatch_scheduled:
                self._dispatch_scheduled = True
                self._loop.call_soon(self.dispatch)

    def get_known(self, batch: Batch[Any, Any], key: Hashable, default: Any) -> Any:  # noqa: ANN401 - any answer
        """What is known by now for a key of a batch without facets, a failure included."""
        read = self._reads.get((batch, None))
        return default if read is None else read.known.get(key, default)

    def forget(self) -> None:
        """Ask again from now on, also for what is known: something was changed. Nothing may be under way."""
        self._count_reads()
        self._reads.clear()
        self.freshness.stale_answers.clear()
        self._dispatch_scheduled = True

    def _count_reads(self) -> None:
        """Count what was wanted, once and again, for each agency."""
        if self._agencies is not None:
            for read in self._reads.values():
                if read.batch.agency is not None:
                    reads = self._agencies.read_counts[read.batch.agency]
                    once = len(read.asked)
                    reads.first_requests += once
                    reads.repeated_requests += max(0, read.request_count - once)

    def stop(self, failure: Callable[[Batch[Any, Any]], Exception]) -> None:
        """Ask nobody any more: what is not known by now is the failure of its batch."""
        self._deadline_failure = failure
        self._pending.clear()
        for task in self._tasks:
            task.cancel()
        while waiting := [read for read in self._reads.values() if read.waiting]:
            for read in waiting:  # what goes on from here may want more, and gets its failure at once
                steps, read.waiting = read.waiting, []
                failed = FailedAnswer(failure(read.batch))
                for step in steps:
                    for key in step.missing:
                        read.known.setdefault(key, failed)
                for step in steps:
                    step.resume(read.known)

    async def close(self) -> None:
        """Stop what still runs, and wait a moment until it has stopped."""
        self._closed = True
        # What belongs to each other in a circle (a failure knows by its traceback who knows it) would have to wait for
        # the garbage collector, with the whole answer.
        self.on_wait = _ignore_waiting
        self._count_reads()
        for read in self._reads.values():
            read.known.clear()
        running = [task for task in self._tasks if not task.done()]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=_CANCEL_TIMEOUT)

    def dispatch(self) -> None:
        """Ask for all that is wanted by now. What is wanted first waits for this call, what comes later for its turn.

        What is wanted because answers were there at once is asked for at once too, a few times, as long as nothing is
        under way that could be ready in the same turn and want the same.
        """
        for _ in range(_MAX_IMMEDIATE_STEPS):
            pending, self._pending = self._pending, []
            self._dispatch_scheduled = bool(pending)
            if self._closed or not pending:  # wanted in the very moment in which the request ended
                return
            for reads, keys in _group_calls(pending):
                self._begin(self._call(reads, keys))
            if self._tasks or self.other_tasks:
                break
        if self._pending:
            self._loop.call_soon(self.dispatch)
        else:
            self._dispatch_scheduled = False

    def _begin(self, call: Coroutine[Any, Any, None]) -> None:
        """Run the call; where it answers without waiting for anything, it is over when this returns (Python 3.12)."""
        task = start_task(call)
        if not task.done():
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            self.on_wait()

    async def _call(self, reads: Sequence[BatchRead], keys: list[Hashable]) -> None:
        batch = reads[0].batch
        try:
            facets = frozenset(read.facet for read in reads if read.facet is not None)
            context = self._build_batch_context(facets)
            self._agencies = context.agencies
            answers = await load_answers(batch, keys, context, self.freshness)
            parts = [await _select_facet(batch, read.facet, keys, answers) for read in reads]
        except asyncio.CancelledError:
            if self._closed or self._deadline_failure is not None:
                raise
            # Somebody else stopped what the batch waited for; whoever waits for the batch must not wait for ever.
            parts = _fail_all(reads, keys, RuntimeError(f"{batch!r} was cancelled."))
        except Exception as failure:  # noqa: BLE001 - a whole call that failed is the failure of each of its keys
            parts = _fail_all(reads, keys, failure)
        for read, part in zip(reads, parts, strict=True):
            read.settle(part)


def _ignore_waiting() -> None:
    """Nobody wants to know."""


class BatchRead:
    """What one run wants of one batch, and of one facet of its answers."""

    __slots__ = ("asked", "batch", "facet", "known", "pending", "request_count", "waiting")

    def __init__(self, batch: Batch[Any, Any], facet: Facet) -> None:
        """Nothing is wanted yet."""
        self.batch = batch
        self.facet = facet
        self.known: dict[Hashable, Any] = {}
        self.asked: set[Hashable] = set()
        self.pending: dict[Hashable, None] = {}
        """What is to be asked in this turn of the event loop."""
        self.waiting: list[WaitingStep] = []
        self.request_count = 0
        """How often its keys were wanted."""

    def take_pending(self) -> dict[Hashable, None]:
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
            step.resume(self.known)
            return
        ready: list[WaitingStep] = []
        still: list[WaitingStep] = []
        for step in self.waiting:
            step.missing -= part.keys()
            (still if step.missing else ready).append(step)
        self.waiting = still
        for step in ready:
            step.resume(self.known)


class WaitingStep:
    """A step that waits for keys."""

    __slots__ = ("missing", "resume")

    def __init__(self, missing: set[Hashable], resume: Callable[[Mapping[Hashable, Any]], None]) -> None:
        """Wait for the keys, then go on."""
        self.missing = missing
        self.resume = resume


def _group_calls(pending: Sequence[BatchRead]) -> Iterable[tuple[Sequence[BatchRead], list[Hashable]]]:
    """Which keys are asked together: those of which the same facets are wanted."""
    if len(pending) == 1:
        return [(pending, list(pending[0].take_pending()))]
    by_batch: dict[Batch[Any, Any], list[BatchRead]] = {}
    for read in pending:
        by_batch.setdefault(read.batch, []).append(read)
    calls: list[tuple[Sequence[BatchRead], list[Hashable]]] = []
    for reads in by_batch.values():
        if len(reads) == 1:
            calls.append((reads, list(reads[0].take_pending())))
            continue
        calls.extend(group_keys({read: read.take_pending() for read in reads}).items())
    return calls


def _fail_all(reads: Sequence[BatchRead], keys: Sequence[Hashable], failure: Exception) -> list[dict[Hashable, Any]]:
    failed = FailedAnswer(failure)
    return [dict.fromkeys(keys, failed) for _ in reads]


async def _select_facet(
    batch: Batch[Any, Any], facet: Facet, keys: list[Hashable], answers: Mapping[Hashable, Any]
) -> dict[Hashable, Any]:
    """What each key stands for; where the keys are very many, piece by piece."""
    if len(keys) <= SLICE:
        return _select_facet_of_slice(batch, facet, keys, answers)
    part: dict[Hashable, Any] = {}
    for piece in iterate_slices(len(keys)):
        part.update(_select_facet_of_slice(batch, facet, keys[piece], answers))
        await asyncio.sleep(0)
    return part


def _select_facet_of_slice(
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
        part[key] = FailedAnswer(answer) if isinstance(answer, Exception) else answer
    return part
