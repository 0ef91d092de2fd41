"""The upstream of federated gateways answers like the other one."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import orjson
import pytest

from benchmarks.comparison import dataset
from benchmarks.comparison.questions import Q3, Q4, build_expected_answer
from benchmarks.upstreams.memory_server import Request
from benchmarks.upstreams.subgraphs import Subgraphs


class Written:
    """What a handler writes."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data


@pytest.fixture(scope="module")
def subgraphs() -> Subgraphs:
    return Subgraphs(callers=3)


def ask(subgraphs: Subgraphs, name: str, document: str, variables: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
    written = Written()
    body = orjson.dumps({"query": document, "variables": variables or {}})
    subgraphs.answer(Request(f"/{name}", body), cast("asyncio.WriteTransport", written))
    return orjson.loads(written.data.partition(b"\r\n\r\n")[2])


def test_posts_and_their_users_are_those_of_the_question(subgraphs: Subgraphs) -> None:
    posts = ask(subgraphs, "blog", "{ posts { id title body user { __typename id } } }")["data"]["posts"]
    users = {each["user"]["id"]: each["user"] for each in posts}
    document = "query($r: [_Any!]!) { _entities(representations: $r) { ... on User { id name email } } }"
    found = ask(subgraphs, "people", document, {"r": list(users.values())})["data"]["_entities"]
    by_id = {each["id"]: each for each in found}
    assert {"posts": [each | {"user": by_id[each["user"]["id"]]} for each in posts]} == build_expected_answer(Q3)


@pytest.mark.parametrize("number", [1, 3])
def test_each_caller_gets_their_own_data(subgraphs: Subgraphs, number: int) -> None:
    found: dict[str, Any] = {}
    for name, field in (
        ("bank", "account(id: $id) { id name balance }"),
        ("shop", "orders(id: $id) { id item total }"),
        ("post-office", "messages(id: $id) { id subject unread }"),
    ):
        own = {"id": dataset.build_caller_id(number)}
        found |= ask(subgraphs, name, f"query($id: ID!) {{ {field} }}", own)["data"]
    assert found == build_expected_answer(Q4, number)


def test_an_unknown_user_is_null_and_a_wrong_document_an_error(subgraphs: Subgraphs) -> None:
    document = "query($r: [_Any!]!) { _entities(representations: $r) { ... on User { name } } }"
    assert ask(subgraphs, "people", document, {"r": [{"__typename": "User", "id": 99}]}) == {
        "data": {"_entities": [None]}
    }
    assert "Cannot query field 'posts'" in ask(subgraphs, "bank", "{ posts { id } }")["errors"][0]["message"]
