"""Schedules the reads of one request: each key is loaded once, and keys of one turn of the event loop share a call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Iterable, Mapping, Sequence
from typing import Any

from engine.agencies.bindings import Agencies
from engine.batch import NEVER_ABSENT, Batch, BatchContext, Facet, group_keys, load_answers
from engine.event_loop import SLICE, iterate_slices, start_task
from engine.execution.answer_freshness import AnswerFreshness, BatchFacet

_CANCEL_TIMEOUT = 1.0
"""Seconds that cancelled calls may take to clean up; after that they are abandoned."""

_MAX_DISPATCHES_PER_TURN = 4
"""Maximum dispatches in one turn of the event loop, while batches answer without waiting."""


class FailedAnswer:
    """Replaces an answer that failed."""

    __slots__ = ("failure",)

    def __init__(self, failure: Exception) -> None:
        """Takes the reason."""
        self.failure = failure


class BatchScheduler:
    """Calls batches for the steps of one run."""

    def __init__(self, build_batch_context: Callable[[frozenset[type[Any]]], BatchContext[Any]]) -> None:
        """`build_batch_context` builds the context of a batch call for the requested facets."""
        self.on_wait: Callable[[], None] = _ignore_waiting
        """Called whenever a call starts that does not finish immediately."""
        self.other_tasks: set[asyncio.Task[None]] = set()
        """Other tasks of the run, which may request more keys."""
        self._build_batch_context = build_batch_context
        self._loop = asyncio.get_running_loop()
        self._reads: dict[BatchFacet, BatchRead] = {}
        self._pending: list[BatchRead] = []
        self._tasks: set[asyncio.Task[None]] = set()
        # `PendingWork.wait` dispatches the first keys after all fields have requested them, so `request` must not.
        self._dispatch_scheduled = True
        self._deadline_failure: Callable[[Batch[Any, Any]], Exception] | None = None
        self._closed = False
        self.freshness = AnswerFreshness()
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
        """Call `resume` with the answers as soon as every key has one; immediately if all are known.

        `request_count` counts the keys with their duplicates; without it, each key counts once.
        """
        read = self._reads.get((batch, facet))
        if read is None:
            read = self._reads[batch, facet] = BatchRead(batch, facet)
        read.request_count += len(keys) if request_count is None else request_count
        missing = set(keys).difference(read.answers) if read.answers else set(keys)
        # Known keys cost nothing: the step goes on in the same turn.
        if not missing:
            resume(read.answers)
            return
        # After the deadline there are no more calls.
        if self._deadline_failure is not None:
            read.answers.update(dict.fromkeys(missing, FailedAnswer(self._deadline_failure(batch))))
            resume(read.answers)
            return
        read.waiting.append(WaitingStep(missing, resume))
        # Keys that another step requested are on their way already; only new ones go into the next call.
        new = missing - read.requested if read.requested else missing
        if new:
            if not read.pending:
                self._pending.append(read)
            # Sets have no order: the call gets its keys in the order of the request.
            read.pending.update(keys if len(new) == len(keys) else dict.fromkeys(key for key in keys if key in new))
            read.requested |= new
            # Dispatch after the callbacks that are ready now, because their steps may request keys for the same call.
            if not self._dispatch_scheduled:
                self._dispatch_scheduled = True
                self._loop.call_soon(self.dispatch)

    def get_known(self, batch: Batch[Any, Any], key: Hashable, default: Any) -> Any:  # noqa: ANN401 - any answer
        """The known answer for a key of a batch without facets, or the `FailedAnswer`; else the default."""
        read = self._reads.get((batch, None))
        return default if read is None else read.answers.get(key, default)

    def drop_known_answers(self) -> None:
        """Load every key again from now on, because a mutation ran. No call may be in flight."""
        self._count_reads()
        self._reads.clear()
        self.freshness.stale_answers.clear()
        self._dispatch_scheduled = True  # as at the start: `PendingWork.wait` dispatches the keys of the next field

    def _count_reads(self) -> None:
        """Add the keys of this run to the counters of each agency."""
        if self._agencies is not None:
            codes = self._agencies.codes
            for read in self._reads.values():
                code = codes.get(read.batch.domain)
                if code is not None:
                    reads = self._agencies.read_counts[code]
                    distinct_keys = len(read.requested)
                    reads.first_requests += distinct_keys
                    reads.repeated_requests += max(0, read.request_count - distinct_keys)

    def stop(self, failure: Callable[[Batch[Any, Any]], Exception]) -> None:
        """Cancel all calls at the deadline. Keys without an answer fail with the `failure` of their batch."""
        self._deadline_failure = failure
        self._pending.clear()
        for task in self._tasks:
            task.cancel()
        while waiting := [read for read in self._reads.values() if read.waiting]:
            for read in waiting:  # a resumed step may request more keys, which fail immediately
                steps, read.waiting = read.waiting, []
                failed = FailedAnswer(failure(read.batch))
                for step in steps:
                    for key in step.missing:
                        read.answers.setdefault(key, failed)
                for step in steps:
                    step.resume(read.answers)

    async def close(self) -> None:
        """Cancel running calls, and wait briefly for their end."""
        self._closed = True
        # Break reference cycles: the traceback of a failure refers to frames that refer to this object. A cycle keeps
        # the whole answer in memory until the garbage collector runs.
        self.on_wait = _ignore_waiting
        self._count_reads()
        for read in self._reads.values():
            read.answers.clear()
        running = [task for task in self._tasks if not task.done()]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=_CANCEL_TIMEOUT)

    def dispatch(self) -> None:
        """Call the batches for all pending keys.

        Answers that are available immediately may lead to more keys. These are dispatched in the same turn, too, but
        only while nothing else runs that could finish in this turn and request keys of the same batches.
        """
        for _ in range(_MAX_DISPATCHES_PER_TURN):
            pending, self._pending = self._pending, []
            self._dispatch_scheduled = bool(pending)
            if self._closed or not pending:  # closed: the request ended in this turn
                return
            for reads, keys in _group_calls(pending):
                self._begin(self._call(reads, keys))
            if self._tasks or self.other_tasks:
                break
        if self._pending:  # in the next turn, so that other requests get their turn, and more keys can join
            self._loop.call_soon(self.dispatch)
        else:
            self._dispatch_scheduled = False

    def _begin(self, call: Coroutine[Any, Any, None]) -> None:
        """Start the call. On Python 3.12 and later, a call that never waits is finished when this returns."""
        task = start_task(call)
        if not task.done():
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            self.on_wait()

    async def _call(self, reads: Sequence[BatchRead], keys: list[Hashable]) -> None:
        batch = reads[0].batch
        try:
            facets = [read.facet for read in reads if read.facet is not None] if batch.has_facets else ()
            context = self._build_batch_context(frozenset(facets))
            self._agencies = context.agencies
            answers = await load_answers(batch, keys, context, self.freshness)
            answers_of_reads = [
                _select_facet_of_slice(batch, read.facet, keys, answers)
                if len(keys) <= SLICE
                else await _select_facet_in_slices(batch, read.facet, keys, answers)
                for read in reads
            ]
        except asyncio.CancelledError:
            if self._closed or self._deadline_failure is not None:
                raise
            # The batch waited for a task that was cancelled elsewhere. Its keys fail, or steps would wait forever.
            answers_of_reads = _fail_all(reads, keys, RuntimeError(f"{batch!r} was cancelled."))
        except Exception as failure:  # noqa: BLE001 - a failed call fails each of its keys
            answers_of_reads = _fail_all(reads, keys, failure)
        for read, answers_by_key in zip(reads, answers_of_reads, strict=True):
            read.store_answers(answers_by_key)


def _ignore_waiting() -> None:
    """The default of `on_wait`."""


class BatchRead:
    """The keys that one run requests of one batch and facet."""

    __slots__ = ("answers", "batch", "facet", "pending", "request_count", "requested", "waiting")

    def __init__(self, batch: Batch[Any, Any], facet: Facet) -> None:
        """Starts without keys."""
        self.batch = batch
        self.facet = facet
        self.answers: dict[Hashable, Any] = {}
        """The known answers by key; a `FailedAnswer` for a failure."""
        self.requested: set[Hashable] = set()
        self.pending: dict[Hashable, None] = {}
        """The keys of the next call."""
        self.waiting: list[WaitingStep] = []
        self.request_count = 0
        """How often its keys were requested, repetitions included."""

    def take_pending(self) -> dict[Hashable, None]:
        """Take the keys of the next call."""
        keys, self.pending = self.pending, {}
        return keys

    def store_answers(self, answers_by_key: dict[Hashable, Any]) -> None:
        """Store answers, and resume the steps whose keys all have one."""
        if self.answers:
            self.answers.update(answers_by_key)
        else:
            self.answers = answers_by_key
        # The common case: one step waits, and this call answers all of its keys.
        if len(self.waiting) == 1 and self.waiting[0].missing <= answers_by_key.keys():
            step = self.waiting.pop()
            step.resume(self.answers)
            return
        # Find all ready steps before the first one is resumed: it may request more keys, and so change `waiting`.
        ready: list[WaitingStep] = []
        still_waiting: list[WaitingStep] = []
        for step in self.waiting:
            step.missing -= answers_by_key.keys()
            (still_waiting if step.missing else ready).append(step)
        self.waiting = still_waiting
        for step in ready:
            step.resume(self.answers)


class WaitingStep:
    """A step of the run that waits for keys."""

    __slots__ = ("missing", "resume")

    def __init__(self, missing: set[Hashable], resume: Callable[[Mapping[Hashable, Any]], None]) -> None:
        """`resume` is called when no key is missing."""
        self.missing = missing
        self.resume = resume


def _group_calls(pending: Sequence[BatchRead]) -> Iterable[tuple[Sequence[BatchRead], list[Hashable]]]:
    """The calls for all pending keys: keys that need the same facets share one call."""
    if all(read.facet is None for read in pending):
        return [((read,), list(read.take_pending())) for read in pending]
    by_batch: dict[Batch[Any, Any], dict[BatchRead, dict[Hashable, None]]] = {}
    for read in pending:
        by_batch.setdefault(read.batch, {})[read] = read.take_pending()
    calls: list[tuple[Sequence[BatchRead], list[Hashable]]] = []
    for keys_by_read in by_batch.values():
        if len(keys_by_read) == 1:
            ((only, keys),) = keys_by_read.items()
            calls.append(((only,), list(keys)))
        else:
            calls.extend(group_keys(keys_by_read).items())
    return calls


def _fail_all(reads: Sequence[BatchRead], keys: Sequence[Hashable], failure: Exception) -> list[dict[Hashable, Any]]:
    failed = FailedAnswer(failure)
    return [dict.fromkeys(keys, failed) for _ in reads]


async def _select_facet_in_slices(
    batch: Batch[Any, Any], facet: Facet, keys: list[Hashable], answers: Mapping[Hashable, Any]
) -> dict[Hashable, Any]:
    """The answers by key, computed in slices, because the keys are many."""
    answers_by_key: dict[Hashable, Any] = {}
    for slice_ in iterate_slices(len(keys)):
        answers_by_key.update(_select_facet_of_slice(batch, facet, keys[slice_], answers))
        await asyncio.sleep(0)
    return answers_by_key


def _select_facet_of_slice(
    batch: Batch[Any, Any], facet: Facet, keys: list[Hashable], answers: Mapping[Hashable, Any]
) -> dict[Hashable, Any]:
    """The answers by key; for a batch of facets, only this facet of each."""
    absent = batch.get_absent_answer() if batch.absent is NEVER_ABSENT else batch.absent
    get = answers.get
    answers_by_key = {key: get(key, absent) for key in keys}
    if facet is not None:
        for key, answer in answers_by_key.items():
            if answer is not None and not isinstance(answer, Exception):
                try:
                    answers_by_key[key] = answer.get(facet)
                except Exception as fault:  # noqa: BLE001 - an answer without facets fails its key
                    answers_by_key[key] = fault
    if any(issubclass(kind, Exception) for kind in set(map(type, answers_by_key.values()))):
        for key, answer in answers_by_key.items():
            if isinstance(answer, Exception):
                answers_by_key[key] = FailedAnswer(answer)
    return answers_by_key
