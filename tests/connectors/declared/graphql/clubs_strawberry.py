"""The subgraph of clubs by Strawberry."""

from __future__ import annotations

import strawberry
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.asgi import GraphQL
from strawberry.federation import Schema


class CodedError(Exception):
    """An error with a code."""

    def __init__(self, code: str) -> None:
        super().__init__("gagal")
        self.extensions = {"code": code}


@strawberry.type(name="Place")
class ServedPlace:
    city: str | None


@strawberry.federation.type(name="Club", keys=["id"])
class ServedClub:
    id: strawberry.ID
    name: str

    @strawberry.field
    def place(self) -> ServedPlace | None:
        if self.id == "5":
            raise CodedError("INTERNAL")
        return ServedPlace(city="Jakarta")

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> ServedClub | None:  # noqa: A002 - the key of the entity
        if id == "6":
            raise CodedError("FORBIDDEN")
        return None if id == "9" else make_club(id)


def make_club(number: str) -> ServedClub:
    """A club as every server of these tests gives it."""
    return ServedClub(id=strawberry.ID(number), name=f"Klub {number}")


@strawberry.type(name="Membership")
class ServedMembership:
    club: ServedClub
    number: int | None


@strawberry.federation.type(name="Person", keys=["nik"])
class ServedPerson:
    nik: strawberry.ID

    @strawberry.field
    def memberships(self) -> list[ServedMembership] | None:
        return [ServedMembership(club=make_club("1"), number=12)]

    @classmethod
    def resolve_reference(cls, nik: strawberry.ID) -> ServedPerson:
        return cls(nik=nik)


@strawberry.type(name="PageInfo")
class ServedPageInfo:
    has_next_page: bool
    end_cursor: str | None


@strawberry.type(name="ClubEdge")
class ServedClubEdge:
    node: ServedClub


@strawberry.type(name="ClubConnection")
class ServedClubConnection:
    edges: list[ServedClubEdge]
    page_info: ServedPageInfo


@strawberry.type(name="Query")
class ServedQuery:
    @strawberry.field
    def clubs(self, first: int, text: str | None = None, after: str | None = None) -> ServedClubConnection:
        del text
        start = int(after or 0)
        page = ServedPageInfo(has_next_page=start + first < 3, end_cursor=str(start + first))
        edges = [ServedClubEdge(node=make_club(each)) for each in ("1", "2", "3")[start : start + first]]
        return ServedClubConnection(edges=edges, page_info=page)


def build_application() -> Starlette:
    """The server."""
    endpoint = GraphQL[None, None](Schema(query=ServedQuery, types=[ServedPerson]))
    return Starlette(routes=[Route("/graphql", endpoint, methods=["POST"])])
