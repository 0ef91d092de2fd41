"""The access log: lines of many requests are written together, none is lost, and all have the log's format."""

import asyncio
import io
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import pytest

import server
from engine.safe_traceback import safe_traceback
from telemetry.log_format import TextLines
from tests.fakes.waiting import wait_until
from tests.web.conftest import serve_application
from web.middleware.request_log import RequestLog
from web.settings import WebSettings

LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO simpul\.access (.*)")


class CountingStream(io.StringIO):
    """A stream that counts its writes."""

    writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)

    def lines(self) -> list[str]:
        """The text of each line; fails if a line has another format."""
        found = [LINE.fullmatch(line) for line in self.getvalue().splitlines()]
        assert None not in found, self.getvalue()
        return [each[1] for each in found if each is not None]


@contextmanager
def capture_request_log() -> Iterator[CountingStream]:
    """The output of the hub's handler, while the lines reach no other handler."""
    stream = CountingStream()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextLines(safe_traceback))
    logger = logging.getLogger("simpul.access")
    before = logger.handlers[:]  # pytest's own
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(logging.INFO)
    try:
        yield stream
    finally:
        logger.handlers[:] = before
        logger.propagate = True
        logger.setLevel(logging.NOTSET)


def record_request(log: RequestLog, number: int = 1) -> None:
    log.record(f"request-{number}", method="POST", path="/graphql", status=200, started_at=monotonic())


async def test_lines_are_collected_and_written_together() -> None:
    with capture_request_log() as written:
        log = RequestLog()
        for number in range(3):
            record_request(log, number)
        assert written.writes == 0
        await wait_until(lambda: written.writes > 0)
        assert written.writes == 1
        assert [re.sub(r" \d+\.\d ms ", " T ", line) for line in written.lines()] == [
            f"POST /graphql 200 T request-{number}" for number in range(3)
        ]


async def test_a_full_batch_is_written_immediately() -> None:
    with capture_request_log() as written:
        log = RequestLog()
        for number in range(513):
            record_request(log, number)
        assert len(written.lines()) == 512
        log.flush()
        assert written.lines()[-1].endswith(" request-512")


async def test_nothing_is_written_twice() -> None:
    with capture_request_log() as written:
        log = RequestLog()
        record_request(log)
        log.flush()
        log.flush()
        record_request(log, 2)
        await wait_until(lambda: len(written.lines()) == 2)
        assert written.writes == 2


async def test_a_higher_log_level_silences_the_lines() -> None:
    with capture_request_log() as written:
        log = RequestLog()
        logging.getLogger("simpul.access").setLevel(logging.WARNING)
        record_request(log)
        log.flush()
        assert written.getvalue() == ""


async def test_another_handler_gets_each_line_immediately_as_its_own_record(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with capture_request_log() as written:
        logger, log = logging.getLogger("simpul.access"), RequestLog()
        logger.addHandler(caplog.handler)
        try:
            for number in range(2):
                record_request(log, number)
        finally:
            logger.removeHandler(caplog.handler)
        assert [record.getMessage().rpartition(" ")[2] for record in caplog.records] == ["request-0", "request-1"]
        assert [line.rpartition(" ")[2] for line in written.lines()] == ["request-0", "request-1"]


async def test_a_handler_that_is_added_while_lines_wait_gets_them_in_one_message(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with capture_request_log() as written:
        logger, log = logging.getLogger("simpul.access"), RequestLog()
        for number in range(2):
            record_request(log, number)
        logger.addHandler(caplog.handler)
        try:
            log.flush()
        finally:
            logger.removeHandler(caplog.handler)
        (record,) = caplog.records
        assert [line.rpartition(" ")[2] for line in record.getMessage().splitlines()] == ["request-0", "request-1"]
        assert len(written.lines()) == 2


def test_other_events_have_the_same_format() -> None:
    record = logging.LogRecord("simpul.engine", logging.WARNING, "", 0, "of %s", ("crm",), None)
    written = TextLines(safe_traceback).format(record)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} WARNING simpul\.engine of crm", written)


async def test_an_orderly_shutdown_writes_all_lines() -> None:
    with capture_request_log() as written:
        async with serve_application(WebSettings()) as hub:
            await hub.post({"query": "{ whoAmI }"}, X_Request_Id="gateway-4711")
            await hub.get("/health/live", X_Request_Id="gateway-4712")
        assert [re.sub(r"\d+\.\d ms ", "", line) for line in written.lines()] == [
            "POST /graphql 200 gateway-4711",
            "GET /health/live 200 gateway-4712",
        ]


def test_the_hubs_own_handler_accepts_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """The handler of the composition root accepts batches."""
    stream = io.StringIO()
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    monkeypatch.setattr("sys.stderr", stream)
    try:
        root.handlers.clear()
        server.configure_logging()
        asyncio.run(_note_and_flush(stream))
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    assert LINE.fullmatch(stream.getvalue().rstrip("\n"))


async def _note_and_flush(stream: io.StringIO) -> None:
    log = RequestLog()
    record_request(log)
    assert stream.getvalue() == ""
    log.flush()


async def test_a_silenced_log_collects_nothing() -> None:
    with capture_request_log() as stream:
        logging.getLogger("simpul.access").setLevel(logging.WARNING)
        log = RequestLog()
        record_request(log)
        log.flush()
        assert stream.getvalue() == ""
        logging.getLogger("simpul.access").setLevel(logging.INFO)
        record_request(log, 2)
        log.flush()
        assert len(stream.lines()) == 1
