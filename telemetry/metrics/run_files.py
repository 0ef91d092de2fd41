"""Files in which the processes of one hub share their metrics, one per process in a common folder.

A process lives while it holds the lock on its own lock file; the system releases the lock however the process ends. The
values of ended processes are merged into one file, so that no count is lost and files do not pile up. A separate lock
excludes reading during a merge, so nothing is counted twice or left out.

These files hold no personal data: they hold what `/metrics` shows.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from errno import EPERM
from pathlib import Path
from secrets import token_hex
from threading import Lock
from typing import Final

import msgspec

from telemetry.metrics.metric_values import MetricValues, merge_values
from telemetry.metrics.minutes import select_last_hour

_FILE_VERSION: Final = "v1"
"""Changes with the format of the files: other versions of the hub neither read nor remove them."""
_ENDED_FILE: Final = "ended"
_READ_LOCK_FILE: Final = "reading.lock"
_REPLACE_FLAGS: Final = os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW


class EndedProcesses(msgspec.Struct):
    """The merged values of ended processes."""

    numbers: MetricValues = msgspec.field(default_factory=MetricValues)
    of: list[str] = msgspec.field(default_factory=list)
    """The processes whose values are included, while their files may still exist."""


class RunFiles:
    """The files of one process and of the others. Every method may raise `OSError`, and blocks on the disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / f"metrics-{_FILE_VERSION}"
        self._own_name = ""
        self._own_lock: int | None = None
        self._write_lock = Lock()
        self._encode = msgspec.msgpack.Encoder().encode
        self._values_decoder = msgspec.msgpack.Decoder(MetricValues)
        self._ended_decoder = msgspec.msgpack.Decoder(EndedProcesses)

    def open(self) -> None:
        """Creates and locks the own lock file, under a new name, since the object may be older than a fork."""
        self._own_name = f"{os.getpid()}-{token_hex(4)}"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = self._folder.stat()
        if found.st_uid != os.geteuid() or found.st_mode & 0o022:  # files of other users would be read as the hub's own
            raise PermissionError(EPERM, "other users can write there")
        with self._lock_folder(fcntl.LOCK_SH):
            self._own_lock = os.open(
                self._build_path(self._own_name, "lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600
            )
            fcntl.flock(self._own_lock, fcntl.LOCK_EX)

    def close(self) -> None:
        """Releases the lock; the last written values stay counted."""
        if self._own_lock is not None:
            os.close(self._own_lock)
            self._own_lock = None

    def write(self, numbers: MetricValues) -> None:
        """Writes the values of this process."""
        with self._write_lock:  # a cancelled write may still run in its thread
            self._replace(self._own_name, self._encode(numbers))

    def read_others(self) -> tuple[Sequence[MetricValues], Sequence[MetricValues]]:
        """Reads the values of the others: those of living, and those of ended processes."""
        living: list[MetricValues] = []
        with self._lock_folder(fcntl.LOCK_SH):
            ended = self._read_ended()
            gone = [ended.numbers]
            for name in self._list_processes():
                if name != self._own_name and name not in ended.of and (numbers := self._read_values(name)) is not None:
                    (living if self._is_alive(name) else gone).append(numbers)
        return living, gone

    def merge_ended(self) -> None:
        """Merges the values of newly ended processes into the file of the ended, and removes their files."""
        with contextlib.suppress(BlockingIOError), self._lock_folder(fcntl.LOCK_EX | fcntl.LOCK_NB):
            gone = [name for name in self._list_processes() if name != self._own_name and not self._is_alive(name)]
            if not gone:
                return
            ended = self._read_ended()
            new = {
                name: numbers
                for name in gone
                if name not in ended.of and (numbers := self._read_values(name)) is not None
            }
            whole = merge_values((), (ended.numbers, *new.values()))
            whole.minutes = select_last_hour(whole.minutes, time.time())
            self._replace(_ENDED_FILE, self._encode(EndedProcesses(whole, gone)))
            for name in gone:
                for kind in ("numbers", "lock"):
                    Path(self._build_path(name, kind)).unlink(missing_ok=True)

    def _list_processes(self) -> list[str]:
        """Returns every process that has a file here."""
        return sorted({path.stem for path in self._folder.glob("*-*.lock")})

    def _is_alive(self, name: str) -> bool:
        try:
            lock = os.open(self._build_path(name, "lock"), os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def _read_values(self, name: str) -> MetricValues | None:
        """Reads the last values of a process; None if there are no valid ones."""
        try:
            return self._values_decoder.decode(Path(self._build_path(name, "numbers")).read_bytes())
        except (FileNotFoundError, msgspec.MsgspecError):
            return None

    def _read_ended(self) -> EndedProcesses:
        try:
            return self._ended_decoder.decode(Path(self._build_path(_ENDED_FILE, "numbers")).read_bytes())
        except (FileNotFoundError, msgspec.MsgspecError):
            return EndedProcesses()

    def _replace(self, name: str, body: bytes) -> None:
        """Writes a file atomically."""
        path = self._build_path(name, "numbers")
        descriptor = os.open(f"{path}.new", _REPLACE_FLAGS, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
        Path(f"{path}.new").replace(path)

    @contextlib.contextmanager
    def _lock_folder(self, how: int) -> Iterator[None]:
        lock = os.open(self._folder / _READ_LOCK_FILE, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, how)
            yield
        finally:
            os.close(lock)

    def _build_path(self, name: str, kind: str) -> str:
        return str(self._folder / f"{name}.{kind}")

    def __repr__(self) -> str:
        return f"<RunFiles of {self._own_name}>"
