"""The connector of the sample graph: from replies to records."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from benchmarks.blog.connector import RestWorld
from benchmarks.blog.records import Account, Message, Order, Post, User
from connectors.drivers.http.reply import HttpReply
from connectors.drivers.http.service import HttpRequest
from records.calls.call import Call
from records.calls.failures import AgencyMalformed
from records.identifiers import Nik

NIK = Nik("3171010101900001")
CALL = Call(deadline=1e12, request_id="r")
REPLIES: dict[str, Any] = {
    "posts": [{"userId": 2, "id": 1, "title": "A", "body": "a"}, {"userId": 1, "id": 2, "title": "B", "body": "b"}],
    "users": [{"id": 2, "name": "Siti", "email": "s@x.id"}, {"id": 1, "name": "Budi", "email": "b@x.id"}],
    f"accounts/{NIK}": {"id": "a1", "name": "Siti", "balance": 5},
    f"orders/{NIK}": [{"id": 7, "item": "rice", "total": 3}, {"id": 6, "item": "salt", "total": 1}],
    f"messages/{NIK}": [{"id": 8, "subject": "Hello", "unread": True}],
}


class Replies:
    """Answers by path; with 404 for an unknown path."""

    agency = "sample"

    def __init__(self, replies: dict[str, Any]) -> None:
        self._replies = replies

    async def send(self, request: HttpRequest, _call: Call) -> HttpReply:
        found = self._replies.get(request.path)
        return HttpReply(status=200 if request.path in self._replies else 404, headers={}, body=orjson.dumps(found))


def build_world(replies: dict[str, Any] = REPLIES) -> RestWorld:
    driver: Any = Replies(replies)
    return RestWorld(blog=driver, bank=driver, shop=driver, post_office=driver)


async def test_lists_become_records_in_their_order() -> None:
    world = build_world()
    posts = (Post(id=1, userId=2, title="A", body="a"), Post(id=2, userId=1, title="B", body="b"))
    orders = (Order(owner=NIK, id=7, item="rice", total=3), Order(owner=NIK, id=6, item="salt", total=1))
    assert await world.post_lists(["all"], CALL) == {"all": posts}
    assert list((await world.users([1, 2], CALL)).items()) == [
        (2, User(id=2, name="Siti", email="s@x.id")),
        (1, User(id=1, name="Budi", email="b@x.id")),
    ]
    assert await world.orders([NIK], CALL) == {NIK: orders}
    assert await world.messages([NIK], CALL) == {NIK: (Message(owner=NIK, id=8, subject="Hello", unread=True),)}
    assert await world.accounts([NIK], CALL) == {NIK: Account(owner=NIK, id="a1", name="Siti", balance=5)}


async def test_an_unknown_path_gives_no_record() -> None:
    world = build_world({})
    assert await world.post_lists(["all"], CALL) == {"all": ()}
    assert await world.users([1], CALL) == {}
    assert await world.orders([NIK], CALL) == {}
    assert await world.accounts([NIK], CALL) == {}


async def test_one_record_of_another_type_fails_the_list() -> None:
    listed = [*REPLIES["posts"], {"userId": "two", "id": 3, "title": "C", "body": "c"}]
    with pytest.raises(AgencyMalformed):
        await build_world({"posts": listed}).post_lists(["all"], CALL)
