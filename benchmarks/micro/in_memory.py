"""The hub without a network: the engine over worlds in memory, and the cost of one answer."""

from __future__ import annotations

import gc
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from graphql import GraphQLSchema

from auth.caller import ANONYMOUS
from auth.crypto.node_ids import NodeIds
from auth.policy.access_policy import NO_PURPOSES
from benchmarks.blog.batches import Blog
from benchmarks.blog.records import Post, User
from benchmarks.blog.schema import build_blog_schema
from benchmarks.comparison import dataset
from benchmarks.comparison.questions import Q3
from engine.agencies.bindings import Agencies
from engine.document.limits import Limits
from engine.document.parsing import DocumentRules
from engine.engine import Engine
from engine.request import GraphQLRequest, GraphQLResponse
from engine.run_request import RunRequest
from records.calls.answers import Answers
from records.calls.call import Call
from schema.builder import get_graphql_schema
from schema.declarations.request_context import RequestContext

_UNLIMITED = 10**9


class BlogInMemory:
    """The sample graph's data in memory. The author of a post is the user of its `userId`."""

    def __init__(self, posts: Sequence[Post], users: Mapping[int, User]) -> None:
        """Takes all records."""
        self._posts = posts
        self._users = users

    async def post_lists(self, keys: Sequence[str], _call: Call) -> Answers[str, Sequence[Post]]:
        """Every post."""
        return dict.fromkeys(keys, self._posts)

    async def users(self, ids: Sequence[int], _call: Call) -> Answers[int, User]:
        """Users by number."""
        return {each: self._users[each] for each in ids}


class InMemoryHub:
    """The engine over the small world in memory, with a cached document."""

    def __init__(self, agencies: Agencies, schema: GraphQLSchema, document: str, *, plans: bool = True) -> None:
        """Takes the agencies and the document."""
        limits = Limits(objects=_UNLIMITED, values=_UNLIMITED)
        rules = DocumentRules(limits=limits, allow_introspection=False, allow_suggestions=False, allow_explain=False)
        self._engine = Engine(schema, rules, use_plans=plans)
        self._agencies = agencies
        self._node_ids = NodeIds(b"m" * 32)
        self._request = GraphQLRequest(query=document)

    async def answer(self, document: str | None = None) -> GraphQLResponse:
        """One answer, to `document` if given."""
        request = self._request if document is None else GraphQLRequest(query=document)
        call = Call(deadline=time.monotonic() + 600, request_id="micro")

        def open_context() -> RequestContext:
            return RequestContext(
                policy=NO_PURPOSES, caller=ANONYMOUS, call=call, agencies=self._agencies, node_ids=self._node_ids
            )

        return await self._engine.run(RunRequest(request, open_context, "micro"))


def build_blog_agencies(posts: int, users: int) -> Agencies:
    """The sample graph with this number of posts and users, and the greeting."""
    written, people = build_world(posts, users)
    return Agencies({Blog: BlogInMemory(written, people)})


def build_blog_hub(posts: int, users: int, document: str = Q3.document, *, plans: bool = True) -> InMemoryHub:
    """A hub over this number of posts and users."""
    return InMemoryHub(
        build_blog_agencies(posts, users), get_graphql_schema(build_blog_schema()), document, plans=plans
    )


def build_world(posts: int, users: int) -> tuple[tuple[Post, ...], dict[int, User]]:
    """This number of posts by this number of users, as records."""
    written = (
        Post(id=each["id"], userId=each["userId"], title=each["title"], body=each["body"])
        for each in dataset.build_posts(posts, users)
    )
    people = (User(id=each["id"], name=each["name"], email=each["email"]) for each in dataset.build_users(users))
    return tuple(written), {each.id: each for each in people}


async def measure_microseconds(run: Callable[[], Awaitable[Any]], *, within: float) -> float:
    """Microseconds of processor time of one run: the best of five series within the given seconds."""
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
