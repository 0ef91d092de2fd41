"""Shares runs: equal requests that are pending at the same moment are run once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Final, Generic, Protocol, Self, TypeVar

from engine.event_loop import start_task
from records.calls.spans import Span

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)

_RECEIVERS_PER_TURN = 256
"""Receivers that get an answer in one turn of the event loop: a few milliseconds of work."""
_MAX_DEADLINE_DIFFERENCE = 1.0
"""Seconds by which the deadlines of callers who share a run may differ."""


class RunReceiver(Protocol[T_contra]):
    """Waits for a run without a task."""

    def receive_all(self, receivers: Iterable[Self], answer: T_contra, /) -> None:
        """Gives the answer to these receivers of a run, of which it is the first. Must not raise.

        All receivers of a run are of one kind, so that they can do once what is equal for all of them.
        """

    def fail(self, failure: BaseException) -> None:
        """Takes the failure of the run, `CancelledError` for its cancellation. Must not raise."""


class JoinGate:
    """Whether further callers may join a run. The run closes it when it knows what may be outdated for them."""

    __slots__ = ("is_closed",)

    def __init__(self) -> None:
        """Starts open."""
        self.is_closed = False

    def close(self) -> None:
        """Let no further caller join."""
        self.is_closed = True


_ALWAYS_OPEN: Final = JoinGate()


class SharedRun(Generic[T]):
    """One run, and the callers that wait for it."""

    __slots__ = ("deadline", "gate", "key", "receivers", "span", "task", "waiting")

    def __init__(
        self, key: Hashable, task: asyncio.Task[T], deadline: float, span: Span | None, gate: JoinGate
    ) -> None:
        """`deadline` is on the clock of `time.monotonic`; `span` is that of the caller that started the run."""
        self.key = key
        self.task = task
        self.gate = gate
        self.deadline = deadline
        self.span = span
        self.waiting: set[asyncio.Future[T]] = set()
        self.receivers: dict[RunReceiver[T], None] = {}
        """They get the answer in the order in which they came."""


class SingleFlight(Generic[T]):
    """Pending runs by key.

    A run does not belong to the caller that started it: if that caller leaves, the others still get the answer. A run
    is cancelled when no caller waits for it any longer, because nothing keeps its answer. (A fetch of the answer cache,
    `cache/answers/read_through.py`, continues: its answer is cached.)
    """

    def __init__(self, on_join: Callable[[], object] = lambda: None) -> None:
        """Starts without runs. `on_join` is called for each caller that gets the answer of another's run."""
        self._on_join = on_join
        self._runs: dict[Hashable, SharedRun[T]] = {}

    def __len__(self) -> int:
        """The number of pending runs."""
        return len(self._runs)

    async def run(
        self,
        key: Hashable,
        run: Callable[[], Coroutine[None, None, T]],
        *,
        deadline: float = 0.0,
        span: Span | None = None,
        gate: JoinGate = _ALWAYS_OPEN,
    ) -> T:
        """The result of the pending run with this key, or of a new run, which may close its `gate`.

        `deadline` is when the caller stops waiting. A run with a much earlier or later deadline is not joined: its
        answer would lack slow parts, or come too late. The caller's `span` gets a link to the span of a joined run.
        """
        # 1. Join a pending run, or start one.
        shared_run = self.find(key, deadline)
        if shared_run is None:
            task = start_task(run())
            if task.done():  # it never waited
                return task.result() if gate.is_closed else self._share_within_turn(key, task, deadline, span)
            shared_run = self._runs[key] = SharedRun(key, task, deadline, span, gate)
            task.add_done_callback(partial(self._deliver, shared_run))
        else:
            self._on_join()
            if span is not None and shared_run.span is not None:
                span.add_link(shared_run.span)
        if shared_run.task.done():  # it finished in this turn
            return shared_run.task.result()
        # 2. Wait by a separate future: the cancellation of one caller must not affect the run or other callers.
        answer: asyncio.Future[T] = shared_run.task.get_loop().create_future()
        shared_run.waiting.add(answer)
        try:
            return await answer
        finally:
            shared_run.waiting.discard(answer)
            self._end_unwanted(shared_run)

    def find(self, key: Hashable, deadline: float) -> SharedRun[T] | None:
        """The pending run with this key that a caller with this deadline may join."""
        shared_run = self._runs.get(key)
        if shared_run is None or shared_run.gate.is_closed:
            return None
        return None if abs(shared_run.deadline - deadline) > _MAX_DEADLINE_DIFFERENCE else shared_run

    def wait(self, shared_run: SharedRun[T], receiver: RunReceiver[T]) -> None:
        """Let a receiver wait for a run; it gets the answer immediately if the run has ended in this turn."""
        self._on_join()
        shared_run.receivers[receiver] = None
        if shared_run.task.done():
            self._deliver_to_receivers(shared_run)

    def leave(self, shared_run: SharedRun[T], receiver: RunReceiver[T]) -> None:
        """Take a receiver from its run, which is cancelled if no caller waits for it any longer."""
        shared_run.receivers.pop(receiver, None)
        self._end_unwanted(shared_run)

    def _end_unwanted(self, shared_run: SharedRun[T]) -> None:
        if not shared_run.waiting and not shared_run.receivers and not shared_run.task.done():
            self._remove(shared_run)  # a run that is being cancelled must not be joined
            shared_run.task.cancel()

    def _share_within_turn(self, key: Hashable, task: asyncio.Task[T], deadline: float, span: Span | None) -> T:
        """The result, which equal requests of the same turn of the event loop share.

        They count as simultaneous: the hub received them before or during the run.
        """
        answer = task.result()
        if key not in self._runs:
            shared_run = self._runs[key] = SharedRun(key, task, deadline, span, _ALWAYS_OPEN)
            task.get_loop().call_soon(self._remove, shared_run)
        return answer

    def _deliver(self, shared_run: SharedRun[T], task: asyncio.Task[T]) -> None:
        """Pass the outcome to all waiting callers."""
        self._remove(shared_run)
        failure = None if task.cancelled() else task.exception()
        for answer in shared_run.waiting:
            if answer.done():  # cancelled in this turn
                continue
            if task.cancelled():
                answer.cancel()
            elif failure is not None:
                answer.set_exception(failure)
            else:
                answer.set_result(task.result())
        if shared_run.receivers:
            self._deliver_to_receivers(shared_run)

    def _deliver_to_receivers(self, shared_run: SharedRun[T]) -> None:
        """Pass the outcome to the receivers, with a turn for other requests after some hundreds of them."""
        receivers, task = shared_run.receivers, shared_run.task
        failure = asyncio.CancelledError() if task.cancelled() else task.exception()
        batch = tuple(islice(receivers, _RECEIVERS_PER_TURN))
        waiting = _take_each(receivers, batch)
        if failure is not None:
            for receiver in waiting:
                receiver.fail(failure)
        elif batch:
            batch[0].receive_all(waiting, task.result())
        if receivers:
            task.get_loop().call_soon(self._deliver_to_receivers, shared_run)

    def _remove(self, shared_run: SharedRun[T]) -> None:
        if self._runs.get(shared_run.key) is shared_run:
            del self._runs[shared_run.key]


def _take_each(receivers: dict[RunReceiver[T], None], batch: Iterable[RunReceiver[T]]) -> Iterator[RunReceiver[T]]:
    """Take the receivers from those that wait, one by one: one may leave while another gets the answer."""
    for each in batch:
        if receivers.pop(each, each) is None:
            yield each
