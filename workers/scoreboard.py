"""Shared state of the workers of a generation: the last heartbeat of each, and its number of connections.

One page of shared memory: three numbers for each worker, each written by one process only.
"""

from __future__ import annotations

import mmap
from time import monotonic

_NUMBERS_PER_SLOT = 3
_BYTES_PER_NUMBER = 8
_ALIVE_WITHIN = 2.5
"""Seconds after its last heartbeat for which a worker counts as accepting."""


class Scoreboard:
    """One slot for each worker. Create it before the fork."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._numbers = memoryview(mmap.mmap(-1, max(workers, 1) * _NUMBERS_PER_SLOT * _BYTES_PER_NUMBER)).cast("d")

    def get_slot(self, number: int) -> WorkerSlot:
        """Returns the slot of one worker, numbered from 0."""
        return WorkerSlot(self._numbers, number)


class WorkerSlot:
    """The state of one worker, and its view of the others (`web.server.connection_acceptor.AcceptorPeers`)."""

    def __init__(self, numbers: memoryview[float], number: int) -> None:
        self._numbers = numbers
        self._at = number * _NUMBERS_PER_SLOT

    @property
    def last_seen(self) -> float:
        """The time of the last heartbeat, on the clock of `time.monotonic`; 0 before the first."""
        return self._numbers[self._at]

    def clear(self) -> None:
        """Resets the slot for a new worker."""
        for at in range(self._at, self._at + _NUMBERS_PER_SLOT):
            self._numbers[at] = 0.0

    def report_connections(self, connections: int) -> None:
        """Reports that this worker is alive and accepts, and its number of connections."""
        self._numbers[self._at + 1] = float(connections)
        self._numbers[self._at + 2] = 1.0
        self._numbers[self._at] = monotonic()

    def report_alive(self) -> None:
        """Reports that this worker is alive."""
        self._numbers[self._at] = monotonic()

    def has_idler_peer(self, connections: int) -> bool:
        """Whether another accepting worker has fewer connections."""
        since = monotonic() - _ALIVE_WITHIN
        numbers = self._numbers
        for at in range(0, len(numbers), _NUMBERS_PER_SLOT):
            if at != self._at and numbers[at + 2] and numbers[at] > since and numbers[at + 1] < connections:
                return True
        return False

    def stop_accepting(self) -> None:
        """Reports that this worker no longer accepts."""
        self._numbers[self._at + 2] = 0.0
