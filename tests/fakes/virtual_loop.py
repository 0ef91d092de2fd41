"""An event loop with a virtual clock: waiting takes no time, and time passes only while all tasks wait."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")


class LoopStalled(Exception):  # noqa: N818 - reads as what it is
    """Everybody waits, and nothing will ever wake them."""


class _Selector(selectors.BaseSelector):
    """Passes the time instead of waiting for it."""

    def __init__(self) -> None:
        self._real = selectors.DefaultSelector()
        self.now = 0.0

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:  # noqa: ANN401 - as the standard library
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:  # noqa: ANN401 - as the standard library
        return self._real.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise LoopStalled
        self.now += max(0.0, timeout)
        return self._real.select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time, in seconds from 0."""

    def __init__(self) -> None:
        self._passing = _Selector()
        super().__init__(self._passing)

    def time(self) -> float:
        """Now."""
        return self._passing.now

    def advance(self, seconds: float) -> None:
        """Let time pass in which nothing else runs, as work does that takes the processor."""
        self._passing.now += seconds

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of the work; `LoopStalled` where it waits for what will never come."""
        return self.run_until_complete(work)

    def run_timed(self, work: Coroutine[Any, Any, T]) -> tuple[T, float]:
        """The result of the work, and the seconds it took."""
        began = self.time()
        result = self.run(work)
        return result, round(self.time() - began, 6)


@contextmanager
def virtual_loop() -> Iterator[VirtualLoop]:
    """A loop that is closed in the end."""
    loop = VirtualLoop()
    try:
        yield loop
    finally:
        loop.close()
