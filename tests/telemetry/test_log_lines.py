"""Events of the log have one form, whoever logs them, and say of exceptions what `story` says."""

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

from engine.story import story
from records.call import Call
from telemetry import under_way
from telemetry.log_lines import LogForm, Served, ServedRequests, lines
from telemetry.loop_faults import faults_told
from telemetry.traces import Traces

MOMENT = 1_793_527_200.0625  # 2026-11-01T10:00:00.062 UTC
SECRET = "3171014506909001 Siti"


@contextmanager
def logging_as(form: LogForm) -> Iterator[io.StringIO]:
    """What is written, of everything that is logged in the block."""
    stream, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(lines(form, story))
    before, level = root.handlers[:], root.level
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    try:
        yield stream
    finally:
        root.handlers[:] = before
        root.setLevel(level)


def objects(stream: io.StringIO) -> list[Mapping[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def served(number: int, trace_id: str | None = None) -> Served:
    return Served(MOMENT + number, "POST", "/graphql", 200, 0.0125, f"request-{number}", trace_id)


def test_an_event_is_an_object_in_a_line_of_its_own() -> None:
    record = logging.LogRecord("simpul.engine", logging.WARNING, "", 0, "%s of agency %s:\n%s", ("A", "crm", "b"), None)
    record.created = MOMENT
    record.agency, record.code, record.password = "crm", "AGENCY_TIMEOUT", "unknown fields are not written"
    assert lines(LogForm.JSON, story).format(record) == (
        '{"time":"2026-11-01T10:00:00.062Z","level":"warning","logger":"simpul.engine","event":"A of agency crm:\\nb",'
        f'"agency":"crm","code":"AGENCY_TIMEOUT","worker":{os.getpid()}}}'
    )


def test_requests_are_objects_too_each_with_its_numbers() -> None:
    record = ServedRequests("simpul.access", [served(0), served(1, "ab" * 16)])
    told = [json.loads(line) for line in lines(LogForm.JSON, story).format(record).splitlines()]
    first = {
        "time": "2026-11-01T10:00:00.062Z", "level": "info", "logger": "simpul.access", "event": "served",
        "method": "POST", "path": "/graphql", "status": 200, "ms": 12.5, "request_id": "request-0",
        "worker": os.getpid(),
    }  # fmt: skip
    second = first | {"time": "2026-11-01T10:00:01.062Z", "request_id": "request-1", "trace_id": "ab" * 16}
    assert told == [first, second]


def test_for_people_it_is_a_line_of_text() -> None:
    record = ServedRequests("simpul.access", [served(0), served(1)])
    first, second = lines(LogForm.TEXT, story).format(record).splitlines()
    assert re.fullmatch(
        r"2026-\d\d-\d\d \d\d:\d\d:00,062 INFO simpul\.access POST /graphql 200 12\.5 ms request-0", first
    )
    assert re.fullmatch(
        r"2026-\d\d-\d\d \d\d:\d\d:01,062 INFO simpul\.access POST /graphql 200 12\.5 ms request-1", second
    )
    assert record.getMessage() == "POST /graphql 200 12.5 ms request-0\nPOST /graphql 200 12.5 ms request-1"


@pytest.mark.parametrize("form", LogForm)
def test_of_an_exception_its_type_and_lines_of_code_are_written_and_no_text(form: LogForm) -> None:
    with logging_as(form) as stream:
        try:
            int(SECRET)
        except ValueError:
            logging.getLogger("of.a.library").exception("It failed.")
    assert SECRET not in stream.getvalue()
    assert "ValueError" in stream.getvalue()
    assert "int(SECRET)" in stream.getvalue()


@pytest.mark.parametrize("form", LogForm)
def test_in_development_its_text_is_written(form: LogForm) -> None:
    record = logging.LogRecord("simpul", logging.ERROR, "", 0, "It failed.", None, None)
    record.exc_info = (ValueError, ValueError(SECRET), None)
    assert f"ValueError: {SECRET}" in lines(form, partial(story, with_messages=True)).format(record)


async def test_what_is_logged_while_a_request_is_worked_on_has_its_ids() -> None:
    traces = Traces("http://127.0.0.1:9/v1/traces", share=1.0)
    log = logging.getLogger("of.a.library")
    with logging_as(LogForm.JSON) as stream:
        async with traces.running():
            span = traces.of_request("GET", {}, {}, trusted=False)
            assert span is not None

            async def working() -> None:
                now = under_way.began(Call(deadline=0.0, request_id="mine", span=span))
                log.info("in it")
                await asyncio.create_task(part())
                log.info("of another", extra={"request_id": "another"})
                left = asyncio.create_task(after())
                now.over()
                await left

            async def part() -> None:
                log.info("in a part of it")

            async def after() -> None:
                log.info("after it")

            await asyncio.create_task(working())
            log.info("beside it")
            told = {each["event"]: (each.get("request_id"), each.get("trace_id")) for each in objects(stream)}
    assert told == {
        "in it": ("mine", span.trace_id),
        "in a part of it": ("mine", span.trace_id),
        "of another": ("another", None),
        "after it": (None, None),
        "beside it": (None, None),
    }


@pytest.mark.usefixtures("loop_errors")
async def test_what_nobody_waited_for_is_told_without_the_values_that_asyncio_would_write() -> None:
    async def failing() -> None:
        raise RuntimeError(SECRET)

    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    with logging_as(LogForm.JSON) as stream, faults_told():
        task = asyncio.create_task(failing(), name=SECRET)
        await asyncio.wait([task])
        del task
        loop.call_soon(int, SECRET)
        await asyncio.sleep(0)
    assert loop.get_exception_handler() is before
    assert SECRET not in stream.getvalue()
    assert [(each["event"], each["exception"].splitlines()[0]) for each in objects(stream)] == [
        ("Task exception was never retrieved.", "RuntimeError"),
        ("Exception in callback.", "ValueError"),
    ]
