"""What the workers of a generation know of each other: when each was last alive, and how many connections it has.

A page of memory that they share: three numbers a worker, each written by one process alone.
"""

from __future__ import annotations

import mmap
from time import monotonic

_NUMBERS_PER_SLOT = 3
_BYTES_PER_NUMBER = 8
_ALIVE_WITHIN = 1.0
"""Seconds after its last word for which a worker is thought to accept."""


class Scoreboard:
    """One place a worker. To be made before they are forked."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._numbers = memoryview(mmap.mmap(-1, max(workers, 1) * _NUMBERS_PER_SLOT * _BYTES_PER_NUMBER)).cast("d")

    def get_slot(self, number: int) -> WorkerSlot:
        """The place of one worker, from 0."""
        return WorkerSlot(self._numbers, number)


class WorkerSlot:
    """What one worker says of itself, and reads of the others (`web.server.connection_acceptor.AcceptorPeers`)."""

    def __init__(self, numbers: memoryview[float], number: int) -> None:
        self._numbers = numbers
        self._at = number * _NUMBERS_PER_SLOT

    @property
    def last_seen(self) -> float:
        """When the worker said something last, on the clock of `time.monotonic`; 0 before its first word."""
        return self._numbers[self._at]

    def clear(self) -> None:
        """Be the place of a worker that has said nothing yet."""
        for at in range(self._at, self._at + _NUMBERS_PER_SLOT):
            self._numbers[at] = 0.0

    def report_connections(self, connections: int) -> None:
        """Say that this worker lives and accepts, and how many connections it has."""
        self._numbers[self._at + 1] = float(connections)
        self._numbers[self._at + 2] = 1.0
        self._numbers[self._at] = monotonic()

    def report_alive(self) -> None:
        """Say that this worker lives."""
        self._numbers[self._at] = monotonic()

    def has_idler_peer(self, connections: int) -> bool:
        """Whether another worker that lives and accepts has fewer connections."""
        since = monotonic() - _ALIVE_WITHIN
        numbers = self._numbers
        for at in range(0, len(numbers), _NUMBERS_PER_SLOT):
            if at != self._at and numbers[at + 2] and numbers[at] > since and numbers[at + 1] < connections:
                return True
        return False

    def stop_accepting(self) -> None:
        """Say that this worker accepts no more."""
        self._numbers[self._at + 2] = 0.0
