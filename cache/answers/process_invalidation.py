"""What processes that keep answers each by itself tell each other: that something was invalidated.

Without Redis nobody carries from one process of a hub to the others which answers must go. But they share a folder, and
in a file of eight bytes there each writes a number of its own when it invalidates anything. Who finds another number
than before forgets all that it keeps: too much, and never too little. A look costs no call of the system.
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
    """No other process: for one that is alone, or shares a tier with the others."""

    def open(self) -> None:
        """Nothing is opened."""

    def poll(self) -> bool:
        """Nothing was invalidated."""
        return False

    def publish(self) -> None:
        """Nobody is told."""


ALONE = NoProcessInvalidation()


class ProcessInvalidation:
    """The other processes of this hub, by the folder that they share."""

    def __init__(self, folder: Path) -> None:
        """Nothing is opened yet: who knows of no others takes it that they invalidate all the time."""
        self._folder = folder
        self._number: memoryview[int] | None = None
        self._seen = 0

    def open(self) -> None:
        """Begin to hear of the others, before anything is kept."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
            with os.fdopen(os.open(self._folder / _NAME, flags, 0o600), "r+b") as file:
                os.ftruncate(file.fileno(), _BYTES)
                self._number = memoryview(mmap.mmap(file.fileno(), _BYTES)).cast("Q")
        except OSError as problem:
            _log.warning(
                "The run folder cannot be used (%s): nothing is kept, since nobody would hear what has to go."
                " See SIMPUL_RUN_FOLDER.",
                problem.strerror,
            )
            return
        self._seen = self._number[0]

    def poll(self) -> bool:
        """Whether any process invalidated something since this was asked last."""
        if self._number is None:
            return True
        now = self._number[0]
        if now == self._seen:
            return False
        self._seen = now
        return True

    def publish(self) -> None:
        """Say that something was invalidated. This process hears it, too: else it could miss what another says now."""
        if self._number is not None:
            self._number[0] = randbits(8 * _BYTES)

    def __repr__(self) -> str:
        """Whether they are heard."""
        return f"<Neighbours {'heard' if self._number is not None else 'not heard'}>"
