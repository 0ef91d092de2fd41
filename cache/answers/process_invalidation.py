"""Invalidation between processes that cache answers separately, without Redis.

The processes share a folder with a file of eight bytes. A process that invalidates something writes a random number
there. A process that finds another number than before invalidates its whole cache: too much, but never too little. The
entries are removed at their next lookup or by eviction. The file is mapped into memory, so reading it takes no system
call.
"""

from __future__ import annotations

import logging
import mmap
import os
from pathlib import Path
from secrets import randbits

_log = logging.getLogger("simpul.cache")
_BYTES = 8
_NAME = "invalidated"


class NoProcessInvalidation:
    """For a process that is alone, or shares a tier with the others."""

    def open(self) -> None:
        """Open nothing."""

    def poll(self) -> bool:
        """Return False: nothing was invalidated."""
        return False

    def publish(self) -> None:
        """Publish nothing."""


NO_PROCESS_INVALIDATION = NoProcessInvalidation()


class ProcessInvalidation:
    """The invalidations of the other processes of this hub, by a shared folder."""

    def __init__(self, folder: Path) -> None:
        """Opens nothing yet. Until `open`, `poll` reports an invalidation each time."""
        self._folder = folder
        self._number: memoryview[int] | None = None
        self._seen = 0

    def open(self) -> None:
        """Maps the file. Call it before anything is cached."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
            with os.fdopen(os.open(self._folder / _NAME, flags, 0o600), "r+b") as file:
                os.ftruncate(file.fileno(), _BYTES)
                self._number = memoryview(mmap.mmap(file.fileno(), _BYTES)).cast("Q")
        except OSError as problem:
            _log.warning(
                "The run folder cannot be used (%s): answers are not cached, since invalidations would be missed."
                " See SIMPUL_RUN_FOLDER.",
                problem.strerror,
            )
            return
        self._seen = self._number[0]

    def poll(self) -> bool:
        """Whether any process invalidated something since the last poll."""
        if self._number is None:
            return True
        now = self._number[0]
        if now == self._seen:
            return False
        self._seen = now
        return True

    def publish(self) -> None:
        """Announces an invalidation.

        This process sees it at its next poll, too. If it skipped its own number, it could miss another process's write.
        """
        if self._number is not None:
            self._number[0] = randbits(8 * _BYTES)

    def __repr__(self) -> str:
        return f"<ProcessInvalidation {'open' if self._number is not None else 'closed'}>"
