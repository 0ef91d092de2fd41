"""The supervisor of a hub: holds the socket, and puts one generation of workers in the place of another.

uvicorn has a supervisor of its own (`uvicorn.supervisors.Multiprocess`). It starts with the settings and the code that
the command was started with, so that a reload changes nothing but processes; its workers close idle connections at once
when they end; and where it is killed they go on for ever. So this is our own. It is small on purpose: what it runs can
be replaced while it runs, it itself cannot.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from workers.listener import NoListener, address_in, address_of
from workers.notifying import Notifying
from workers.settings_file import WrongFile, settings_in
from workers.shift import NotServing, Shift

_LONGEST_WAIT = 30.0
_TO_OBEY = 5.0
"""Seconds for processes that were told twice to end, before they are killed."""
_OF_SYSTEMD = ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")

_log = logging.getLogger("simpul.hub")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How a hub is to be run."""

    environment: Mapping[str, str]
    """As the command was started with."""
    settings: Path | None
    """File of settings, which go before those of the environment."""
    release: Path | None
    """Folder, or link to one, of which each generation takes its code; None for the code of the supervisor."""
    workers: int
    """0: as the settings say."""

    def now(self) -> dict[str, str]:
        """The environment that a generation begins with, the file read anew. Raises WrongFile."""
        own = {name: value for name, value in self.environment.items() if name not in _OF_SYSTEMD}
        return own | (settings_in(self.settings) if self.settings else {})


class Supervisor:
    """Runs a hub from its first generation to the end of its last."""

    def __init__(self, wanted: Wanted, listener: socket.socket, run_folder: Path, notifying: Notifying) -> None:
        """Nothing runs yet. `listener` listens already: who connects now is answered when the first worker serves."""
        self._wanted = wanted
        self._listener = listener
        self._run_folder = run_folder
        self._notifying = notifying
        self._environment: Mapping[str, str] = {}
        """Of the generation that serves."""
        self._current: Shift | None = None
        self._shifts: set[Shift] = set()
        self._reload = asyncio.Event()
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Serve until told to end. Raises NotServing and WrongFile where the first generation cannot begin."""
        with self._signals():
            try:
                if await self._begin(self._wanted.now()):
                    _log.info("The hub serves: %s, by the code in %s", self._state(), self._code())
                    self._notifying.ready(self._state())
                async with self._watchdog():
                    await self._look_after()
            finally:
                await self._end()

    async def _look_after(self) -> None:
        """Reload when asked to, and put another generation in the place of one that died; until the end."""
        wait = 1.0
        while not self._stop.is_set() and self._current is not None:
            died = asyncio.create_task(self._current.over())
            await _first(died, self._reload.wait(), self._stop.wait())
            if self._stop.is_set():
                return
            if self._reload.is_set():
                await self._renew()
            elif not self._current.running:
                _log.error("The generation of workers was left alone; another one takes its place")
                wait = 1.0 if await self._replace() else min(wait * 2, _LONGEST_WAIT)
                if not self._current.running:
                    await _first(self._reload.wait(), self._stop.wait(), asyncio.sleep(wait))

    async def _renew(self) -> None:
        """Read everything anew; where it is not good, go on as before."""
        self._reload.clear()
        self._notifying.reloading("Reloading")
        try:
            environment = self._wanted.now()
            self._refuse_another_address(environment)
            if await self._begin(environment):
                _log.info("Reloaded: %s, by the code in %s", self._state(), self._code())
                self._notifying.ready(self._state())
        except (NoListener, NotServing, WrongFile) as problem:
            _log.error("Reload refused: %s. The hub goes on as it was", str(problem).removesuffix("."))
            self._notifying.ready(f"{self._state()}; the last reload was refused, see the log")

    async def _replace(self) -> bool:
        """Begin another generation as the last one was; whether it serves."""
        try:
            return await self._begin(self._environment)
        except NotServing as problem:
            _log.error("No generation could take its place: %s", problem)
            return False

    async def _begin(self, environment: Mapping[str, str]) -> bool:
        """Let a new generation serve, and the one before retire. Raises NotServing.

        False where that was given up, because the hub is to reload once more or to end.
        """
        shift = await Shift.begun(
            self._listener,
            {**environment, "SIMPUL_RUN_FOLDER": str(self._run_folder)},
            release=self._wanted.release,
            workers=self._wanted.workers,
        )
        self._shifts.add(shift)
        whole = asyncio.create_task(shift.whole())
        await _first(whole, self._stop.wait(), *([self._reload.wait()] if self._current else ()))
        if not whole.done():
            whole.cancel()
            if not self._stop.is_set():
                await self._give_up(shift)
            return False
        try:
            await whole
        except NotServing:
            self._forget(shift)
            raise
        before, self._current, self._environment = self._current, shift, environment
        if before is not None:
            self._dismiss(before)
        return True

    async def _give_up(self, shift: Shift) -> None:
        shift.end()
        shift.end()
        await shift.over()
        self._forget(shift)

    def _dismiss(self, shift: Shift) -> None:
        """Let a generation end by itself."""
        shift.retire()

        def over(_: object) -> None:
            if not self._stop.is_set():
                self._forget(shift)

        waiting = asyncio.create_task(shift.over())
        waiting.add_done_callback(over)

    def _forget(self, shift: Shift) -> None:
        shift.let_go()
        self._shifts.discard(shift)

    def _refuse_another_address(self, environment: Mapping[str, str]) -> None:
        before, after = address_of(self._listener), address_in(environment)
        if before != after:
            raise NotServing(f"SIMPUL_LISTEN changed from {before} to {after}: restart the hub to apply it")

    def _code(self) -> Path | None:
        return self._current.code if self._current else None

    def _state(self) -> str:
        return f"{self._current.serving if self._current else 0} workers serve"

    async def _end(self) -> None:
        """End every generation: what runs is finished."""
        self._stop.set()
        self._notifying.stopping("Finishing what runs")
        if self._shifts:
            _log.info("The hub ends: what runs is finished first")
        self._listener.close()
        for each in self._shifts:
            each.end()
        overs = [asyncio.create_task(each.over()) for each in self._shifts]
        if overs:
            await asyncio.wait(overs)
            _log.info("The hub has ended")
        for each in self._shifts:
            each.let_go()

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()

        def stop() -> None:
            if not self._stop.is_set():
                self._stop.set()
                return
            for each in self._shifts:
                each.end()
                loop.call_later(_TO_OBEY, each.kill)

        handlers: dict[int, Callable[[], None]] = {
            signal.SIGTERM: stop,
            signal.SIGINT: stop,
            signal.SIGHUP: self._reload.set,
        }
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
        try:
            yield
        finally:
            for number in handlers:
                loop.remove_signal_handler(number)

    @contextlib.asynccontextmanager
    async def _watchdog(self) -> AsyncIterator[None]:
        """A time in which systemd hears that the hub lives, as long as a worker serves."""

        async def tell(every: float) -> None:
            while True:
                if any(each.serving for each in self._shifts):
                    self._notifying.alive()
                await asyncio.sleep(every)

        telling = asyncio.create_task(tell(self._notifying.every)) if self._notifying.every else None
        try:
            yield
        finally:
            if telling is not None:
                telling.cancel()


async def _first(*awaited: object) -> None:
    """Return when the first of them is done; the others are cancelled, unless they are tasks."""
    tasks = [each if isinstance(each, asyncio.Task) else asyncio.ensure_future(each) for each in awaited]  # type: ignore[call-overload]  # whatever can be awaited
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task, given in zip(tasks, awaited, strict=True):
        if task is not given:
            task.cancel()
