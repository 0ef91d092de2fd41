import logging
import re
from itertools import islice
from time import monotonic

import pytest
from starlette.datastructures import Headers

from tests.web.conftest import GraphServer
from web.http_errors import HttpError
from web.middleware.request_identity import choose_request_id, generate_request_ids, get_call, parse_timeout

HEX = "0af3171014506900001b67d5bca7e9d2"
NUMBERED = [
    "3171014506900001",
    "nik-3171014506900001",
    "NIK3171014506900001",
    "app.3171014506900001-2",
    "3171014506900001_1",
    "317101000100200030",
]


@pytest.mark.parametrize("offered", ["a" * 8, "a" * 64, "4bf92f35-77b3-4da6_a3ce.929d0e0e4736", "12345678", HEX])
def test_accepts_a_valid_id(offered: str) -> None:
    assert choose_request_id(offered) == offered


@pytest.mark.parametrize(
    "offered",
    [None, "", "short", "a" * 65, "with space", "new\nline-in-it", "quote'quote", "ünïcode1", *NUMBERED],
)
def test_creates_an_id_without_a_valid_one(offered: str | None) -> None:
    made = choose_request_id(offered)
    assert made != offered
    assert len(made) == 32
    assert choose_request_id(offered) != made


async def test_every_response_has_an_id(hub: GraphServer) -> None:
    for path in ("/graphql", "/health/live", "/graphiql", "/no/such/path"):
        answer = await hub.get(path, X_Request_Id="gateway-4711")
        assert answer.headers["X-Request-Id"] == "gateway-4711", path


async def test_the_log_has_no_query_string_and_no_unknown_path(
    hub: GraphServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        await hub.get("/graphql", {"query": "{ whoAmI }", "variables": '{"nik":"3171014506900001"}'})
        await hub.get("/citizens/3171014506900001", X_Request_Id="gateway-4712")
        await hub.get("/graphiql/assets/3171014506900001/init.js")
    lines = [record.getMessage() for record in caplog.records if record.name == "simpul.access"]
    assert [line.split(" ", 3)[:3] for line in lines] == [
        ["GET", "/graphql", "200"],
        ["GET", "(no", "such"],
        ["GET", "/graphiql/assets/{digest}/{name}", "404"],
    ]
    assert lines[1].endswith(" ms gateway-4712")
    assert "3171014506900001" not in caplog.text


def test_the_error_names_the_missing_middleware() -> None:
    with pytest.raises(TypeError, match="RequestIdentity must run first"):
        get_call({"state": {"call": None}})


@pytest.mark.parametrize(
    ("offered", "seconds"), [(None, 20.0), ("0.5", 0.5), ("3", 3.0), ("20", 20.0), ("21", 20.0), ("999999999", 20.0)]
)
def test_a_caller_may_set_a_shorter_timeout_but_no_longer_one(offered: str | None, seconds: float) -> None:
    headers = Headers({} if offered is None else {"X-Request-Timeout": offered})
    assert parse_timeout(headers, 20.0) == seconds


@pytest.mark.parametrize(
    "offered", ["", "0", "0.0", "-1", "+1", "1e3", "nan", "inf", "soon", "1 ", "1,5", "٣", "1" * 10]
)
def test_a_malformed_timeout_is_refused(offered: str) -> None:
    headers = Headers(raw=[(b"x-request-timeout", offered.encode())])
    with pytest.raises(HttpError, match=r"^X-Request-Timeout is malformed: "):
        parse_timeout(headers, 20.0)


def test_two_timeouts_are_refused() -> None:
    with pytest.raises(HttpError):
        parse_timeout(Headers(raw=[(b"x-request-timeout", b"1"), (b"x-request-timeout", b"2")]), 20.0)


async def test_the_callers_timeout_is_the_deadline_of_the_call(hub: GraphServer) -> None:
    before = monotonic()
    await hub.post({"query": "{ whoAmI }"}, X_Request_Timeout="5")
    assert before + 5 <= hub.graph.calls[-1].deadline <= monotonic() + 5


async def test_an_invalid_timeout_is_refused_with_a_text_and_health_still_answers(hub: GraphServer) -> None:
    asked = len(hub.graph.calls)
    answer = await hub.post({"query": "{ whoAmI }"}, X_Request_Timeout="soon")
    assert (answer.status, answer.code) == (400, "BAD_REQUEST")
    assert len(hub.graph.calls) == asked
    assert (await hub.get("/health/live", X_Request_Timeout="soon")).status == 200


@pytest.mark.parametrize("at_a_time", [1, 16])
def test_new_ids_differ_and_have_32_digits(at_a_time: int) -> None:
    made = [each for _ in range(3) for each in islice(generate_request_ids(at_a_time), 40)]
    assert len(set(made)) == 120
    assert all(re.fullmatch(r"[0-9a-f]{32}", each) for each in made)
