"""Log events have one format for all loggers, and show exceptions as `safe_traceback` does."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from engine.safe_traceback import safe_traceback
from records.calls.call import Call
from telemetry import current_request
from telemetry.log_format import LogFormat, ServedRequest, ServedRequestsRecord, build_formatter
from telemetry.loop_exceptions import log_loop_exceptions
from telemetry.tracing import Tracing

MOMENT = 1_793_527_200.0625  # 2026-11-01T10:00:00.062 UTC
SECRET = "3171014506909001 Siti"


@contextmanager
def capture_log(form: LogFormat) -> Iterator[io.StringIO]:
    """The output of everything that is logged within the block."""
    stream, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(build_formatter(form, safe_traceback))
    before, level = root.handlers[:], root.level
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    try:
        yield stream
    finally:
        root.handlers[:] = before
        root.setLevel(level)


def parse_lines(stream: io.StringIO) -> list[Mapping[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def build_served_request(number: int, trace_id: str | None = None) -> ServedRequest:
    return ServedRequest(MOMENT + number, "POST", "/graphql", 200, 0.0125, f"request-{number}", trace_id)


def test_an_event_is_one_json_object_per_line() -> None:
    record = logging.LogRecord("simpul.engine", logging.WARNING, "", 0, "%s of agency %s:\n%s", ("A", "crm", "b"), None)
    record.created = MOMENT
    record.agency, record.code, record.password = "crm", "AGENCY_TIMEOUT", "unknown fields are not written"
    assert build_formatter(LogFormat.JSON, safe_traceback).format(record) == (
        '{"time":"2026-11-01T10:00:00.062Z","level":"warning","logger":"simpul.engine","event":"A of agency crm:\\nb",'
        f'"agency":"crm","code":"AGENCY_TIMEOUT","worker":{os.getpid()}}}'
    )


def test_requests_are_json_objects_with_their_figures() -> None:
    record = ServedRequestsRecord("simpul.access", [build_served_request(0), build_served_request(1, "ab" * 16)])
    events = [json.loads(line) for line in build_formatter(LogFormat.JSON, safe_traceback).format(record).splitlines()]
    first = {
        "time": "2026-11-01T10:00:00.062Z", "level": "info", "logger": "simpul.access", "event": "served",
        "method": "POST", "path": "/graphql", "status": 200, "ms": 12.5, "request_id": "request-0",
        "worker": os.getpid(),
    }  # fmt: skip
    second = first | {"time": "2026-11-01T10:00:01.062Z", "request_id": "request-1", "trace_id": "ab" * 16}
    assert events == [first, second]


def test_the_text_format_is_one_line_per_event() -> None:
    record = ServedRequestsRecord("simpul.access", [build_served_request(0), build_served_request(1)])
    first, second = build_formatter(LogFormat.TEXT, safe_traceback).format(record).splitlines()
    assert re.fullmatch(
        r"2026-\d\d-\d\d \d\d:\d\d:00,062 INFO simpul\.access POST /graphql 200 12\.5 ms request-0", first
    )
    assert re.fullmatch(
        r"2026-\d\d-\d\d \d\d:\d\d:01,062 INFO simpul\.access POST /graphql 200 12\.5 ms request-1", second
    )
    assert record.getMessage() == "POST /graphql 200 12.5 ms request-0\nPOST /graphql 200 12.5 ms request-1"


@pytest.mark.parametrize("form", LogFormat)
def test_requests_that_ended_together_have_the_lines_of_requests_alone(form: LogFormat) -> None:
    formatter = build_formatter(form, safe_traceback)
    moments = (MOMENT, MOMENT, MOMENT + 0.25, MOMENT + 0.25, MOMENT + 1.5, MOMENT)
    served = [build_served_request(0)._replace(ended_at=at, status=200 + n) for n, at in enumerate(moments)]
    alone = [formatter.format(ServedRequestsRecord("simpul.access", [each])) for each in served]
    assert formatter.format(ServedRequestsRecord("simpul.access", served)).splitlines() == alone


@pytest.mark.parametrize("form", LogFormat)
def test_an_exception_is_logged_with_type_and_code_lines_without_its_text(form: LogFormat) -> None:
    with capture_log(form) as stream:
        try:
            int(SECRET)
        except ValueError:
            logging.getLogger("of.a.library").exception("It failed.")
    assert SECRET not in stream.getvalue()
    assert "ValueError" in stream.getvalue()
    assert "int(SECRET)" in stream.getvalue()


@pytest.mark.parametrize("form", LogFormat)
def test_in_development_the_text_of_an_exception_is_logged(form: LogFormat) -> None:
    record = logging.LogRecord("simpul", logging.ERROR, "", 0, "It failed.", None, None)
    record.exc_info = (ValueError, ValueError(SECRET), None)
    assert f"ValueError: {SECRET}" in build_formatter(form, partial(safe_traceback, with_messages=True)).format(record)


async def test_events_during_a_request_have_its_ids() -> None:
    traces = Tracing("http://127.0.0.1:9/v1/traces", sample_ratio=1.0)
    log = logging.getLogger("of.a.library")
    with capture_log(LogFormat.JSON) as stream:
        async with traces.run():
            span = traces.start_request_span("GET", {}, {}, is_trusted=False)
            assert span is not None

            async def working() -> None:
                now = current_request.enter_request(Call(deadline=0.0, request_id="mine", span=span))
                log.info("in it")
                await asyncio.create_task(part())
                log.info("of another", extra={"request_id": "another"})
                left = asyncio.create_task(after())
                now.end()
                await left

            async def part() -> None:
                log.info("in a part of it")

            async def after() -> None:
                log.info("after it")

            await asyncio.create_task(working())
            log.info("beside it")
            ids_by_event = {
                each["event"]: (each.get("request_id"), each.get("trace_id")) for each in parse_lines(stream)
            }
    assert ids_by_event == {
        "in it": ("mine", span.trace_id),
        "in a part of it": ("mine", span.trace_id),
        "of another": ("another", None),
        "after it": (None, None),
        "beside it": (None, None),
    }


@pytest.mark.usefixtures("loop_errors")
async def test_unawaited_failures_are_logged_without_the_values_that_asyncio_prints() -> None:
    async def failing() -> None:
        raise RuntimeError(SECRET)

    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    with capture_log(LogFormat.JSON) as stream, log_loop_exceptions():
        task = asyncio.create_task(failing(), name=SECRET)
        await asyncio.wait([task])
        del task
        loop.call_soon(int, SECRET)
        await asyncio.sleep(0)
    assert loop.get_exception_handler() is before
    assert SECRET not in stream.getvalue()
    assert [(each["event"], each["exception"].splitlines()[0]) for each in parse_lines(stream)] == [
        ("Task exception was never retrieved.", "RuntimeError"),
        ("Exception in callback.", "ValueError"),
    ]
