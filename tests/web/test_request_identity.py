import logging

import pytest

from tests.web.conftest import Hub
from web.request_identity import call_of, request_id


@pytest.mark.parametrize("offered", ["a" * 8, "a" * 64, "4bf92f35-77b3-4da6_a3ce.929d0e0e4736", "12345678"])
def test_takes_over_a_sane_id(offered: str) -> None:
    assert request_id(offered) == offered


@pytest.mark.parametrize(
    "offered",
    [None, "", "short", "a" * 65, "with space", "new\nline-in-it", "quote'quote", "ünïcode1", "3171014506900001"],
)
def test_makes_one_where_none_or_no_sane_one_is_offered(offered: str | None) -> None:
    made = request_id(offered)
    assert made != offered
    assert len(made) == 32
    assert request_id(offered) != made


async def test_every_answer_carries_an_id(hub: Hub) -> None:
    for path in ("/graphql", "/health/live", "/graphiql", "/no/such/path"):
        answer = await hub.get(path, X_Request_Id="gateway-4711")
        assert answer.headers["X-Request-Id"] == "gateway-4711", path


async def test_the_log_has_no_query_string_and_no_unknown_path(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
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


def test_says_which_middleware_is_missing() -> None:
    with pytest.raises(TypeError, match="RequestIdentity must run first"):
        call_of({"state": {"call": None}})
