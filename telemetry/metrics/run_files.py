"""What the processes of one hub tell each other about themselves: a file each, in the folder they share.

A process lives as long as it holds the lock on its own lock file; the system lets go of it however the process ends.
The numbers of those that ended are added up in one file, so that nothing that was counted is lost and no files pile up.
Whoever reads and whoever adds up exclude each other by a lock of their own: nothing is ever counted twice or left out.

Nothing personal is in these files: they hold what `/metrics` shows.
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

from telemetry.metrics.minutes import of_last_hour
from telemetry.metrics.numbers import Numbers, together

_FORM: Final = "v1"
"""Changes with the form of the files: another version of the hub neither reads nor removes them."""
_ENDED: Final = "ended"
_READING: Final = "reading.lock"
_ANEW: Final = os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW


class Ended(msgspec.Struct):
    """What those that ended had counted."""

    numbers: Numbers = msgspec.field(default_factory=Numbers)
    of: list[str] = msgspec.field(default_factory=list)
    """Whose numbers are in it, while their files may still be there."""


class RunFiles:
    """The files of one process and of its kin. Every method may raise `OSError`, and waits for the disk."""

    def __init__(self, folder: Path) -> None:
        """Nothing is opened yet."""
        self._folder = folder / f"metrics-{_FORM}"
        self._me = ""
        self._lock: int | None = None
        self._one_at_a_time = Lock()
        self._encode = msgspec.msgpack.Encoder().encode
        self._numbers = msgspec.msgpack.Decoder(Numbers)
        self._ended = msgspec.msgpack.Decoder(Ended)

    def open(self) -> None:
        """Begin to live, under a name of this process's own: it may have been made before a fork."""
        self._me = f"{os.getpid()}-{token_hex(4)}"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = self._folder.stat()
        if found.st_uid != os.geteuid() or found.st_mode & 0o022:  # what others wrote would be taken for ours
            raise PermissionError(EPERM, "other users can write there")
        with self._locked(fcntl.LOCK_SH):
            self._lock = os.open(self._path(self._me, "lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX)

    def close(self) -> None:
        """End; what was written last goes on counting."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def write(self, numbers: Numbers) -> None:
        """Tell the others how this process is."""
        with self._one_at_a_time:  # whoever waited for the last one may be gone, and its thread still at it
            self._replace(self._me, self._encode(numbers))

    def others(self) -> tuple[Sequence[Numbers], Sequence[Numbers]]:
        """What the others wrote: those that live, and those that ended."""
        living: list[Numbers] = []
        with self._locked(fcntl.LOCK_SH):
            ended = self._of_ended()
            gone = [ended.numbers]
            for name in self._names():
                if name != self._me and name not in ended.of and (numbers := self._of(name)) is not None:
                    (living if self._lives(name) else gone).append(numbers)
        return living, gone

    def add_up(self) -> None:
        """Add the numbers of those that ended since the last time to the file of the ended, and remove theirs."""
        with contextlib.suppress(BlockingIOError), self._locked(fcntl.LOCK_EX | fcntl.LOCK_NB):
            gone = [name for name in self._names() if name != self._me and not self._lives(name)]
            if not gone:
                return
            ended = self._of_ended()
            new = {name: numbers for name in gone if name not in ended.of and (numbers := self._of(name)) is not None}
            whole = together((), (ended.numbers, *new.values()))
            whole.minutes = of_last_hour(whole.minutes, time.time())
            self._replace(_ENDED, self._encode(Ended(whole, gone)))
            for name in gone:
                for kind in ("numbers", "lock"):
                    Path(self._path(name, kind)).unlink(missing_ok=True)

    def _names(self) -> list[str]:
        """Every process that has a file here."""
        return sorted({path.stem for path in self._folder.glob("*-*.lock")})

    def _lives(self, name: str) -> bool:
        try:
            lock = os.open(self._path(name, "lock"), os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def _of(self, name: str) -> Numbers | None:
        """What a process wrote last; None where it wrote nothing that can be read."""
        try:
            return self._numbers.decode(Path(self._path(name, "numbers")).read_bytes())
        except (FileNotFoundError, msgspec.MsgspecError):
            return None

    def _of_ended(self) -> Ended:
        try:
            return self._ended.decode(Path(self._path(_ENDED, "numbers")).read_bytes())
        except (FileNotFoundError, msgspec.MsgspecError):
            return Ended()

    def _replace(self, name: str, body: bytes) -> None:
        """Write a file whole or not at all."""
        path = self._path(name, "numbers")
        descriptor = os.open(f"{path}.new", _ANEW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
        Path(f"{path}.new").replace(path)

    @contextlib.contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        lock = os.open(self._folder / _READING, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, how)
            yield
        finally:
            os.close(lock)

    def _path(self, name: str, kind: str) -> str:
        return str(self._folder / f"{name}.{kind}")

    def __repr__(self) -> str:
        """Who writes."""
        return f"<RunFiles of {self._me}>"
