"""The query root."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Annotated, Any

import strawberry

from auth.caller import Caller
from auth.policy.decision import get_represented_person
from auth.policy.rules import Access, Rule
from engine.errors import BadInput
from records.complaints import CategoryQuery, ComplaintQuery
from records.hub.access_entries import AccessEntryQuery
from records.identifiers import Nik, RegionCode
from records.prices import CommodityQuery, Market, MarketQuery
from records.purposes import CitizenScope
from records.regions import CodeSystem, RegionLevel, RegionQuery
from resolvers.complaints import category_lists, complaint_pages
from resolvers.hub.access_entries import access_entries as overseen_entries
from resolvers.hub.consents import consenting_people
from resolvers.population import citizens as citizens_themselves
from resolvers.population import known_citizens
from resolvers.prices import commodity_lists, market_lists
from resolvers.regions import RegionAddress, region_lists, regions_called
from schema.declarations.fields import root
from schema.declarations.relay import After, First, check_first
from schema.declarations.scalars import publish_enum
from schema.types import data_request_answers
from schema.types.access_entries import (
    OVERSEERS,
    PROTECTION_OFFICER_ONLY,
    AccessEntryConnectionType,
    AccessEntryFilter,
    build_access_entry_connection,
)
from schema.types.access_entries import build_access_entry_query as entry_query
from schema.types.complaints import (
    ComplaintCategoryType,
    ComplaintConnectionType,
    ComplaintFilter,
    build_complaint_connection,
    build_complaint_query,
)
from schema.types.consenting import ConsentingType
from schema.types.consents import PARTNER_WITH_CONSENT
from schema.types.population import READABLE, CitizenType
from schema.types.prices import CommodityType, MarketType
from schema.types.regions import RegionType

MAX_CITIZENS = 100

Search = Annotated[str, strawberry.argument(description="Only items whose name contains this text, ignoring case.")]
Entries = Annotated[AccessEntryFilter | None, strawberry.argument(description="Filter; all entries if omitted.")]
publish_enum(CodeSystem)
publish_enum(RegionLevel)


def _truncate_markets(found: Sequence[Market], arguments: Mapping[str, Any]) -> Sequence[Market]:
    return found[: arguments["first"]]


def _estimate_matches(arguments: Mapping[str, Any]) -> int:
    """Estimates the size of a short list: about one match if a name is searched for."""
    return 1 if arguments["search"] else 20


class QueryRoot:
    """The queries of the graph."""

    @root(
        citizens_themselves,
        returns=CitizenType | None,
        rule=Access(Rule.SELF | Rule.ASSISTANT, citizen_scopes=frozenset(CitizenScope)),
    )
    def me(caller: Caller) -> Nik | None:
        """The signed-in citizen; for an assistant, the person they help.

        Officials use `citizen` or `citizens`.
        """
        return get_represented_person(caller)

    @root(known_citizens, returns=CitizenType | None, rule=READABLE)
    def citizen(nik: Annotated[Nik, strawberry.argument(description="The citizen's NIK.")]) -> Nik:
        """One citizen; null if the population register does not know the number."""
        return nik

    @root(
        known_citizens,
        returns=list[CitizenType | None] | None,
        rule=Rule.OFFICIAL | Rule.AGENCY_SYSTEM,
        has_many_keys=True,
    )
    def citizens(
        niks: Annotated[list[Nik], strawberry.argument(description=f"NIKs, at most {MAX_CITIZENS}.")],
    ) -> list[Nik]:
        """Several citizens, in the order of the argument. Duplicates are kept; unknown numbers are null."""
        if len(niks) > MAX_CITIZENS:
            raise BadInput(
                f"Argument 'niks' holds {len(niks)} numbers; at most {MAX_CITIZENS} are allowed. Send several requests."
            )
        return niks

    @root(consenting_people, returns=ConsentingType | None, rule=PARTNER_WITH_CONSENT, subject_batch=consenting_people)
    def consented(
        consent: Annotated[strawberry.ID, strawberry.argument(description="Id of a consent to the caller.")],
    ) -> str:
        """The person who gave the consent, while it is in force."""
        return str(consent)

    data_requests = data_request_answers.data_requests

    @root(
        complaint_pages, returns=ComplaintConnectionType | None, rule=Rule.PUBLIC, transform=build_complaint_connection
    )
    def complaints(
        first: First = 20,
        after: After = None,
        filter: Annotated[  # noqa: A002 - the name that clients of connections expect
            ComplaintFilter | None, strawberry.argument(description="Filter; all public complaints if omitted.")
        ] = None,
    ) -> ComplaintQuery:
        """Public complaints, newest first. Private ones are only in `complaints` of their reporter."""
        return build_complaint_query(first, after, filter)

    @root(category_lists, returns=list[ComplaintCategoryType] | None, rule=Rule.PUBLIC, expected_size=_estimate_matches)
    def complaint_categories(search: Search = "") -> CategoryQuery:
        """Categories of complaints."""
        return CategoryQuery(search=search)

    @root(market_lists, returns=list[MarketType] | None, rule=Rule.PUBLIC, transform=_truncate_markets)
    def markets(search: Search = "", first: First = 10) -> MarketQuery:
        """Markets whose food prices are observed."""
        check_first(first)
        return MarketQuery(search=search)

    @root(commodity_lists, returns=list[CommodityType] | None, rule=Rule.PUBLIC, expected_size=_estimate_matches)
    def commodities(search: Search = "") -> CommodityQuery:
        """Food commodities whose price is observed."""
        return CommodityQuery(search=search)

    @root(regions_called, returns=RegionType | None, rule=Rule.PUBLIC)
    def region(
        code: Annotated[str, strawberry.argument(description="The region's code in the given system.")],
        system: Annotated[
            CodeSystem,
            strawberry.argument(description="System of the code: `3171` is a different place in each system."),
        ] = CodeSystem.KEMENDAGRI,
    ) -> RegionAddress:
        """One region, by its code in one of the code systems; null for an unknown code."""
        return RegionAddress(system, code)

    @root(
        overseen_entries,
        returns=AccessEntryConnectionType | None,
        rule=OVERSEERS,
        agency="agency",
        transform=build_access_entry_connection,
    )
    def access_entries(
        caller: Caller,
        first: First = 20,
        after: After = None,
        filter: Entries = None,  # noqa: A002 - the name that clients of connections expect
    ) -> AccessEntryQuery:
        """Reads of people's data, newest first. A supervisor sees those of their own agency. This query is recorded."""
        return entry_query(caller, first, after, filter)

    @root(
        overseen_entries,
        returns=AccessEntryConnectionType | None,
        rule=PROTECTION_OFFICER_ONLY,
        subject=attrgetter("subject"),
        transform=build_access_entry_connection,
    )
    def access_entries_of(
        caller: Caller,
        nik: Annotated[Nik, strawberry.argument(description="NIK of the person the data is about.")],
        first: First = 20,
        after: After = None,
        filter: Entries = None,  # noqa: A002 - the name that clients of connections expect
    ) -> AccessEntryQuery:
        """Reads of one person's data, newest first, for their case. The query is recorded, and visible to them."""
        return entry_query(caller, first, after, filter, nik)

    @root(region_lists, returns=list[RegionType] | None, rule=Rule.PUBLIC)
    def regions(
        search: Search = "",
        level: Annotated[RegionLevel | None, strawberry.argument(description="Only regions of this level.")] = None,
        inside: Annotated[
            RegionCode | None, strawberry.argument(description="Only regions inside this one, at any level.")
        ] = None,
        first: First = 50,
    ) -> RegionQuery:
        """Regions by name, level and enclosing region, ordered by code."""
        return RegionQuery(search=search, level=level, inside=inside, first=check_first(first))
