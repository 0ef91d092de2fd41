"""Which answers a cache may keep: those that are everybody's, and no others."""

from typing import Any

import pytest

from tests.web.conftest import Hub, serving
from web.settings import WebSettings

ECHO = {"query": '{ echo(text: "x") }'}


async def test_an_answer_of_public_data_to_a_get_may_be_kept_by_anybody_for_a_while(hub: Hub) -> None:
    answer = await hub.get("/graphql", ECHO)
    assert answer.json == {"data": {"echo": "x"}}
    assert answer.headers.getall("cache-control") == ["public, max-age=60"]
    assert answer.headers.getall("vary") == ["Accept, Authorization"]


@pytest.mark.parametrize(
    ("params", "headers"),
    [
        (ECHO, {"Authorization": "Bearer token-of-siti"}),
        ({"query": "{ whoAmI }"}, {}),
        ({"query": "{ nothing }"}, {}),
        ({"query": "mutation { count }"}, {}),
        ({}, {}),
    ],
    ids=["with a token", "reads the caller", "not valid", "no query", "nothing asked"],
)
async def test_no_other_answer_to_a_get_may_be_kept(hub: Hub, params: Any, headers: dict[str, str]) -> None:  # noqa: ANN401 - what aiohttp takes
    answer = await hub.get("/graphql", params, **headers)
    assert answer.headers.getall("cache-control") == ["no-store"]


async def test_no_answer_to_a_post_may_be_kept(hub: Hub) -> None:
    answer = await hub.post(dict(ECHO))
    assert answer.headers.getall("cache-control") == ["no-store"]


async def test_what_may_be_kept_depends_on_the_origin_where_pages_of_other_origins_may_read(hasty_hub: Hub) -> None:
    answer = await hasty_hub.get("/graphql", ECHO)
    assert answer.headers.getall("vary") == ["Accept, Authorization, Origin"]


async def test_an_operator_can_let_nothing_be_kept() -> None:
    async with serving(WebSettings(public_max_age=0)) as hub:
        answer = await hub.get("/graphql", ECHO)
    assert answer.headers.getall("cache-control") == ["no-store"]
