"""Connectors of the sample graph over REST. They parse JSON directly into types, because benchmarks call them often."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec
from msgspec.json import Decoder

from benchmarks.blog.records import Account, Message, Order, Post, User
from connectors.batching.fan_out import fan_out
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.service import HttpRequest
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyMalformed, AgencyRefused
from records.identifiers import Nik
from records.record import get_factory

T = TypeVar("T")

_make_post, _make_user = get_factory(Post), get_factory(User)
_make_account, _make_order, _make_message = get_factory(Account), get_factory(Order), get_factory(Message)
_NOT_FOUND = 404
_FIRST_CLIENT_ERROR = 400
_MAX_CONCURRENCY = 8


class RestWorld:
    """Posts, users, and the callers' data: one base address for each agency."""

    def __init__(self, *, blog: HttpDriver, bank: HttpDriver, shop: HttpDriver, post_office: HttpDriver) -> None:
        """Each driver calls one agency."""
        self._blog = blog
        self._bank = bank
        self._shop = shop
        self._post_office = post_office
        self._posts = Decoder(list[WirePost])
        self._users = Decoder(list[WireUser])
        self._accounts = Decoder(WireAccount)
        self._orders = Decoder(list[WireOrder])
        self._messages = Decoder(list[WireMessage])

    async def post_lists(self, keys: Sequence[str], call: Call) -> Answers[str, Sequence[Post]]:
        """Every post. One call."""
        found = await _read(self._blog, "posts", self._posts, call)
        return dict.fromkeys(keys, tuple(map(to_post, found or ())))

    async def users(self, ids: Sequence[int], call: Call) -> Answers[int, User]:
        """Users by number. One call for all keys."""
        found = await _read(self._blog, "users", self._users, call, {"id": ",".join(map(str, ids))})
        return {each.id: to_user(each) for each in found or ()}

    async def accounts(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Account]:
        """The account of each person. One call per person: the bank offers no batch."""

        async def ask(nik: Nik) -> Account | None:
            found = await _read(self._bank, f"accounts/{nik}", self._accounts, call)
            return None if found is None else to_account(found, nik)

        return await fan_out(niks, ask, limit=_MAX_CONCURRENCY)

    async def orders(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[Order]]:
        """The orders of each person. One call per person."""

        async def ask(nik: Nik) -> Sequence[Order] | None:
            found = await _read(self._shop, f"orders/{nik}", self._orders, call)
            return None if found is None else tuple(to_order(each, nik) for each in found)

        return await fan_out(niks, ask, limit=_MAX_CONCURRENCY)

    async def messages(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[Message]]:
        """The messages of each person. One call per person."""

        async def ask(nik: Nik) -> Sequence[Message] | None:
            found = await _read(self._post_office, f"messages/{nik}", self._messages, call)
            return None if found is None else tuple(to_message(each, nik) for each in found)

        return await fan_out(niks, ask, limit=_MAX_CONCURRENCY)

    async def probe(self, call: Call) -> None:
        """Request the posts, the cheapest call. Raises AgencyFailure."""
        await self.post_lists(("all",), call)


async def _read(
    http: HttpDriver, path: str, decoder: Decoder[T], call: Call, query: dict[str, str] | None = None
) -> T | None:
    """The value at a path; None if there is no value."""
    reply = await http.send(HttpRequest("GET", path, query=query), call)
    if reply.status == _NOT_FOUND:
        return None
    if reply.status >= _FIRST_CLIENT_ERROR:
        raise AgencyRefused(http.agency, f"HTTP {reply.status}")
    try:
        return decoder.decode(reply.body)
    except msgspec.DecodeError:
        raise AgencyMalformed(http.agency, f"{path.partition('/')[0]}: not the agreed format") from None


class WirePost(msgspec.Struct):
    """A post as the agency writes it; checked and typed during parsing."""

    userId: int  # noqa: N815 - the agency's name
    id: int
    title: str
    body: str


class WireUser(msgspec.Struct):
    """A user as the agency writes it."""

    id: int
    name: str
    email: str


class WireAccount(msgspec.Struct):
    """An account as the agency writes it."""

    id: str
    name: str
    balance: int


class WireOrder(msgspec.Struct):
    """An order as the agency writes it."""

    id: int
    item: str
    total: int


class WireMessage(msgspec.Struct):
    """A message as the agency writes it."""

    id: int
    subject: str
    unread: bool


def to_post(wire: WirePost) -> Post:
    """The record of a post."""
    return _make_post(id=wire.id, user_id=wire.userId, title=wire.title, body=wire.body)


def to_user(wire: WireUser) -> User:
    """The record of a user."""
    return _make_user(id=wire.id, name=wire.name, email=wire.email)


def to_account(wire: WireAccount, owner: Nik) -> Account:
    """The record of an account."""
    return _make_account(owner=owner, id=wire.id, name=wire.name, balance=wire.balance)


def to_order(wire: WireOrder, owner: Nik) -> Order:
    """The record of an order."""
    return _make_order(owner=owner, id=wire.id, item=wire.item, total=wire.total)


def to_message(wire: WireMessage, owner: Nik) -> Message:
    """The record of a message."""
    return _make_message(owner=owner, id=wire.id, subject=wire.subject, unread=wire.unread)
