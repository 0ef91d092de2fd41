"""The process of a generation: reads settings and code once, and forks the workers.

It imports all modules and reads every file that the settings name once. So the workers of a generation are equal, even
one that restarts a week later after the files changed. They also start fast, and share the memory of the imports. This
process only manages the workers: it has no threads and no event loop, so that it can fork at any time.
"""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import os
import selectors
import signal
import socket
import time
from collections.abc import Sequence
from typing import NoReturn

from auth.policy.data_contracts import MissingAssessment
from settings import Settings
from settings.error_text import describe_settings_error
from web.server.http_server import ApplicationStartError
from workers.listener import get_bound_address
from workers.scoreboard import Scoreboard
from workers.signals import DRAIN, STOP

_log = logging.getLogger("simpul.hub")
_HANDLED_SIGNALS = {STOP, DRAIN, signal.SIGCHLD}
_MIN_RESTART_WAIT = 0.1
_MAX_RESTART_WAIT = 30.0
_STABLE_AFTER = 60.0
"""Seconds of life after which a worker counts as stable: its successor starts after the minimum wait again."""
_HANGS_AFTER = 30.0
"""Seconds without a heartbeat after which a worker is killed, because its event loop is blocked."""
_POLL_SECONDS = 0.5
EXIT_FAILED = 3
"""The exit code of a generation that could not start."""


class _WorkerProcess:
    """A worker process, as the pool knows it."""

    def __init__(self, pid: int, number: int, report: int) -> None:
        self.pid = pid
        self.number = number
        self.report_pipe = report
        """The read end of the pipe for the worker's start report."""
        self.started_at = time.monotonic()
        self.report_bytes = b""
        self.is_ready = False


class WorkerPool:
    """Forks its workers one after the other, replaces those that die, and ends with the last of them."""

    def __init__(
        self, settings: Settings, *, listener: socket.socket, status_pipe: int, supervisor_pipe: int, workers: int
    ) -> None:
        self._settings = settings
        self._listener = listener
        self._status_pipe = status_pipe
        self._supervisor_pipe = supervisor_pipe
        self._scoreboard = Scoreboard(workers)
        self._processes: dict[int, _WorkerProcess] = {}
        self._start_times: dict[int, float] = dict.fromkeys(range(workers), 0.0)
        """By worker number: when a missing worker is due to start."""
        self._restart_waits = dict.fromkeys(range(workers), _MIN_RESTART_WAIT)
        self._was_complete = False
        """Whether all workers once served, so that a later exit is not a failed start."""
        self._failure = ""
        self._signals: list[int] = []
        self._is_ending = False
        self._selector = selectors.DefaultSelector()
        self._wakeup_reader, self._wakeup_writer = socket.socketpair()

    def run(self) -> int:
        """Runs until every worker has ended. Returns the exit code."""
        # Signals only wake the selector, and are handled in the loop: a handler must not fork or change the pool.
        for end in (self._wakeup_reader, self._wakeup_writer):
            end.setblocking(False)  # noqa: FBT003 - the standard library's argument has no name
        signal.set_wakeup_fd(self._wakeup_writer.fileno(), warn_on_full_buffer=False)
        for handled in (STOP, DRAIN):
            signal.signal(handled, lambda got, _: self._signals.append(got))
        signal.signal(signal.SIGCHLD, lambda *_: None)  # the handler makes the signal wake the selector
        self._selector.register(self._wakeup_reader, selectors.EVENT_READ)
        self._selector.register(self._supervisor_pipe, selectors.EVENT_READ)
        while not (self._is_ending and not self._processes):
            self._start_missing()
            for key, _ in self._selector.select(_POLL_SECONDS):
                self._handle_readable(key.fd)
            while self._signals:
                self._end_workers(self._signals.pop(0))
            self._reap_workers()
            self._kill_hanging_workers()
        if self._failure:
            self._write_status(failed=self._failure)
        return EXIT_FAILED if self._failure else 0

    def _handle_readable(self, handle: int) -> None:
        if handle == self._wakeup_reader.fileno():
            with contextlib.suppress(BlockingIOError):
                self._wakeup_reader.recv(4096)
        elif handle == self._supervisor_pipe:  # the supervisor has ended
            self._selector.unregister(self._supervisor_pipe)
            self._is_ending = True  # the workers detect it themselves
        else:
            self._read_report(next(each for each in self._processes.values() if each.report_pipe == handle))

    def _read_report(self, child: _WorkerProcess) -> None:
        """Reads a worker's start report."""
        report = os.read(child.report_pipe, 65_536)
        child.report_bytes += report
        if child.report_bytes == b"ready\n" and not child.is_ready:
            child.is_ready = True
            _log.info("Worker %d serves (process %d)", child.number + 1, child.pid)
            self._was_complete = (
                self._was_complete
                or sum(each.is_ready for each in self._processes.values()) == self._scoreboard.workers
            )
            self._report_state()
        if not report:
            self._selector.unregister(child.report_pipe)

    def _start_missing(self) -> None:
        """Starts the next due worker, unless another is starting: a start takes processor time from the others."""
        if self._is_ending or any(not each.is_ready for each in self._processes.values()):
            return
        now = time.monotonic()
        number = next((each for each, due in self._start_times.items() if due <= now), None)
        if number is not None:
            del self._start_times[number]
            self._fork(number)

    def _fork(self, number: int) -> None:
        reads, writes = os.pipe()
        self._scoreboard.get_slot(number).clear()
        # Until the worker has its own handlers, a signal would reach the pool's handlers in the child and be lost.
        signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED_SIGNALS)
        pid = os.fork()
        if pid == 0:
            os.close(reads)
            self._run_as_worker(number, writes)
        os.close(writes)
        self._processes[pid] = _WorkerProcess(pid, number, reads)
        self._selector.register(reads, selectors.EVENT_READ)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED_SIGNALS)

    def _run_as_worker(self, number: int, report: int) -> NoReturn:
        """Runs the worker in the child process, after closing the pool's resources. Never returns."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for handled in _HANDLED_SIGNALS:
                signal.signal(handled, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            self._selector.close()
            self._wakeup_reader.close()
            self._wakeup_writer.close()
            os.close(self._status_pipe)
            for each in self._processes.values():
                os.close(each.report_pipe)
            code = self._run_worker(number, report)
        finally:
            logging.shutdown()
            os._exit(code)

    def _run_worker(self, number: int, report: int) -> int:
        """Runs the worker, and reports an exception to the pool. Returns the exit code."""
        from workers.worker import run_worker  # noqa: PLC0415 - `run_generation` imports it for all workers, after the settings are checked

        try:
            run_worker(
                self._settings,
                listener=self._listener,
                supervisor_pipe=self._supervisor_pipe,
                slot=self._scoreboard.get_slot(number),
                on_ready=lambda: _write_report(report, "ready\n"),
            )
        except ApplicationStartError as problem:
            _write_report(report, f"a worker could not start: {problem}")
            return 1
        except (MissingAssessment, ValueError) as problem:
            _write_report(report, str(problem))
            return 1
        except Exception as problem:  # noqa: BLE001 - every failure must be reported to the pool
            _write_report(report, f"{type(problem).__name__}: {problem}")
            return 1
        return 0

    def _reap_workers(self) -> None:
        """Handles workers that ended."""
        while self._processes:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            child = self._processes.pop(pid)
            if child.report_pipe in self._selector.get_map():
                self._read_report(child)
            if child.report_pipe in self._selector.get_map():
                self._selector.unregister(child.report_pipe)
            os.close(child.report_pipe)
            if not self._is_ending:
                self._handle_exit(child, os.waitstatus_to_exitcode(status))
                self._report_state()

    def _handle_exit(self, child: _WorkerProcess, code: int) -> None:
        reason = child.report_bytes.decode(errors="replace").removeprefix("ready\n").strip()
        exit_text = reason or (f"signal {-code}" if code < 0 else f"exit {code}")
        if not self._was_complete:
            self._failure = reason or f"a worker ended before it served ({exit_text})"
            self._end_workers(STOP)
            return
        number, now = child.number, time.monotonic()
        self._restart_waits[number] = (
            _MIN_RESTART_WAIT
            if now - child.started_at > _STABLE_AFTER
            else min(self._restart_waits[number] * 2, _MAX_RESTART_WAIT)
        )
        self._start_times[number] = now + self._restart_waits[number]
        _log.error(
            "Worker %d (process %d) ended: %s. Another one starts in %.1f s",
            number + 1,
            child.pid,
            exit_text,
            self._restart_waits[number],
        )

    def _kill_hanging_workers(self) -> None:
        now = time.monotonic()
        for child in self._processes.values():
            heard_at = self._scoreboard.get_slot(child.number).last_seen
            if heard_at and now - heard_at > _HANGS_AFTER:
                _log.error("Worker %d (process %d) hangs and is killed", child.number + 1, child.pid)
                self._scoreboard.get_slot(child.number).clear()
                os.kill(child.pid, signal.SIGKILL)

    def _end_workers(self, number: int) -> None:
        """Sends a signal to every worker, and starts no other."""
        self._is_ending = True
        for pid in self._processes:
            os.kill(pid, number)

    def _report_state(self) -> None:
        self._write_status(serving=sum(each.is_ready for each in self._processes.values()), whole=self._was_complete)

    def _write_status(self, **status: object) -> None:
        with contextlib.suppress(BrokenPipeError):  # the supervisor has ended
            os.write(self._status_pipe, json.dumps(status).encode() + b"\n")


def _write_report(handle: int, text: str) -> None:
    os.write(handle, text.encode())


def run_generation(arguments: Sequence[str]) -> int:
    """Runs a generation. Arguments: three handles, LISTENER STATUS SUPERVISOR, and WORKERS (0: by the settings)."""
    listener, status_pipe, supervisor_pipe, count = map(int, arguments)
    try:
        settings = Settings()  # type: ignore[call-arg]  # its values come from the environment
    except ValueError as problem:
        os.write(status_pipe, json.dumps({"failed": describe_settings_error(problem)}).encode() + b"\n")
        return EXIT_FAILED
    shared = socket.socket(fileno=listener)
    if (address := get_bound_address(shared)) != settings.listen_address:  # the settings name another address
        mismatch = f"the hub listens on {address}, but SIMPUL_LISTEN is {settings.listen}: make them the same"
        shared.close()
        os.write(status_pipe, json.dumps({"failed": mismatch}).encode() + b"\n")
        return EXIT_FAILED
    # These imports take a second or more, so invalid settings are reported before them.
    import server  # noqa: PLC0415 - same
    import workers.worker  # noqa: F401, PLC0415 - same; workers share these imports

    server.configure_logging(settings.effective_log_format, with_messages=settings.development)
    count = count or settings.workers or get_default_workers()
    if count > 1 and settings.redis_url is None:
        _log.warning(
            "SIMPUL_REDIS_URL is not set: each of %d workers has its own rate limits, quotas and answer cache",
            count,
        )
    server.import_optional_parts(settings)
    server.preload(settings.city)
    gc.enable()  # see scripts/generation.py
    gc.collect()
    gc.freeze()  # keeps memory shared: a worker's garbage collector would write to all of it
    return WorkerPool(
        settings.model_copy(update={"workers": count}),  # limits that are not shared are split among them
        listener=shared,
        status_pipe=status_pipe,
        supervisor_pipe=supervisor_pipe,
        workers=count,
    ).run()


def get_default_workers() -> int:
    """Returns one worker for each usable processor: at least 2, so that one survives, and at most 8."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(2, min(8, processors))
