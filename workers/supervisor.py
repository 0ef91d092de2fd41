"""The supervisor of a hub: holds the socket, and replaces one generation of workers by the next.

uvicorn has its own supervisor (`uvicorn.supervisors.Multiprocess`). It keeps the settings and the code of its start, so
a reload only restarts processes. Its workers close idle connections immediately when they end. If it is killed, its
workers run on. So the hub has its own. It is deliberately small: everything it runs can be replaced while it runs, but
it cannot be replaced itself.
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

from workers.listener import ListenError, get_bound_address, read_listen_address
from workers.settings_file import SettingsFileError, read_settings_file
from workers.systemd_notify import SystemdNotifier
from workers.worker_generation import GenerationFailed, WorkerGeneration

_MAX_RETRY_WAIT = 30.0
_KILL_AFTER = 5.0
"""Seconds after the second end signal before processes are killed."""
_SYSTEMD_VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")

_log = logging.getLogger("simpul.hub")


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorOptions:
    """How to run a hub."""

    environment: Mapping[str, str]
    """The environment of the command."""
    settings_file: Path | None
    """The settings file, whose values override the environment."""
    release: Path | None
    """A folder, or a link to one, with the code for each new generation; None for the supervisor's own code."""
    workers: int
    """The number of workers; 0 takes it from the settings."""

    def build_environment(self) -> dict[str, str]:
        """Builds the environment of a new generation, and reads the file again. Raises SettingsFileError."""
        inherited = {name: value for name, value in self.environment.items() if name not in _SYSTEMD_VARIABLES}
        return inherited | (read_settings_file(self.settings_file) if self.settings_file else {})


class Supervisor:
    """Runs a hub from its first generation to the end of its last."""

    def __init__(
        self, options: SupervisorOptions, listener: socket.socket, run_folder: Path, notifier: SystemdNotifier
    ) -> None:
        """Starts nothing yet. `listener` already listens: early connections wait until the first worker serves."""
        self._options = options
        self._listener = listener
        self._run_folder = run_folder
        self._notifier = notifier
        self._environment: Mapping[str, str] = {}
        """The environment of the serving generation."""
        self._current: WorkerGeneration | None = None
        self._generations: set[WorkerGeneration] = set()
        self._reload = asyncio.Event()
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Serves until the end signal. Raises GenerationFailed or SettingsFileError if the first start fails."""
        with self._handle_signals():
            try:
                if await self._start_generation(self._options.build_environment()):
                    _log.info("The hub serves: %s, by the code in %s", self._describe_state(), self._get_code_folder())
                    self._notifier.notify_ready(self._describe_state())
                async with self._send_keepalives():
                    await self._watch()
            finally:
                await self._stop_all()

    async def _watch(self) -> None:
        """Reloads on request, and replaces a generation whose process ended, until the hub ends."""
        retry_wait = 1.0
        while not self._stop.is_set() and self._current is not None:
            # A generation replaces its own workers. Only the loss of the process that manages them is handled here.
            exit_task = asyncio.create_task(self._current.wait_until_ended())
            await _wait_for_first(exit_task, self._reload.wait(), self._stop.wait())
            if self._stop.is_set():
                return
            if self._reload.is_set():
                await self._reload_generation()
            elif not self._current.is_running:
                _log.error("The generation of workers lost its process; it is replaced")
                # If the replacement fails too, wait longer each time, because the cause may be outside of the hub.
                retry_wait = 1.0 if await self._replace_generation() else min(retry_wait * 2, _MAX_RETRY_WAIT)
                if not self._current.is_running:
                    await _wait_for_first(self._reload.wait(), self._stop.wait(), asyncio.sleep(retry_wait))

    async def _reload_generation(self) -> None:
        """Reads the settings again. If they are invalid, the hub keeps its current generation."""
        self._reload.clear()
        self._notifier.notify_reloading("Reloading")
        try:
            environment = self._options.build_environment()
            self._refuse_another_address(environment)
            if await self._start_generation(environment):
                _log.info("Reloaded: %s, by the code in %s", self._describe_state(), self._get_code_folder())
                self._notifier.notify_ready(self._describe_state())
        except (ListenError, GenerationFailed, SettingsFileError) as problem:
            _log.error("Reload refused: %s. The hub keeps its settings and workers", str(problem).removesuffix("."))
            self._notifier.notify_ready(f"{self._describe_state()}; the last reload was refused, see the log")

    async def _replace_generation(self) -> bool:
        """Starts another generation with the same environment. Returns whether it serves."""
        try:
            return await self._start_generation(self._environment)
        except GenerationFailed as problem:
            _log.error("No replacement generation could start: %s", problem)
            return False

    async def _start_generation(self, environment: Mapping[str, str]) -> bool:
        """Starts a new generation, and drains the previous one. Raises GenerationFailed.

        Returns False if the start was abandoned, because of another reload or the end of the hub.
        """
        # 1. Start it beside the current generation: both accept on the same socket, so no connection is refused.
        generation = await WorkerGeneration.start(
            self._listener,
            {**environment, "SIMPUL_RUN_FOLDER": str(self._run_folder)},
            release=self._options.release,
            workers=self._options.workers,
        )
        self._generations.add(generation)
        # 2. Wait until all of its workers serve. Another reload abandons the start, if a generation serves already.
        completion = asyncio.create_task(generation.wait_until_complete())
        await _wait_for_first(completion, self._stop.wait(), *([self._reload.wait()] if self._current else ()))
        if not completion.done():
            completion.cancel()
            if not self._stop.is_set():  # at the end of the hub, `_stop_all` ends it with the others
                await self._abort_generation(generation)
            return False
        # 3. If it failed, the current generation keeps serving.
        try:
            await completion
        except GenerationFailed:
            self._untrack(generation)
            raise
        # 4. Switch over. The previous generation finishes its requests, and then ends.
        previous, self._current, self._environment = self._current, generation, environment
        if previous is not None:
            self._drain_generation(previous)
        return True

    async def _abort_generation(self, generation: WorkerGeneration) -> None:
        """Ends a generation immediately, by a second end signal."""
        generation.stop()
        generation.stop()
        await generation.wait_until_ended()
        self._untrack(generation)

    def _drain_generation(self, generation: WorkerGeneration) -> None:
        """Lets a generation finish its requests and end."""
        generation.drain()

        def on_exit(_: object) -> None:
            if not self._stop.is_set():
                self._untrack(generation)

        waiting = asyncio.create_task(generation.wait_until_ended())
        waiting.add_done_callback(on_exit)

    def _untrack(self, generation: WorkerGeneration) -> None:
        generation.close_pipe()
        self._generations.discard(generation)

    def _refuse_another_address(self, environment: Mapping[str, str]) -> None:
        before, after = get_bound_address(self._listener), read_listen_address(environment)
        if before != after:
            raise GenerationFailed(f"SIMPUL_LISTEN changed from {before} to {after}: restart the hub to apply it")

    def _get_code_folder(self) -> Path | None:
        return self._current.code_folder if self._current else None

    def _describe_state(self) -> str:
        return f"{self._current.serving_workers if self._current else 0} workers serve"

    async def _stop_all(self) -> None:
        """Ends all generations, after their running requests."""
        self._stop.set()
        self._notifier.notify_stopping("Finishing running requests")
        if self._generations:
            _log.info("The hub ends after its running requests")
        self._listener.close()
        for each in self._generations:
            each.stop()
        endings = [asyncio.create_task(each.wait_until_ended()) for each in self._generations]
        if endings:
            await asyncio.wait(endings)
            _log.info("The hub has ended")
        for each in self._generations:
            each.close_pipe()

    @contextlib.contextmanager
    def _handle_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()

        def handle_stop_signal() -> None:
            # The first signal ends the hub in order, the second one immediately.
            if not self._stop.is_set():
                self._stop.set()
                return
            for each in self._generations:
                each.stop()
                loop.call_later(_KILL_AFTER, each.kill)

        handlers: dict[int, Callable[[], None]] = {
            signal.SIGTERM: handle_stop_signal,
            signal.SIGINT: handle_stop_signal,
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
    async def _send_keepalives(self) -> AsyncIterator[None]:
        """Sends keepalives to systemd's watchdog within the block, while a worker serves."""

        async def send_keepalive(interval: float) -> None:
            while True:
                if any(each.serving_workers for each in self._generations):
                    self._notifier.notify_alive()
                await asyncio.sleep(interval)

        keepalives = (
            asyncio.create_task(send_keepalive(self._notifier.watchdog_interval))
            if self._notifier.watchdog_interval
            else None
        )
        try:
            yield
        finally:
            if keepalives is not None:
                keepalives.cancel()


async def _wait_for_first(*awaitables: object) -> None:
    """Returns when the first awaitable is done; cancels the others, unless they are tasks."""
    tasks = [each if isinstance(each, asyncio.Task) else asyncio.ensure_future(each) for each in awaitables]  # type: ignore[call-overload]  # whatever can be awaited
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task, awaitable in zip(tasks, awaitables, strict=True):
        if task is not awaitable:
            task.cancel()
