"""Q3 with all objects in memory, in five ways, from Strawberry's executor to a handwritten loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import strawberry
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

from benchmarks.blog.records import Post, User
from benchmarks.comparison import dataset
from benchmarks.comparison.questions import Q3, build_expected_answer
from benchmarks.gateways.plain_strawberry import Post as PlainPost
from benchmarks.gateways.plain_strawberry import User as PlainUser
from benchmarks.micro.in_memory import build_blog_hub, build_world, measure_microseconds

STRAWBERRY = "Strawberry + aiodataloader"
PLAN = "the hub's plan"
GOAL = 100
"""The minimum ratio of Strawberry's time to the plan's."""


async def measure_variants(within: float) -> dict[str, float]:
    """Microseconds of Q3 with objects in memory, in each way; each answer is checked first."""
    hub = build_blog_hub(dataset.POSTS, dataset.USERS)
    oracle = build_blog_hub(dataset.POSTS, dataset.USERS, plans=False)
    written, people = build_world(dataset.POSTS, dataset.USERS)

    async def run_bare() -> dict[str, Any]:
        users = {key: {"id": each.id, "name": each.name, "email": each.email} for key, each in people.items()}
        return {
            "posts": [
                {"id": post.id, "title": post.title, "body": post.body, "user": users[post.userId]} for post in written
            ]
        }

    async def run_plan() -> Any:  # noqa: ANN401 - JSON
        return (await hub.answer()).data

    async def run_oracle() -> Any:  # noqa: ANN401 - JSON
        return (await oracle.answer()).data

    each_way: dict[str, Callable[[], Awaitable[Any]]] = {
        STRAWBERRY: _strawberry(written, people),
        "graphql-core + aiodataloader": _graphql_core(written, people),
        "the hub's fields on graphql-core": run_oracle,
        PLAN: run_plan,
        "bare shaping by hand": run_bare,
    }
    for name, way in each_way.items():
        for _ in range(3):
            if await way() != build_expected_answer(Q3):
                raise RuntimeError(f"{name} answers differently from the others.")
    return {name: await measure_microseconds(way, within=within) for name, way in each_way.items()}


def _strawberry(written: Sequence[Post], people: Mapping[int, User]) -> Callable[[], Awaitable[Any]]:
    posts = [PlainPost(id=each.id, title=each.title, body=each.body, user_id=each.userId) for each in written]
    users = {key: PlainUser(id=each.id, name=each.name, email=each.email) for key, each in people.items()}

    @strawberry.type
    class VariantQuery:
        @strawberry.field
        async def posts(self) -> list[PlainPost]:
            return posts

    schema = strawberry.Schema(query=VariantQuery)

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
            "user": GraphQLField(user, resolve=lambda source, info: info.context.load(source.userId)),
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


def print_variants(times: Mapping[str, float], console: Console) -> None:
    """Print a table of all ways."""
    table = Table(title="Q3, objects in memory", title_justify="left")
    for name in ("way", "µs", "x the plan"):
        table.add_column(name, justify="left" if name == "way" else "right")
    for name, taken in times.items():
        table.add_row(name, f"{taken:,.1f}", f"{taken / times[PLAN]:.2f}")
    console.print(table)
    ratio = times[STRAWBERRY] / times[PLAN]
    console.print(f"Every answer was the same. Goal: {GOAL} x; {'reached' if ratio >= GOAL else 'missed'}.")
