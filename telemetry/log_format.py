"""The format of logs: JSON for machines, or text for people; one line per event.

No part of the hub logs personal data. Exceptions may hold some, so `format_traceback` removes it from their text.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, MutableMapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from time import gmtime, localtime, strftime
from typing import Any, Final, NamedTuple

import orjson
import structlog

from telemetry.current_request import get_current_call

FormatTraceback = Callable[[BaseException], str]
"""Formats an exception for the log."""

EXTRA_FIELDS: Final = ("request_id", "agency", "code", "incident", "issuer", "client")
"""Fields of an event besides its text (`extra` of `logging`); extra fields of libraries are dropped."""
_TEXT_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"


class LogFormat(Enum):
    """The format of log events."""

    JSON = "json"
    TEXT = "text"


class ServedRequest(NamedTuple):
    """One request in the access log."""

    ended_at: float
    """When it ended, in seconds since the epoch."""
    method: str
    path: str
    """The path of the route."""
    status: int
    seconds: float
    """The duration in seconds."""
    request_id: str
    trace_id: str | None
    """The id of its trace; None if it is not traced."""


def format_text(served: ServedRequest) -> str:
    """Formats a request for people."""
    _, method, path, status, took, request_id, _ = served
    return f"{method} {path} {status} {took * 1000:.1f} ms {request_id}"


class ServedRequestsRecord(logging.LogRecord):
    """Several requests in one record. A handler that does not know it sees a message of several lines."""

    def __init__(self, logger: str, served: Sequence[ServedRequest]) -> None:
        super().__init__(logger, logging.INFO, "", 0, "", None, None)
        self.served = served

    def getMessage(self) -> str:  # noqa: N802 - the name of `logging`
        """Returns the texts, one per line."""
        return "\n".join(map(format_text, self.served))


_get_end = attrgetter("ended_at")


@lru_cache(maxsize=2)  # most lines are of the same second
def _format_local(second: int) -> str:
    return strftime("%Y-%m-%d %H:%M:%S", localtime(second))


@lru_cache(maxsize=2)
def _format_utc(second: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(second))


class TextLines(logging.Formatter):
    """Time (of this machine), level, logger, text."""

    def __init__(self, format_traceback: FormatTraceback) -> None:
        super().__init__(_TEXT_FORMAT)
        self._format_traceback = format_traceback

    def format(self, record: logging.LogRecord) -> str:
        """Formats a record, without a line end."""
        if not isinstance(record, ServedRequestsRecord):
            return super().format(record)
        prefix = f"{record.levelname} {record.name}"
        written: list[str] = []
        for at, together in groupby(record.served, _get_end):
            second = int(at)
            start = f"{_format_local(second)},{int((at - second) * 1000):03} {prefix}"
            for _, method, path, status, took, request_id, _ in together:
                written.append(f"{start} {method} {path} {status} {took * 1000:.1f} ms {request_id}")
        return "\n".join(written)

    def formatException(self, ei: Any) -> str:  # noqa: N802, ANN401 - the name of `logging`, and its signature
        """Formats an exception for the log."""
        return self._format_traceback(ei[1]) if ei[1] is not None else ""


class JsonLines(structlog.stdlib.ProcessorFormatter):
    """One JSON object per line: `time` (UTC), `level`, `logger`, `event`, extra fields, and `worker` (process id)."""

    def __init__(self, format_traceback: FormatTraceback) -> None:
        self._format_traceback = format_traceback
        super().__init__(
            processors=[structlog.processors.JSONRenderer(serializer=_dump_json)],
            foreign_pre_chain=[self._build_event],
        )

    def format(self, record: logging.LogRecord) -> str:
        """Formats a record, without a line end."""
        if not isinstance(record, ServedRequestsRecord):
            return super().format(record)
        # Written by hand, in half the time: none of these values contains a character that JSON escapes. Methods are
        # tokens (RFC 9110, section 9.1), paths are those of routes, ids are validated or generated here.
        constant_members = f'"level":"info","logger":"{record.name}","event":"served"'
        worker = f'"worker":{record.process}'
        written: list[str] = []
        for at, together in groupby(record.served, _get_end):
            second = int(at)
            start = f'{{"time":"{_format_utc(second)}.{int((at - second) * 1000):03}Z",{constant_members}'
            for _, method, path, status, took, request_id, trace_id in together:
                ids = f'"request_id":"{request_id}"' + ("" if trace_id is None else f',"trace_id":"{trace_id}"')
                members = f'"method":"{method}","path":"{path}","status":{status},"ms":{took * 1000:.1f},{ids}'
                written.append(f"{start},{members},{worker}}}")
        return "\n".join(written)

    def _build_event(self, _logger: object, level: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Builds the members of an event."""
        record: logging.LogRecord = event["_record"]
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        fields = {"time": at, "level": level, "logger": record.name, "event": event["event"]}
        fields |= {name: getattr(record, name) for name in EXTRA_FIELDS if hasattr(record, name)}
        call = get_current_call()
        if call is not None and fields.setdefault("request_id", call.request_id) == call.request_id:
            span = call.span
            if span is not None and span.is_sampled:
                fields["trace_id"] = span.trace_id
        if record.exc_info is not None and record.exc_info[1] is not None:
            fields["exception"] = self._format_traceback(record.exc_info[1])
        fields["worker"] = record.process
        return fields


def _dump_json(event: object, **_: Any) -> str:  # noqa: ANN401 - what structlog's renderer gives
    return orjson.dumps(event, default=repr).decode()


def build_formatter(log_format: LogFormat, format_traceback: FormatTraceback) -> logging.Formatter:
    """Builds the formatter for a format."""
    return JsonLines(format_traceback) if log_format is LogFormat.JSON else TextLines(format_traceback)
