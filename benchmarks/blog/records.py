"""The small world of the benchmarks: posts by users, and the callers' data."""

from __future__ import annotations

from typing import Annotated

from records.description import DECIDES_ACCESS, Doc
from records.identifiers import Nik
from records.record import record


@record
class User:
    """A writer of posts."""

    id: Annotated[int, Doc("Number of the user.")]
    name: Annotated[str, Doc("Full name.")]
    email: Annotated[str, Doc("Email address.")]


@record
class Post:
    """A text by a user."""

    id: Annotated[int, Doc("Number of the post.")]
    userId: Annotated[int, Doc("Its author.")]  # noqa: N815 - the agency's name: its replies are decoded into records
    title: Annotated[str, Doc("Headline.")]
    body: Annotated[str, Doc("Its text.")]


@record
class Account:
    """A caller's account at the bank."""

    owner: Annotated[Nik, Doc("Its owner."), DECIDES_ACCESS]
    id: Annotated[str, Doc("Number of the account.")]
    name: Annotated[str, Doc("Name of the owner.")]
    balance: Annotated[int, Doc("Whole Rupiah.")]


@record
class Order:
    """A purchase by a caller."""

    owner: Annotated[Nik, Doc("Its buyer."), DECIDES_ACCESS]
    id: Annotated[int, Doc("Number of the order.")]
    item: Annotated[str, Doc("The item.")]
    total: Annotated[int, Doc("Whole Rupiah.")]


@record
class Message:
    """A message to a caller."""

    owner: Annotated[Nik, Doc("The recipient."), DECIDES_ACCESS]
    id: Annotated[int, Doc("Number of the message.")]
    subject: Annotated[str, Doc("Headline.")]
    unread: Annotated[bool, Doc("Whether it is unread.")]
