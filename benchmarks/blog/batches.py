"""The domains and batches of the small world."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from benchmarks.blog.records import Account, Message, Order, Post, User
from engine.batch import batch
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.freshness import Freshness, minutes
from records.identifiers import Nik
from resolvers.batch_context import HubBatchContext

_PUBLISHED = Freshness(fresh=minutes(60), is_personal=False)
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


@batch(agency=None)
async def greetings(keys: Sequence[str], _ask: HubBatchContext) -> Answers[str, str]:
    """A greeting, without a call."""
    return dict.fromkeys(keys, "Hello World!")


@batch(agency="blog", absent=(), freshness=_PUBLISHED)
async def post_lists(keys: Sequence[str], ask: HubBatchContext) -> Answers[str, Sequence[Post]]:
    """Every post."""
    return await ask.agencies[Blog].post_lists(keys, ask.call)


@batch(agency="blog", freshness=_PUBLISHED)
async def users(ids: Sequence[int], ask: HubBatchContext) -> Answers[int, User]:
    """Users by number."""
    return await ask.agencies[Blog].users(ids, ask.call)


@batch(agency="bank")
async def accounts(niks: Sequence[Nik], ask: HubBatchContext) -> Answers[Nik, Account]:
    """The account of each person."""
    return await ask.agencies[CallerData].accounts(niks, ask.call)


@batch(agency="shop", absent=())
async def orders(niks: Sequence[Nik], ask: HubBatchContext) -> Answers[Nik, Sequence[Order]]:
    """The orders of each person."""
    return await ask.agencies[CallerData].orders(niks, ask.call)


@batch(agency="post office", absent=())
async def messages(niks: Sequence[Nik], ask: HubBatchContext) -> Answers[Nik, Sequence[Message]]:
    """The messages of each person."""
    return await ask.agencies[CallerData].messages(niks, ask.call)
