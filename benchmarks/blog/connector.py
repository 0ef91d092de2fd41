"""The small world over REST, as connectors of the hub read their agencies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from benchmarks.blog.records import Account, Message, Order, Post, User
from connectors.drivers.http import HttpDriver
from connectors.fan_out import fan_out
from connectors.reading.rows import Row, row, rows
from connectors.reading.unreadable import UnreadableError
from records.answers import Answers
from records.call import Call
from records.failures import AgencyMalformed, AgencyRefused
from records.identifiers import Nik

T = TypeVar("T")

_NOT_FOUND = 404
_FIRST_CLIENT_ERROR = 400
_SIDE_BY_SIDE = 8


class RestWorld:
    """Posts, users, and what callers have of their own: one base address for each agency."""

    def __init__(self, *, blog: HttpDriver, bank: HttpDriver, shop: HttpDriver, post_office: HttpDriver) -> None:
        """Each driver belongs to one agency."""
        self._blog = blog
        self._bank = bank
        self._shop = shop
        self._post_office = post_office

    async def post_lists(self, keys: Sequence[str], call: Call) -> Answers[str, Sequence[Post]]:
        """Every post. One call."""
        posts = await _read(self._blog, "posts", posts_from, call) or ()
        return dict.fromkeys(keys, posts)

    async def users(self, ids: Sequence[int], call: Call) -> Answers[int, User]:
        """Users by number. One call for all."""
        asked = ",".join(map(str, ids))
        found = await _read(self._blog, "users", users_from, call, {"id": asked}) or ()
        return {user.id: user for user in found}

    async def accounts(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Account]:
        """The account of each. One call a person, which is all the bank offers."""

        async def ask(nik: Nik) -> Account | None:
            return await _read(self._bank, f"accounts/{nik}", lambda raw: account_from(raw, nik), call)

        return await fan_out(niks, ask, limit=_SIDE_BY_SIDE)

    async def orders(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[Order]]:
        """The orders of each. One call a person."""

        async def ask(nik: Nik) -> Sequence[Order] | None:
            return await _read(self._shop, f"orders/{nik}", lambda raw: orders_from(raw, nik), call)

        return await fan_out(niks, ask, limit=_SIDE_BY_SIDE)

    async def messages(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[Message]]:
        """The messages of each. One call a person."""

        async def ask(nik: Nik) -> Sequence[Message] | None:
            return await _read(self._post_office, f"messages/{nik}", lambda raw: messages_from(raw, nik), call)

        return await fan_out(niks, ask, limit=_SIDE_BY_SIDE)

    async def probe(self, call: Call) -> None:
        """Ask for the posts, the cheapest thing there is. Raises AgencyFailure."""
        await self.post_lists(("all",), call)


async def _read(
    http: HttpDriver, path: str, mapping: Callable[[object], T], call: Call, query: dict[str, str] | None = None
) -> T | None:
    """What stands at a path; none where there is nothing."""
    reply = await http.send("GET", path, call, query=query)
    if reply.status == _NOT_FOUND:
        return None
    if reply.status >= _FIRST_CLIENT_ERROR:
        raise AgencyRefused(http.agency, f"HTTP {reply.status}")
    try:
        return mapping(http.json_of(reply))
    except UnreadableError as error:
        raise AgencyMalformed(http.agency, str(error)) from None


def posts_from(raw: object) -> tuple[Post, ...]:
    """Every post of a list. Raises UnreadableError."""
    return tuple(
        Post(
            id=_whole(each, "id"),
            user_id=_whole(each, "userId"),
            title=_text(each, "title"),
            body=_text(each, "body"),
        )
        for each in rows(raw, "a list of posts")
    )


def users_from(raw: object) -> tuple[User, ...]:
    """Every user of a list. Raises UnreadableError."""
    return tuple(
        User(id=_whole(each, "id"), name=_text(each, "name"), email=_text(each, "email"))
        for each in rows(raw, "a list of users")
    )


def account_from(raw: object, owner: Nik) -> Account:
    """One account. Raises UnreadableError."""
    one = row(raw, "an account")
    return Account(owner=owner, id=_text(one, "id"), name=_text(one, "name"), balance=_whole(one, "balance"))


def orders_from(raw: object, owner: Nik) -> tuple[Order, ...]:
    """Every order of a list. Raises UnreadableError."""
    return tuple(
        Order(owner=owner, id=_whole(each, "id"), item=_text(each, "item"), total=_whole(each, "total"))
        for each in rows(raw, "a list of orders")
    )


def messages_from(raw: object, owner: Nik) -> tuple[Message, ...]:
    """Every message of a list. Raises UnreadableError."""
    return tuple(
        Message(owner=owner, id=_whole(each, "id"), subject=_text(each, "subject"), unread=each.get("unread") is True)
        for each in rows(raw, "a list of messages")
    )


def _whole(raw: Row, name: str) -> int:
    value = raw.get(name)
    if type(value) is not int:
        raise UnreadableError(f"'{name}', a whole number")
    return value


def _text(raw: Row, name: str) -> str:
    value = raw.get(name)
    if type(value) is not str:
        raise UnreadableError(f"'{name}', a text")
    return value
