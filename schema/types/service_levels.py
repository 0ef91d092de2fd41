"""Service levels: the clocks of complaints, and the list of overdue ones for officials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import strawberry

from auth.policy.rules import Access, Rule
from records.identifiers import RegionCode
from records.purposes import Purpose
from records.service_levels import ServiceStage
from resolvers.overdue_complaints import OverduePage, OverduePosition, OverdueQuery, overdue_complaints
from schema.declarations.additions import adds_to_query
from schema.declarations.fields import root
from schema.declarations.relay import (
    After,
    ConnectionPage,
    First,
    build_connection,
    check_first,
    connection_of,
    decode_cursor,
    encode_cursor,
)
from schema.types.complaints import ComplaintType

HANDLING = Access(Rule.OFFICIAL, purposes=frozenset({Purpose.COMPLAINT_HANDLING}))
"""For the officials who handle complaints. The rule of a complaint decides about each one."""


@connection_of(
    ComplaintType,
    item_name="complaint",
    items_name="complaints",
    has_total=True,
    flags={
        "includes_private": "Whether private complaints are in it; false if the agency lists public ones only.",
        "is_cut": "Whether the hub did not read all open complaints: old ones are missing. Narrow the region.",
    },
)
class OverdueComplaintConnectionType:
    """A page of overdue complaints, the longest overdue first."""


def build_overdue_connection(found: OverduePage, arguments: Mapping[str, Any]) -> ConnectionPage:
    """Builds the connection of a page."""
    due_of = {each.id: each.due_at for each in found.positions}
    return build_connection(
        OverdueComplaintConnectionType,
        found.complaints,
        cursor=lambda each: encode_cursor(due_of[each.id], each.id),
        has_more=found.has_more,
        arguments=arguments,
        total_count=found.total,
        includes_private=found.includes_private,
        is_cut=found.is_cut,
    )


@adds_to_query
class ServiceLevelQueries:
    """The root fields of service levels."""

    @root(
        overdue_complaints,
        returns=OverdueComplaintConnectionType | None,
        rule=HANDLING,
        transform=build_overdue_connection,
        subject=lambda _query: None,
    )
    def overdue_complaints(
        first: First = 20,
        after: After = None,
        office: Annotated[
            str | None, strawberry.argument(description="Only complaints of this `responsibleAgency`; all if omitted.")
        ] = None,
        stage: Annotated[
            ServiceStage | None,
            strawberry.argument(description="Only complaints that missed the deadline of this stage; any if omitted."),
        ] = None,
        region: Annotated[
            RegionCode | None, strawberry.argument(description="Only in this region, from province to kelurahan.")
        ] = None,
    ) -> OverdueQuery:
        """Open complaints that missed a deadline and still miss it, the longest overdue first."""
        return OverdueQuery(
            first=check_first(first),
            after=OverduePosition(*decode_cursor(after)) if after else None,
            office=office,
            stage=stage,
            regions=() if region is None else (region,),
        )
