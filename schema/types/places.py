"""Lists of places: near a point, inside a region, by text."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import strawberry

from auth.policy.rules import Rule
from engine.batch import Batch
from engine.errors import BadInput
from records.identifiers import RegionCode
from records.regions import Coordinates, Near, PlaceQuery, Region
from schema.declarations.fields import edge, root
from schema.declarations.relay import After, First, Search, build_page, check_first, decode_id_cursor

MAX_METRES = 10_000


@strawberry.input(description="The surroundings of a point.")
class NearInput:
    """The argument `near`."""

    latitude: float = strawberry.field(description="Degrees north (WGS 84).")
    longitude: float = strawberry.field(description="Degrees east.")
    metres: int = strawberry.field(default=1_000, description=f"Distance from the point, at most {MAX_METRES}.")


NearPoint = Annotated[
    NearInput | None, strawberry.argument(description="Only places near this point, the nearest first, on one page.")
]
InsideRegion = Annotated[
    RegionCode | None, strawberry.argument(description="Only places inside this region, at any level.")
]


def place_list(batch: Batch[Any, Any], connection: type[Any], *, description: str, id_name: str = "id") -> Any:  # noqa: ANN401 - used in a class body
    """A root field: public places by text and region; near a point, the nearest first."""
    transform = partial(build_page, connection, id_name=id_name)
    declare = root(batch, returns=connection | None, rule=Rule.PUBLIC, transform=transform, description=description)
    return declare(find_places)


def places_inside(batch: Batch[Any, Any], connection: type[Any], *, description: str, id_name: str = "id") -> Any:  # noqa: ANN401 - used in a class body
    """An edge of a region: the public places inside it."""
    transform = partial(build_page, connection, id_name=id_name)
    return edge(batch, key=find_places_inside, transform=transform, description=description)


def find_places(
    search: Search = "",
    near: NearPoint = None,
    region: InsideRegion = None,
    first: First = 20,
    after: After = None,
) -> PlaceQuery:
    """The query of a page of places, with one place more. Raises `BadInput`."""
    return PlaceQuery(
        search=search,
        near=build_near(near, after),
        region_code=region,
        first=check_first(first) + 1,
        after=decode_id_cursor(after) if after else None,
    )


def find_places_inside(record: Region, search: Search = "", first: First = 20, after: After = None) -> PlaceQuery:
    """The query of a page of the places inside a region."""
    return find_places(search, region=record.code, first=first, after=after)


def build_near(near: NearInput | None, after: str | None) -> Near | None:
    """The surroundings of a point. Raises `BadInput` for a point that is not on the map, and for a second page."""
    if near is None:
        return None
    if after:
        raise BadInput("Argument 'after' does not go with 'near': the nearest places are on one page. Raise 'first'.")
    if not (-90 <= near.latitude <= 90 and -180 <= near.longitude <= 180):  # noqa: PLR2004 - degrees
        raise BadInput("Argument 'near' is not a point on the map; send degrees, such as -6.1754 and 106.8272.")
    if not 1 <= near.metres <= MAX_METRES:
        raise BadInput(f"Argument 'near.metres' is {near.metres}; it must be from 1 to {MAX_METRES}.")
    return Near(point=Coordinates(latitude=near.latitude, longitude=near.longitude), metres=near.metres)
