"""The domains and batches of the small world."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from benchmarks.blog.records import Account, Message, Order, Post, User
from engine.batch import batch, forward
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.freshness import ReadLifetimes
from records.identifiers import Nik
from resolvers.batch_context import HubBatchContext
from resolvers.caching import PUBLIC

_AN_HOUR = ReadLifetimes(fresh=3_600.0)
LIFETIMES = {"blog": {"post_lists": _AN_HOUR, "users": _AN_HOUR}}
"""Cached answers of the sample graph stay fresh for a whole run."""
ALL = "all"
"""The only key of a batch with a single answer."""


class Blog(Protocol):
    """Posts and their writers."""

    async def post_lists(self, keys: Sequence[str], call: Call) -> Answers[str, Sequence[Post]]:
        """Every post."""

    async def users(self, ids: Sequence[int], call: Call) -> Answers[int, User]:
        """Users by number."""


class CallerData(Protocol):
    """The callers' accounts, orders and messages."""

    async def accounts(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Account]:
        """The account of each person."""

    async def orders(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[Order]]:
        """The orders of each person."""

    async def messages(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[Message]]:
        """The messages of each person."""


@batch(domain=None)
async def greetings(keys: Sequence[str], _ask: HubBatchContext) -> Answers[str, str]:
    """A greeting, without a call."""
    return dict.fromkeys(keys, "Hello World!")


post_lists = forward(Blog, Blog.post_lists, absent=(), caching=PUBLIC)
users = forward(Blog, Blog.users, caching=PUBLIC)
accounts = forward(CallerData, CallerData.accounts)
orders = forward(CallerData, CallerData.orders, absent=())
messages = forward(CallerData, CallerData.messages, absent=())
