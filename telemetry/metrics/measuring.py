"""The numbers of the hub: of this process as they are now, of the others as they last told them.

Nothing here is in the way of a request: parts of the hub count in plain attributes, and once a second what they counted
is written where the other processes of the hub find it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Protocol

from records.histogram import Histogram
from telemetry.metrics.minutes import History, Totals
from telemetry.metrics.numbers import Numbers, together
from telemetry.metrics.process import Process
from telemetry.metrics.run_files import RunFiles

_log = logging.getLogger("simpul.metrics")

EVERY: Final = 1.0
"""Seconds after which a process tells the others how it is: what one that is killed may lose of its counts."""
_LOOK: Final = 0.25
"""Seconds after which the event loop should come round."""
_ADD_UP: Final = 10
"""Tellings after which those that ended are looked for."""


class Source(Protocol):
    """A part of the hub that counts something."""

    def tell(self, numbers: Numbers) -> None:
        """What was counted, and how things are; quick, for the event loop waits."""


class Measuring:
    """Gathers numbers; `running` in the event loop that serves."""

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        agencies: Callable[[], Mapping[str, Totals]],
        folder: Path | None = None,
        every: float = EVERY,
    ) -> None:
        """Nothing is opened yet.

        `agencies` tells what the last hour of each agency is made of; without a `folder`, this process is alone.
        """
        self._sources = [*sources, Process()]
        self._agencies = agencies
        self._files = None if folder is None else RunFiles(folder)
        self._every = every
        self._history = History()
        self._lag = Histogram()
        self._one_at_a_time = asyncio.Lock()
        self._last: tuple[float, Numbers] | None = None
        self._warned = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Tell the others how this process is, for the length of the block."""
        if self._files is not None and not await self._tried(self._files.open):
            self._files = None
        await self._tell(adds_up=True)
        tasks = [asyncio.create_task(self._looking()), asyncio.create_task(self._telling())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            if self._files is not None:
                await self._tell(adds_up=False)
                await self._tried(self._files.close)

    async def whole(self, *, at_most_old: float = 0.0) -> Numbers:
        """The numbers of all processes of the hub; those that were gathered so many seconds ago will do.

        What this process counted is told to the others first: whoever is asked next says no less than was said here.
        """
        async with self._one_at_a_time:
            if self._last is None or time.monotonic() - self._last[0] >= at_most_old:
                own = self.own()
                living, ended = await self._others(own)
                self._last = time.monotonic(), together([own, *living], ended)
            return self._last[1]

    async def _others(self, own: Numbers) -> tuple[Sequence[Numbers], Sequence[Numbers]]:
        """What the others told, who live and who ended, once they can read of us."""
        found: list[tuple[Sequence[Numbers], Sequence[Numbers]]] = []
        if (files := self._files) is not None and await self._tried(files.write, own):
            await self._tried(lambda: found.append(files.others()))
        return found[0] if found else ((), ())

    def own(self) -> Numbers:
        """The numbers of this process, as they are now."""
        self._history.note(self._agencies(), time.time())
        numbers = Numbers(minutes=self._history.minutes())
        numbers.spread("simpul_event_loop_lag_seconds", self._lag)
        for source in self._sources:
            source.tell(numbers)
        return numbers

    async def _looking(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            await asyncio.sleep(_LOOK)
            self._lag.add(max(0.0, loop.time() - began - _LOOK))

    async def _telling(self) -> None:
        told = 0
        while True:
            await asyncio.sleep(self._every)
            told += 1
            await self._tell(adds_up=told % _ADD_UP == 0)

    async def _tell(self, *, adds_up: bool) -> None:
        if self._files is None:
            self._history.note(self._agencies(), time.time())
            return
        async with self._one_at_a_time:
            await self._tried(self._files.write, self.own())
        if adds_up:
            await self._tried(self._files.add_up)

    async def _tried(self, work: Callable[..., None], *given: Numbers) -> bool:
        """Do what needs the disk, off the event loop; whether it worked. Metrics never cost the hub its service."""
        try:
            await asyncio.to_thread(work, *given)
        except OSError as failure:
            if not self._warned:
                self._warned = True
                _log.warning(
                    "The run folder cannot be used (%s): metrics are those of one process. See SIMPUL_RUN_FOLDER.",
                    failure.strerror or type(failure).__name__,
                )
            return False
        self._warned = False
        return True
