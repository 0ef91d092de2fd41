"""Bounds the memory of the files that requests of one process hold at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from web.http_errors import HttpError, HttpErrorCode
from web.uploads.multipart_parts import MAX_CONTENT_BYTES

MAX_BYTES: Final = 4 * MAX_CONTENT_BYTES
_RETRY_SECONDS: Final = 5


class UploadBudget:
    """The bytes that uploads may still hold in memory."""

    def __init__(self) -> None:
        """All is free."""
        self._free = MAX_BYTES

    @contextmanager
    def reserve(self, announced: int | None) -> Iterator[None]:
        """Reserve memory for the files of one request until the block ends.

        `announced` is the length of its body; without one, the most that a body may hold is reserved.

        Raises:
            HttpError: OVERLOADED.

        """
        wanted = min(MAX_CONTENT_BYTES, MAX_CONTENT_BYTES if announced is None else announced)
        if wanted > self._free:
            message = "Too many files are being sent at the moment. Try again in some seconds, with the same 'key'."
            raise HttpError(HttpErrorCode.OVERLOADED, message, headers={"Retry-After": f"{_RETRY_SECONDS}"})
        self._free -= wanted
        try:
            yield
        finally:
            self._free += wanted
