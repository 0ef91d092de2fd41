"""Places of all kinds near a point, or inside a region."""

from __future__ import annotations

import inspect
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from importlib import import_module
from typing import Annotated, Any, Final

import strawberry

from auth.policy.rules import Rule
from engine.errors import BadInput
from records.description import DescribedEnum
from records.identifiers import RegionCode
from records.nearby import NearbyPage, NearbyPlace, NearbyPosition, NearbyQuery
from resolvers.nearby.pages import PLACE_SOURCES, nearby_pages
from resolvers.nearby.place_sources import MAX_LISTED, PlaceSource
from schema.declarations.additions import adds_to_query
from schema.declarations.computed_fields import union_field
from schema.declarations.fields import derived, root
from schema.declarations.publishing import Publication, publishes
from schema.declarations.relay import (
    MAX_PAGE_SIZE,
    After,
    ConnectionPage,
    First,
    build_connection,
    check_first,
    connection_of,
)
from schema.declarations.scalars import publish_enum
from schema.types.places import NearInput, build_near
from schema.types.regions import CoordinatesType

_MAX_DEPTH: Final = MAX_LISTED - MAX_PAGE_SIZE


def _find_published(source: PlaceSource) -> Any:  # noqa: ANN401 - a published type
    """The published type of the records of a source."""
    for each in vars(import_module(f"schema.types.{source.domain}")).values():
        publication = vars(each).get("__publication__") if isinstance(each, type) else None
        if isinstance(publication, Publication) and publication.record is source.record:
            return each
    raise TypeError(f"The domain '{source.domain}' does not publish {source.record.__name__}, which is a place.")


_described: Any = {
    each.kind: (each.kind, (inspect.getdoc(each.record) or "").partition("\n")[0]) for each in PLACE_SOURCES
}
PlaceKind: Any = DescribedEnum("PlaceKind", _described)
PlaceKind.__doc__ = "The kind of a place."
publish_enum(PlaceKind)


@publishes(
    NearbyPlace,
    rule=Rule.PUBLIC,
    shows=("name", "address", "coordinates", "distance_metres", "wheelchair"),
    nested=(CoordinatesType,),
)
class NearbyPlaceType:
    """The published `NearbyPlace`."""

    @derived(returns=PlaceKind)
    def kind(record: NearbyPlace) -> Any:  # noqa: ANN401 - an enumeration that follows from the domains
        """Its kind."""
        return PlaceKind[record.kind]

    place: Any = union_field(
        ("LocatedPlace", "The record of a place of one kind."),
        {_find_published(each): each.batch for each in PLACE_SOURCES},
        get_record=lambda each: each.record,
        description="All that is known about it, with its own rules.",
    )


@connection_of(NearbyPlaceType, item_name="place", items_name="places")
class NearbyPlaceConnectionType:
    """A page of places of all kinds."""


def _encode_cursor(place: NearbyPlace, depth: int) -> str:
    return urlsafe_b64encode(json.dumps([*place.order, depth]).encode()).decode().rstrip("=")


def _decode_cursor(cursor: str) -> NearbyPosition:
    """Decodes a cursor. Raises `BadInput`."""
    try:
        found = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        found = None
    match found:
        case [int(distance), str(kind), str(identifier), int(depth)] if depth > 0:
            if depth > _MAX_DEPTH:
                raise BadInput(
                    f"More than {_MAX_DEPTH} places come before: make 'near.metres' smaller, or name 'kinds'."
                )
            return NearbyPosition(order=(distance, kind, identifier), depth=depth)
    raise BadInput("Argument 'after' is not a cursor of this list. Send an 'endCursor' or 'cursor' as it was received.")


def _build_page(found: NearbyPage, arguments: Mapping[str, Any]) -> ConnectionPage:
    before = _decode_cursor(arguments["after"]).depth if arguments.get("after") else 0
    depths = {id(each): before + number for number, each in enumerate(found.places, start=1)}
    return build_connection(
        NearbyPlaceConnectionType,
        found.places,
        cursor=lambda each: _encode_cursor(each, depths[id(each)]),
        has_more=found.has_more,
        arguments=arguments,
    )


@adds_to_query
class NearbyQueries:
    """The root field of places of all kinds."""

    @root(nearby_pages, returns=NearbyPlaceConnectionType | None, rule=Rule.PUBLIC, transform=_build_page)
    def nearby(
        near: Annotated[
            NearInput | None, strawberry.argument(description="Places near this point, the nearest first.")
        ] = None,
        region: Annotated[
            RegionCode | None,
            strawberry.argument(description="In place of a point: places inside this region, at any level, by kind."),
        ] = None,
        kinds: Annotated[list[PlaceKind] | None, strawberry.argument(description="Only places of these kinds.")] = None,
        first: First = 20,
        after: After = None,
    ) -> NearbyQuery:
        """Places of all kinds near a point, the nearest first; or, by kind, inside a region or the whole city.

        Of complaints, the 100 newest public ones are looked at. Kinds that name no region, such as stops, are only
        found near a point. An agency that does not answer is named in `extensions.incomplete`.
        """
        if near is not None and region is not None:
            raise BadInput("Give either 'near' or 'region', not both.")
        return NearbyQuery(
            near=build_near(near, None),
            region_code=region,
            kinds=tuple(sorted({each.name for each in kinds or ()})),
            first=check_first(first),
            after=_decode_cursor(after) if after else None,
        )
