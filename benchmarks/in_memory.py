"""The hub without any network: the engine over worlds in memory, and what one answer costs there."""

from __future__ import annotations

import gc
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from graphql import GraphQLSchema

from auth.caller import ANONYMOUS
from auth.node_ids import NodeIds
from benchmarks import world
from benchmarks.blog.batches import Blog
from benchmarks.blog.records import Post, User
from benchmarks.blog.schema import blog_schema
from benchmarks.questions import Q3
from engine.batch import Agencies
from engine.document import DocumentRules
from engine.limits import Limits
from engine.request import GraphQLRequest, GraphQLResponse
from engine.run import Engine
from records.answers import Answers
from records.call import Call
from schema.asking import Asking
from schema.build import graphql_schema

_UNLIMITED = 10**9


class InMemory:
    """The small world without any agency behind it. Every post is written by the user of its `user_id`."""

    def __init__(self, posts: Sequence[Post], users: Mapping[int, User]) -> None:
        """Hold everything."""
        self._posts = posts
        self._users = users

    async def post_lists(self, keys: Sequence[str], _call: Call) -> Answers[str, Sequence[Post]]:
        """Every post."""
        return dict.fromkeys(keys, self._posts)

    async def users(self, ids: Sequence[int], _call: Call) -> Answers[int, User]:
        """Users by number."""
        return {each: self._users[each] for each in ids}


class Hub:
    """The engine over the small world in memory, with the document kept."""

    def __init__(self, agencies: Agencies, schema: GraphQLSchema, document: str, *, plans: bool = True) -> None:
        """Take what answers."""
        limits = Limits(objects=_UNLIMITED, values=_UNLIMITED)
        rules = DocumentRules(limits=limits, introspection=False, suggestions=False, explains=False)
        self._engine = Engine(schema, rules, plans=plans)
        self._agencies = agencies
        self._node_ids = NodeIds(b"m" * 32)
        self._request = GraphQLRequest(query=document)

    async def answer(self, document: str | None = None) -> GraphQLResponse:
        """One answer, to another document where one is given."""
        request = self._request if document is None else GraphQLRequest(query=document)
        call = Call(deadline=time.monotonic() + 600, request_id="micro")

        def opened() -> Asking:
            return Asking(caller=ANONYMOUS, call=call, agencies=self._agencies, node_ids=self._node_ids)

        return await self._engine.run(request, opened, request_id="micro")


def blog_agencies(posts: int, users: int) -> Agencies:
    """So many posts and users, and the greeting that needs nobody."""
    written, people = world_of(posts, users)
    return Agencies({Blog: InMemory(written, people)})


def blog_hub(posts: int, users: int, document: str = Q3.document, *, plans: bool = True) -> Hub:
    """A hub over so many posts and users."""
    return Hub(blog_agencies(posts, users), graphql_schema(blog_schema()), document, plans=plans)


def world_of(posts: int, users: int) -> tuple[tuple[Post, ...], dict[int, User]]:
    """So many posts by so many users, as records."""
    written = (
        Post(id=each["id"], user_id=each["userId"], title=each["title"], body=each["body"])
        for each in world.posts(posts, users)
    )
    people = (User(id=each["id"], name=each["name"], email=each["email"]) for each in world.users(users))
    return tuple(written), {each.id: each for each in people}


async def measured(run: Callable[[], Awaitable[Any]], *, within: float) -> float:
    """Microseconds of processor time of one run: the best of five series within so many seconds."""
    await run()
    await run()
    started = time.process_time()
    await run()
    once = time.process_time() - started
    times = max(1, int(within / 5 / max(once, 1e-6)))
    best = float("inf")
    for _ in range(5):
        gc.collect()
        started = time.process_time()
        for _ in range(times):
            await run()
        best = min(best, (time.process_time() - started) / times)
    return best * 1e6
