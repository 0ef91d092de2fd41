"""A generation: one reading of the settings and of the code, and the workers that are forked from it.

Everything is imported and every file that settings name is read once, here. So workers of one generation are alike,
also one that starts again a week later over files that were changed since; they start fast, and share the
memory of what is imported. This process does nothing but look after them: it has no threads and no event loop, so that
it can be forked at any time.
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

from auth.data_contracts import Unassessed
from settings import Settings
from settings.refusal import told
from web.http_server import NotStarted
from workers.listener import address_of
from workers.occupancy import Places
from workers.signals import END, RETIRE

_log = logging.getLogger("simpul.hub")
_HANDLED = {END, RETIRE, signal.SIGCHLD}
_SHORTEST_WAIT = 0.1
_LONGEST_WAIT = 30.0
_STEADY_AFTER = 60.0
"""Seconds of life after which the end of a worker is no sign that the next will end as well."""
_HANGS_AFTER = 30.0
"""Seconds of silence after which a worker is killed: its event loop stands."""
_LOOK_EVERY = 0.5
FAILED = 3
"""The exit code of a generation that could not begin."""


class _Child:
    """A worker, as its generation knows it."""

    def __init__(self, pid: int, number: int, report: int) -> None:
        self.pid = pid
        self.number = number
        self.report = report
        """Reads what the worker says of its start."""
        self.began = time.monotonic()
        self.said = b""
        self.ready = False


class Generation:
    """Forks its workers one after the other, replaces those that die, and ends with the last of them."""

    def __init__(self, settings: Settings, *, listener: socket.socket, status: int, tether: int, workers: int) -> None:
        self._settings = settings
        self._listener = listener
        self._status = status
        self._tether = tether
        self._places = Places(workers)
        self._children: dict[int, _Child] = {}
        self._due: dict[int, float] = dict.fromkeys(range(workers), 0.0)
        """By number: when a worker that is missing is to be started."""
        self._wait = dict.fromkeys(range(workers), _SHORTEST_WAIT)
        self._whole = False
        """Whether all workers were there at once, so that what happens from then on is no failed start."""
        self._failed = ""
        self._signals: list[int] = []
        self._ending = False
        self._selector = selectors.DefaultSelector()
        self._woken, self._wakes = socket.socketpair()

    def run(self) -> int:
        """Until every worker has ended; the exit code."""
        for end in (self._woken, self._wakes):
            end.setblocking(False)  # noqa: FBT003 - the standard library's argument has no name
        signal.set_wakeup_fd(self._wakes.fileno(), warn_on_full_buffer=False)
        for handled in (END, RETIRE):
            signal.signal(handled, lambda got, _: self._signals.append(got))
        signal.signal(signal.SIGCHLD, lambda *_: None)  # so that it wakes
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._selector.register(self._tether, selectors.EVENT_READ)
        while not (self._ending and not self._children):
            self._start_missing()
            for key, _ in self._selector.select(_LOOK_EVERY):
                self._look(key.fd)
            while self._signals:
                self._pass_on(self._signals.pop(0))
            self._gather()
            self._kill_hanging()
        if self._failed:
            self._say(failed=self._failed)
        return FAILED if self._failed else 0

    def _look(self, handle: int) -> None:
        if handle == self._woken.fileno():
            with contextlib.suppress(BlockingIOError):
                self._woken.recv(4096)
        elif handle == self._tether:  # the supervisor is gone
            self._selector.unregister(self._tether)
            self._ending = True  # the workers have seen it, too
        else:
            self._hear(next(each for each in self._children.values() if each.report == handle))

    def _hear(self, child: _Child) -> None:
        """Read what a worker says of its start."""
        said = os.read(child.report, 65_536)
        child.said += said
        if child.said == b"ready\n" and not child.ready:
            child.ready = True
            _log.info("Worker %d serves (process %d)", child.number + 1, child.pid)
            self._whole = self._whole or sum(each.ready for each in self._children.values()) == self._places.workers
            self._tell()
        if not said:
            self._selector.unregister(child.report)

    def _start_missing(self) -> None:
        """Start the next worker that is due, unless one is on its way: a start takes the processor from the others."""
        if self._ending or any(not each.ready for each in self._children.values()):
            return
        now = time.monotonic()
        number = next((each for each, due in self._due.items() if due <= now), None)
        if number is not None:
            del self._due[number]
            self._fork(number)

    def _fork(self, number: int) -> None:
        reads, writes = os.pipe()
        self._places.place(number).clear()
        signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)
        pid = os.fork()
        if pid == 0:
            os.close(reads)
            self._be_a_worker(number, writes)
        os.close(writes)
        self._children[pid] = _Child(pid, number, reads)
        self._selector.register(reads, selectors.EVENT_READ)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)

    def _be_a_worker(self, number: int, report: int) -> NoReturn:
        """Be the child: let go of what is the generation's, and work. Never returns."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for handled in _HANDLED:
                signal.signal(handled, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            self._selector.close()
            self._woken.close()
            self._wakes.close()
            os.close(self._status)
            for each in self._children.values():
                os.close(each.report)
            code = self._worked(number, report)
        finally:
            logging.shutdown()
            os._exit(code)

    def _worked(self, number: int, report: int) -> int:
        """Work; what kept the worker from it is told. The exit code."""
        from workers.worker import work  # noqa: PLC0415 - `main` imported it for all workers, once settings were right

        try:
            work(
                self._settings,
                listener=self._listener,
                tether=self._tether,
                place=self._places.place(number),
                ready=lambda: _report(report, "ready\n"),
            )
        except NotStarted as problem:
            _report(report, f"a worker could not start: {problem}")
            return 1
        except (Unassessed, ValueError) as problem:
            _report(report, str(problem))
            return 1
        except Exception as problem:  # noqa: BLE001 - whatever it is, somebody has to be told
            _report(report, f"{type(problem).__name__}: {problem}")
            return 1
        return 0

    def _gather(self) -> None:
        """Take note of workers that ended."""
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            child = self._children.pop(pid)
            if child.report in self._selector.get_map():
                self._hear(child)
            if child.report in self._selector.get_map():
                self._selector.unregister(child.report)
            os.close(child.report)
            if not self._ending:
                self._ended(child, os.waitstatus_to_exitcode(status))
                self._tell()

    def _ended(self, child: _Child, code: int) -> None:
        reason = child.said.decode(errors="replace").removeprefix("ready\n").strip()
        how = reason or (f"signal {-code}" if code < 0 else f"exit {code}")
        if not self._whole:
            self._failed = reason or f"a worker ended before it served ({how})"
            self._pass_on(END)
            return
        number, now = child.number, time.monotonic()
        self._wait[number] = (
            _SHORTEST_WAIT if now - child.began > _STEADY_AFTER else min(self._wait[number] * 2, _LONGEST_WAIT)
        )
        self._due[number] = now + self._wait[number]
        _log.error(
            "Worker %d (process %d) ended: %s. Another one starts in %.1f s",
            number + 1,
            child.pid,
            how,
            self._wait[number],
        )

    def _kill_hanging(self) -> None:
        now = time.monotonic()
        for child in self._children.values():
            heard = self._places.place(child.number).heard
            if heard and now - heard > _HANGS_AFTER:
                _log.error("Worker %d (process %d) hangs, and is killed", child.number + 1, child.pid)
                self._places.place(child.number).clear()
                os.kill(child.pid, signal.SIGKILL)

    def _pass_on(self, number: int) -> None:
        """Tell every worker to end, and start no other."""
        self._ending = True
        for pid in self._children:
            os.kill(pid, number)

    def _tell(self) -> None:
        self._say(serving=sum(each.ready for each in self._children.values()), whole=self._whole)

    def _say(self, **what: object) -> None:
        with contextlib.suppress(BrokenPipeError):  # nobody is left who wants to know
            os.write(self._status, json.dumps(what).encode() + b"\n")


def _report(handle: int, text: str) -> None:
    os.write(handle, text.encode())


def main(arguments: Sequence[str]) -> int:
    """Be a generation on the handles LISTENER STATUS TETHER, with so many WORKERS (0: as the settings say)."""
    listener, status, tether, count = map(int, arguments)
    try:
        settings = Settings()  # type: ignore[call-arg]  # its values come from the environment
    except ValueError as problem:
        os.write(status, json.dumps({"failed": told(problem)}).encode() + b"\n")
        return FAILED
    shared = socket.socket(fileno=listener)
    if (address := address_of(shared)) != settings.listen_address:  # the settings were checked for another one
        mismatch = f"the hub listens on {address}, and SIMPUL_LISTEN is {settings.listen}: make them the same"
        shared.close()
        os.write(status, json.dumps({"failed": mismatch}).encode() + b"\n")
        return FAILED
    # A second or more, after the settings: whoever mends them has not to wait for it.
    import server  # noqa: PLC0415 - same
    import workers.worker  # noqa: F401, PLC0415 - same; workers are forked with all that they need

    server.configure_logging(settings.logs_as, with_messages=settings.development)
    count = count or settings.workers or usual_workers()
    if count > 1 and settings.redis_url is None:
        _log.warning(
            "SIMPUL_REDIS_URL is not set: each of %d workers counts rates, paces and quotas, and keeps answers, alone",
            count,
        )
    gc.enable()  # see scripts/generation.py
    gc.collect()
    gc.freeze()  # what is shared stays shared: the collector of a worker would write to all of it
    return Generation(
        settings.model_copy(update={"workers": count}),  # what is not shared is parted among them
        listener=shared,
        status=status,
        tether=tether,
        workers=count,
    ).run()


def usual_workers() -> int:
    """One worker a processor that may be used, 2 at least, so that one is left when one dies; 8 at most."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(2, min(8, processors))
