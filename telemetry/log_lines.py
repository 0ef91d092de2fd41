"""The form of logs: JSON for machines, or a line of text for people. One line an event, whoever logs it.

No part of the hub logs personal data. Of exceptions, which may hold some, `story` tells what is left of them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, MutableMapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from time import gmtime, localtime, strftime
from typing import Any, Final, NamedTuple

import orjson
import structlog

from telemetry.under_way import current

Story = Callable[[BaseException], str]
"""What the log gets of an exception."""

FIELDS: Final = ("request_id", "agency", "code", "incident", "issuer", "client")
"""What may be said of an event beside its text (`extra` of `logging`); nothing else that a library says is written."""
_TEXT: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"


class LogForm(Enum):
    """How events are written."""

    JSON = "json"
    TEXT = "text"


class Served(NamedTuple):
    """One request, as the access log tells of it."""

    at: float
    """When it ended, in seconds since the epoch."""
    method: str
    path: str
    """The route's."""
    status: int
    took: float
    """Seconds."""
    request_id: str
    trace_id: str | None
    """Where it is told of in traces."""


def text_of(served: Served) -> str:
    """What people read."""
    _, method, path, status, took, request_id, _ = served
    return f"{method} {path} {status} {took * 1000:.1f} ms {request_id}"


class ServedRequests(logging.LogRecord):
    """Several requests in one record. To handlers that do not know it, a message of several lines."""

    def __init__(self, logger: str, served: Sequence[Served]) -> None:
        super().__init__(logger, logging.INFO, "", 0, "", None, None)
        self.served = served

    def getMessage(self) -> str:  # noqa: N802 - the name of `logging`
        """The texts, one a line."""
        return "\n".join(map(text_of, self.served))


class TextLines(logging.Formatter):
    """Time (of this machine), level, logger, text."""

    def __init__(self, story: Story) -> None:
        super().__init__(_TEXT)
        self._story = story

    def format(self, record: logging.LogRecord) -> str:
        """The text of a record, without the line's end."""
        if not isinstance(record, ServedRequests):
            return super().format(record)
        about = f"{record.levelname} {record.name}"
        written: list[str] = []
        second, stamp = -1, ""
        for each in record.served:
            if int(each.at) != second:
                second = int(each.at)
                stamp = strftime("%Y-%m-%d %H:%M:%S", localtime(second))
            written.append(f"{stamp},{int((each.at - second) * 1000):03} {about} {text_of(each)}")
        return "\n".join(written)

    def formatException(self, ei: Any) -> str:  # noqa: N802, ANN401 - the name of `logging`, and its signature
        """What the log gets of an exception."""
        return self._story(ei[1]) if ei[1] is not None else ""


class JsonLines(structlog.stdlib.ProcessorFormatter):
    """An object a line: `time` (UTC), `level`, `logger`, `event`, what else is said, and `worker` (process id)."""

    def __init__(self, story: Story) -> None:
        self._story = story
        super().__init__(
            processors=[structlog.processors.JSONRenderer(serializer=_json)],
            foreign_pre_chain=[self._told],
        )

    def format(self, record: logging.LogRecord) -> str:
        """The text of a record, without the line's end."""
        if not isinstance(record, ServedRequests):
            return super().format(record)
        # Written by hand, in half the time: no part of these has anything in it that JSON would have to escape. Methods
        # are tokens (RFC 9110, section 9.1), paths the routes' own, ids checked or made here.
        about = f'"level":"info","logger":"{record.name}","event":"served"'
        worker = f'"worker":{record.process}'
        written: list[str] = []
        second, stamp = -1, ""
        for at, method, path, status, took, request_id, trace_id in record.served:
            if int(at) != second:
                second = int(at)
                stamp = strftime("%Y-%m-%dT%H:%M:%S", gmtime(second))
            milliseconds = int((at - second) * 1000)
            ids = f'"request_id":"{request_id}"' + ("" if trace_id is None else f',"trace_id":"{trace_id}"')
            told = f'"method":"{method}","path":"{path}","status":{status},"ms":{took * 1000:.1f},{ids}'
            written.append(f'{{"time":"{stamp}.{milliseconds:03}Z",{about},{told},{worker}}}')
        return "\n".join(written)

    def _told(self, _logger: object, level: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """What is written of a record."""
        record: logging.LogRecord = event["_record"]
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        told = {"time": at, "level": level, "logger": record.name, "event": event["event"]}
        told |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        call = current()
        if call is not None and told.setdefault("request_id", call.request_id) == call.request_id:
            span = call.span
            if span is not None and span.sampled:
                told["trace_id"] = span.trace_id
        if record.exc_info is not None and record.exc_info[1] is not None:
            told["exception"] = self._story(record.exc_info[1])
        told["worker"] = record.process
        return told


def _json(told: object, **_: Any) -> str:  # noqa: ANN401 - what structlog's renderer gives
    return orjson.dumps(told, default=repr).decode()


def lines(form: LogForm, story: Story) -> logging.Formatter:
    """What writes events in a form."""
    return JsonLines(story) if form is LogForm.JSON else TextLines(story)
