"""`python -m benchmarks.micro`: what one answer costs in process, everything already in memory.

First Q3 by four ways: Strawberry's executor as a Python team uses it, graphql-core alone, the hub's plan, and the bare
loop that could be written by hand. Then how time and memory of the plan grow with objects and with levels.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import strawberry
import uvloop
from aiodataloader import DataLoader
from graphql import (
    GraphQLField,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLString,
    execute,
    parse,
)
from rich.console import Console
from rich.table import Table

from auth.caller import ANONYMOUS
from auth.node_ids import NodeIds
from benchmarks import world
from benchmarks.blog.batches import Blog
from benchmarks.blog.records import Post, User
from benchmarks.blog.schema import blog_schema
from benchmarks.chain import InMemory as Chain
from benchmarks.chain import People, chain_document, chain_schema
from benchmarks.gateways.plain_strawberry import Post as PlainPost
from benchmarks.gateways.plain_strawberry import User as PlainUser
from benchmarks.questions import Q3, answer
from engine.batch import Agencies
from engine.document import DocumentRules
from engine.encoding import encode
from engine.limits import Limits
from engine.request import GraphQLRequest, GraphQLResponse
from engine.run import Engine
from records.answers import Answers
from records.call import Call
from resolvers.bridge import Bridge
from schema.asking import Asking
from schema.build import graphql_schema

_UNLIMITED = 10**9
_LEVELS = (1, 2, 4, 8)
_PER_LEVEL = 1_000


@dataclass(frozen=True, slots=True)
class Cost:
    """What one answer takes."""

    microseconds: float
    objects: int = 0
    bytes: int = 0


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
        limits = Limits(records=_UNLIMITED, objects=_UNLIMITED)
        rules = DocumentRules(limits=limits, introspection=False, suggestions=False, explains=False)
        self._engine = Engine(schema, rules, plans=plans)
        self._agencies = agencies
        self._node_ids = NodeIds(b"m" * 32)
        self._request = GraphQLRequest(query=document)

    async def answer(self) -> GraphQLResponse:
        """One answer."""
        call = Call(deadline=time.monotonic() + 600, request_id="micro")
        bridge = Bridge(caller=ANONYMOUS, call=call, agencies=self._agencies)
        try:
            asking = Asking(caller=ANONYMOUS, bridge=bridge, node_ids=self._node_ids)
            return await self._engine.run(self._request, asking, request_id="micro")
        finally:
            await bridge.close()


def blog_hub(posts: int, users: int, document: str = Q3.document, *, plans: bool = True) -> Hub:
    """A hub over so many posts and users."""
    written, people = _world(posts, users)
    agencies = Agencies({Blog: InMemory(written, people)})
    return Hub(agencies, graphql_schema(blog_schema()), document, plans=plans)


def _world(posts: int, users: int) -> tuple[tuple[Post, ...], dict[int, User]]:
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


async def four_ways(within: float) -> dict[str, float]:
    """Microseconds for Q3, objects in memory, by each way; every answer is checked first."""
    hub = blog_hub(world.POSTS, world.USERS)
    oracle = blog_hub(world.POSTS, world.USERS, plans=False)
    written, people = _world(world.POSTS, world.USERS)

    async def bare() -> dict[str, Any]:
        users = {key: {"id": each.id, "name": each.name, "email": each.email} for key, each in people.items()}
        return {
            "posts": [
                {"id": post.id, "title": post.title, "body": post.body, "user": users[post.user_id]} for post in written
            ]
        }

    async def by_plan() -> Any:  # noqa: ANN401 - JSON
        return (await hub.answer()).data

    async def by_oracle() -> Any:  # noqa: ANN401 - JSON
        return (await oracle.answer()).data

    ways: dict[str, Callable[[], Awaitable[Any]]] = {
        "Strawberry + aiodataloader": _strawberry(written, people),
        "graphql-core + aiodataloader": _graphql_core(written, people),
        "the hub's fields on graphql-core": by_oracle,
        "the hub's plan": by_plan,
        "bare shaping by hand": bare,
    }
    for name, way in ways.items():
        for _ in range(3):
            if await way() != answer(Q3):
                raise RuntimeError(f"{name} answers otherwise than all others.")
    return {name: await measured(way, within=within) for name, way in ways.items()}


def _strawberry(written: Sequence[Post], people: Mapping[int, User]) -> Callable[[], Awaitable[Any]]:
    posts = [PlainPost(id=each.id, title=each.title, body=each.body, user_id=each.user_id) for each in written]
    users = {key: PlainUser(id=each.id, name=each.name, email=each.email) for key, each in people.items()}

    @strawberry.type
    class Query:
        @strawberry.field
        async def posts(self) -> list[PlainPost]:
            return posts

    schema = strawberry.Schema(query=Query)

    async def load(ids: list[int]) -> list[PlainUser]:
        return [users[each] for each in ids]

    async def run() -> Any:  # noqa: ANN401 - JSON
        result = await schema.execute(Q3.document, context_value={"users": DataLoader(load)})
        return result.data

    return run


def _graphql_core(written: Sequence[Post], people: Mapping[int, User]) -> Callable[[], Awaitable[Any]]:
    def some(type_: Any) -> GraphQLField:  # noqa: ANN401 - any type
        return GraphQLField(GraphQLNonNull(type_))

    user = GraphQLObjectType(
        "User", {"id": some(GraphQLInt), "name": some(GraphQLString), "email": some(GraphQLString)}
    )
    post = GraphQLObjectType(
        "Post",
        {
            "id": some(GraphQLInt),
            "title": some(GraphQLString),
            "body": some(GraphQLString),
            "user": GraphQLField(user, resolve=lambda source, info: info.context.load(source.user_id)),
        },
    )
    query = GraphQLObjectType("Query", {"posts": GraphQLField(GraphQLList(post), resolve=lambda *_: written)})
    schema = GraphQLSchema(query)
    document = parse(Q3.document)

    async def load(ids: list[int]) -> list[User]:
        return [people[each] for each in ids]

    async def run() -> Any:  # noqa: ANN401 - JSON
        result: Any = execute(schema, document, context_value=DataLoader(load))
        return (await result).data

    return run


async def growth_by_objects(counts: Sequence[int], within: float) -> list[Cost]:
    """The plan on Q3 with more and more posts, by a tenth as many users."""
    costs = []
    for count in counts:
        hub = blog_hub(count, max(count // 10, 1))
        costs.append(await _cost(hub, count + max(count // 10, 1), within))
    return costs


async def growth_by_levels(levels: Sequence[int], within: float) -> list[Cost]:
    """The plan on chains: 1,000 people, then a friend of each, then a friend of each of those."""
    costs = []
    for depth in levels:
        agencies = Agencies({People: Chain(_PER_LEVEL)})
        hub = Hub(agencies, graphql_schema(chain_schema()), chain_document(depth))
        costs.append(await _cost(hub, depth * _PER_LEVEL, within))
    return costs


async def _cost(hub: Hub, objects: int, within: float) -> Cost:
    async def run() -> None:
        encode(await hub.answer())

    taken = await measured(run, within=within)
    gc.collect()
    tracemalloc.start()
    answered = await hub.answer()
    encode(answered)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return Cost(taken, objects, peak)


def _show(title: str, names: Sequence[str], costs: Sequence[Cost], console: Console) -> None:
    table = Table(title=title, title_justify="left")
    for name in ("", "objects", "ms", "µs an object", "bytes an object"):
        table.add_column(name, justify="right")
    for name, cost in zip(names, costs, strict=True):
        each = (cost.microseconds / cost.objects, cost.bytes / cost.objects)
        row = (f"{cost.objects:,}", f"{cost.microseconds / 1000:.2f}", f"{each[0]:.2f}", f"{each[1]:,.0f}")
        table.add_row(name, *row)
    console.print(table)


async def report(console: Console, *, within: float, counts: Sequence[int]) -> None:
    """Measure and print everything."""
    ways = await four_ways(within)
    plan = ways["the hub's plan"]
    table = Table(title="Q3, objects in memory", title_justify="left")
    for name in ("way", "µs", "of the plan"):
        table.add_column(name, justify="left" if name == "way" else "right")
    for name, taken in ways.items():
        table.add_row(name, f"{taken:,.1f}", f"{taken / plan:.2f}")
    console.print(table)
    console.print(
        "Every answer was the same. Goal: Strawberry's executor takes at least 100 times as long as the plan."
    )
    _show("Growth with objects", [f"{n:,} posts" for n in counts], await growth_by_objects(counts, within), console)
    levels = [f"{n} level{'s' if n > 1 else ''}" for n in _LEVELS]
    _show("Growth with levels", levels, await growth_by_levels(_LEVELS, within), console)


def main() -> int:
    """Report; the exit code."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.micro", description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="shorter series, and no 100,000 objects")
    given = arguments.parse_args()
    counts = (100, 1_000, 10_000) if given.quick else (100, 1_000, 10_000, 100_000)
    console = Console(highlight=False)
    uvloop.run(report(console, within=0.5 if given.quick else 2.0, counts=counts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
