"""The transport of a connection that a test feeds."""

from __future__ import annotations

import asyncio
from typing import Any


class Line(asyncio.Transport):
    """The transport of a connection that a test feeds."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses = 0
        self.paused = self.closed = False

    def pause_reading(self) -> None:
        self.paused = True
        self.pauses += 1

    def resume_reading(self) -> None:
        self.paused = False

    def write(self, data: Any) -> None:  # noqa: ANN401 - bytes of any kind
        """No code reads it."""

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close
