"""Formats unexpected errors for the log, without personal data."""

from __future__ import annotations

import traceback

_MAX_CAUSES = 5


def safe_traceback(error: BaseException, *, with_messages: bool = False) -> str:
    """The traceback of an error and its causes: types and lines of code, and messages only with `with_messages`.

    Messages and values may hold personal data; types and lines of code do not.
    """
    if with_messages:
        return "".join(traceback.format_exception(error))
    parts: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(parts) < _MAX_CAUSES:
        parts.append(f"{type(cause).__qualname__}\n{''.join(traceback.format_tb(cause.__traceback__))}")
        cause = cause.__cause__ or cause.__context__
    return "caused by ".join(parts)
