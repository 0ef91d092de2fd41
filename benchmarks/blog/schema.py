"""The sample graph, published in the same way as the city's."""

from __future__ import annotations

from typing import Annotated

import strawberry

from auth.policy.rules import Rule
from benchmarks.blog.batches import ALL, accounts, greetings, messages, orders, post_lists, users
from benchmarks.blog.records import Account, Message, Order, Post, User
from records.identifiers import Nik
from schema.builder import finish_schema
from schema.declarations.fields import edge, root
from schema.declarations.publishing import publishes


@publishes(User, rule=Rule.PUBLIC, shows=("id", "name", "email"))
class UserType:
    """A user in the graph."""


@publishes(Post, rule=Rule.PUBLIC, shows=("id", "title", "body"))
class PostType:
    """A post in the graph."""

    user: UserType | None = edge(users, key="userId", description="Its author.")


@publishes(Account, rule=Rule.SELF, subject="owner", shows=("id", "name", "balance"))
class AccountType:
    """An account in the graph."""


@publishes(Order, rule=Rule.SELF, subject="owner", shows=("id", "item", "total"))
class OrderType:
    """An order in the graph."""


@publishes(Message, rule=Rule.SELF, subject="owner", shows=("id", "subject", "unread"))
class MessageType:
    """A message in the graph."""


Owner = Annotated[strawberry.ID, strawberry.argument(description="The owner.")]


class BlogQueryRoot:
    """The root of the small world's queries."""

    @root(greetings, returns=str | None, rule=Rule.PUBLIC)
    def greet() -> str:
        """A greeting."""
        return ALL

    @root(post_lists, returns=list[PostType] | None, rule=Rule.PUBLIC)
    def posts() -> str:
        """Every post."""
        return ALL

    @root(accounts, returns=AccountType | None, rule=Rule.SELF)
    def account(id: Owner) -> Nik:  # noqa: A002 - the name that every peer uses
        """The caller's account."""
        return Nik(id)

    @root(orders, returns=list[OrderType] | None, rule=Rule.SELF)
    def orders(id: Owner) -> Nik:  # noqa: A002 - the name that every peer uses
        """The caller's orders."""
        return Nik(id)

    @root(messages, returns=list[MessageType] | None, rule=Rule.SELF)
    def messages(id: Owner) -> Nik:  # noqa: A002 - the name that every peer uses
        """The caller's messages."""
        return Nik(id)


def build_blog_schema() -> strawberry.Schema:
    """Build a new, finished schema."""
    members = {name: value for name, value in vars(BlogQueryRoot).items() if name not in ("__dict__", "__weakref__")}
    return finish_schema(strawberry.type(type("Query", (), members), description=BlogQueryRoot.__doc__))
