"""Logs exceptions that no task awaited, through the event loop's exception handler."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_log = logging.getLogger("simpul.incidents")

_IN_CALLBACK = "Exception in callback"


@contextmanager
def log_loop_exceptions() -> Iterator[None]:
    """Logs such exceptions of the running event loop safely: asyncio's own handler would print values."""
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(_log_exception)
    try:
        yield
    finally:
        loop.set_exception_handler(before)


def _log_exception(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    message = str(context.get("message", "Unawaited failure"))
    if message.startswith(_IN_CALLBACK):  # the rest of the message names the callback and its arguments
        message = _IN_CALLBACK
    failure = context.get("exception")
    _log.error("%s.", message.rstrip("."), exc_info=failure if isinstance(failure, BaseException) else None)
