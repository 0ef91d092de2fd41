"""Connectors of the sample graph over REST. They parse JSON directly into types, because benchmarks call them often."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from records.record import write_construction

T = TypeVar("T")

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
        # A reply with the names of a record becomes records in one step: a list of posts takes a fifth less time.
        self._posts = Decoder(tuple[Post, ...])
        self._users = Decoder(tuple[User, ...])
        self._accounts = Decoder(WireAccount)
        self._orders = Decoder(list[WireOrder])
        self._messages = Decoder(list[WireMessage])

    async def post_lists(self, keys: Sequence[str], call: Call) -> Answers[str, Sequence[Post]]:
        """Every post. One call."""
        found = await _read(self._blog, "posts", self._posts, call)
        return dict.fromkeys(keys, found or ())

    async def users(self, ids: Sequence[int], call: Call) -> Answers[int, User]:
        """Users by number. One call for all keys."""
        found = await _read(self._blog, "users", self._users, call, {"id": ",".join(map(str, ids))})
        return {each.id: each for each in found or ()}

    async def accounts(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Account]:
        """The account of each person. One call per person: the bank offers no batch."""

        async def ask(nik: Nik) -> Account | None:
            found = await _read(self._bank, f"accounts/{nik}", self._accounts, call)
            return None if found is None else _to_accounts((found,), nik)[0]

        return await fan_out(niks, ask, limit=_MAX_CONCURRENCY)

    async def orders(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[Order]]:
        """The orders of each person. One call per person."""

        async def ask(nik: Nik) -> Sequence[Order] | None:
            found = await _read(self._shop, f"orders/{nik}", self._orders, call)
            return None if found is None else _to_orders(found, nik)

        return await fan_out(niks, ask, limit=_MAX_CONCURRENCY)

    async def messages(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[Message]]:
        """The messages of each person. One call per person."""

        async def ask(nik: Nik) -> Sequence[Message] | None:
            found = await _read(self._post_office, f"messages/{nik}", self._messages, call)
            return None if found is None else _to_messages(found, nik)

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


def _build_reader(record_class: type[T], **values: str) -> Callable[..., tuple[T, ...]]:
    """From the objects of a reply and their owner to records; compiled as for declared agencies.

    One function reads a whole list: a call for each record took an eighth of the time that 100 posts need.
    """
    construction = write_construction(record_class, values)
    names = dict(construction.names)
    source = f"def read(wires, owner):\n    return tuple([{construction.expression} for wire in wires])"
    exec(source, names)  # noqa: S102 - made of the names below
    read: Callable[..., tuple[T, ...]] = names["read"]
    return read


_to_accounts = _build_reader(Account, owner="owner", id="wire.id", name="wire.name", balance="wire.balance")
_to_orders = _build_reader(Order, owner="owner", id="wire.id", item="wire.item", total="wire.total")
_to_messages = _build_reader(Message, owner="owner", id="wire.id", subject="wire.subject", unread="wire.unread")
