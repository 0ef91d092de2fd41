"""The access log: one line a request, written many at a time.

A line of its own would cost each request a log record, a lock and a system call. Where every handler that the lines
reach writes the hub's own form (`LineFormatter`), they are gathered and handed over in one record, at most 100 ms or
512 lines (some 64 kB) later, and at the orderly end. Other handlers get each line at once, as from any logger.

The line has method, path, status, duration and id: never the query string, which may hold variables, and no path that
the hub does not serve, which may hold anything.
"""

from __future__ import annotations

import asyncio
import logging
from time import localtime, monotonic, strftime, time

LINE_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"
"""One line an event: time, level, logger, text."""
_LONGEST_WAIT = 0.1
"""Seconds that a line may wait. A process that is killed loses the lines of so long."""
_MOST_LINES = 512


class AccessLines(logging.LogRecord):
    """Lines of several requests in one record. To handlers that do not know it, a message of several lines."""

    def __init__(self, logger: str, lines: list[tuple[float, str]]) -> None:
        super().__init__(logger, logging.INFO, "", 0, "", None, None)
        self.lines = lines
        """When each line was noted, in seconds since the epoch, and its text."""

    def getMessage(self) -> str:  # noqa: N802 - the name of `logging`
        """The texts, one a line."""
        return "\n".join(text for _, text in self.lines)


class LineFormatter(logging.Formatter):
    """Writes each event in the form of `LINE_FORMAT`, and each line of an `AccessLines` as an event of its own."""

    def __init__(self) -> None:
        super().__init__(LINE_FORMAT)

    def format(self, record: logging.LogRecord) -> str:
        """The text of a record, without the line's end."""
        if not isinstance(record, AccessLines):
            return super().format(record)
        written: list[str] = []
        second, stamp = -1, ""
        for noted, text in record.lines:
            if int(noted) != second:
                second = int(noted)
                stamp = strftime("%Y-%m-%d %H:%M:%S", localtime(second))
            written.append(f"{stamp},{int((noted - second) * 1000):03} {record.levelname} {record.name} {text}")
        return "\n".join(written)


class AccessLog:
    """What the HTTP side notes its requests in. Used from one event loop."""

    def __init__(self) -> None:
        self._logger = logging.getLogger("simpul.access")
        self._waiting: list[tuple[float, str]] = []
        self._timer: asyncio.TimerHandle | None = None

    def note(self, *, method: str, path: str, status: int, began: float, request_id: str) -> None:
        """Note one request. `path` is the route's, not the caller's; `began` is a moment of `time.monotonic`."""
        if not self._logger.isEnabledFor(logging.INFO):
            return
        text = f"{method} {path} {status} {(monotonic() - began) * 1000:.1f} ms {request_id}"
        if self._timer is None:
            if not _takes_many(self._logger):
                self._logger.info("%s", text)
                return
            self._timer = asyncio.get_running_loop().call_later(_LONGEST_WAIT, self.flush)
        self._waiting.append((time(), text))
        if len(self._waiting) >= _MOST_LINES:
            self.flush()

    def flush(self) -> None:
        """Hand over every line that waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            lines, self._waiting = self._waiting, []
            self._logger.handle(AccessLines(self._logger.name, lines))


def _takes_many(logger: logging.Logger) -> bool:
    """Whether every handler that the logger's records reach writes them by `LineFormatter`."""
    reached: list[logging.Handler] = []
    above: logging.Logger | None = logger
    while above is not None:
        reached += above.handlers
        above = above.parent if above.propagate else None
    return bool(reached) and all(isinstance(handler.formatter, LineFormatter) for handler in reached)
