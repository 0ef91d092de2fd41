"""Flood gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from auth.policy.rules import Rule
from records.flood_gates import FloodAlert, FloodGate, FloodGateQuery
from resolvers.flood_gates import flood_gate_lists, flood_gates
from schema.declarations.additions import adds_to_query
from schema.declarations.fields import root
from schema.declarations.publishing import Refetch, publishes
from schema.declarations.relay import (
    After,
    ConnectionPage,
    First,
    Node,
    Search,
    build_page,
    check_first,
    connection_of,
    decode_id_cursor,
)
from schema.declarations.scalars import publish_enum
from schema.types.places import NearPoint, build_near
from schema.types.regions import CoordinatesType

publish_enum(FloodAlert)


@publishes(
    FloodGate,
    rule=Rule.PUBLIC,
    shows=("name", "location", "coordinates", "water_level", "alert", "measured_at"),
    nested=(CoordinatesType,),
    refetch=Refetch(batch=flood_gates, seal=lambda each: each.id, unseal=str),
)
class FloodGateType(Node):
    """The published `FloodGate`."""


@connection_of(FloodGateType, item_name="flood gate", items_name="flood gates", has_total=True)
class FloodGateConnectionType:
    """A page of flood gates."""


def _build_page(found: Sequence[FloodGate], arguments: Mapping[str, Any]) -> ConnectionPage:
    return build_page(FloodGateConnectionType, found, arguments)


@adds_to_query
class FloodGateQueries:
    """The root field of flood gates."""

    @root(flood_gate_lists, returns=FloodGateConnectionType | None, rule=Rule.PUBLIC, transform=_build_page)
    def flood_gates(
        search: Search = "", near: NearPoint = None, first: First = 20, after: After = None
    ) -> FloodGateQuery:
        """Flood gates with their last water levels, by name or near a point."""
        return FloodGateQuery(
            search=search,
            near=build_near(near, after),
            first=check_first(first) + 1,
            after=decode_id_cursor(after) if after else None,
        )
