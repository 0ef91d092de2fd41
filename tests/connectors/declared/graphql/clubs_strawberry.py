"""The subgraph of clubs by Strawberry."""

from __future__ import annotations

import strawberry
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.asgi import GraphQL
from strawberry.federation import Schema


class RefusedError(Exception):
    """An error with a code of its own."""

    def __init__(self, code: str) -> None:
        super().__init__("gagal")
        self.extensions = {"code": code}


@strawberry.type
class Place:
    city: str | None


@strawberry.federation.type(keys=["id"])
class Club:
    id: strawberry.ID
    name: str

    @strawberry.field
    def place(self) -> Place | None:
        if self.id == "5":
            raise RefusedError("INTERNAL")
        return Place(city="Jakarta")

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> Club | None:  # noqa: A002 - the key of the entity
        if id == "6":
            raise RefusedError("FORBIDDEN")
        return None if id == "9" else make_club(id)


def make_club(number: str) -> Club:
    """A club as every server of these tests gives it."""
    return Club(id=strawberry.ID(number), name=f"Klub {number}")


@strawberry.type
class Membership:
    club: Club
    number: int | None


@strawberry.federation.type(keys=["nik"])
class Person:
    nik: strawberry.ID

    @strawberry.field
    def memberships(self) -> list[Membership] | None:
        return [Membership(club=make_club("1"), number=12)]

    @classmethod
    def resolve_reference(cls, nik: strawberry.ID) -> Person:
        return cls(nik=nik)


@strawberry.type
class PageInfo:
    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class ClubEdge:
    node: Club


@strawberry.type
class ClubConnection:
    edges: list[ClubEdge]
    page_info: PageInfo


@strawberry.type
class Query:
    @strawberry.field
    def clubs(self, first: int, text: str | None = None, after: str | None = None) -> ClubConnection:
        del text
        start = int(after or 0)
        page = PageInfo(has_next_page=start + first < 3, end_cursor=str(start + first))
        edges = [ClubEdge(node=make_club(each)) for each in ("1", "2", "3")[start : start + first]]
        return ClubConnection(edges=edges, page_info=page)


def build_application() -> Starlette:
    """The server."""
    endpoint = GraphQL[None, None](Schema(query=Query, types=[Person]))
    return Starlette(routes=[Route("/graphql", endpoint, methods=["POST"])])
