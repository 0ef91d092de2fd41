"""The root of the graph: where every query starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Annotated, Any

import strawberry

from auth.caller import Caller
from auth.rules import Access, Rule, person_of
from engine.errors import BadInput
from records.access_entries import AccessEntryQuery
from records.complaints import CategoryQuery, ComplaintQuery
from records.identifiers import Nik, RegionCode
from records.prices import CommodityQuery, Market, MarketQuery
from records.purposes import CitizenScope
from records.regions import CodeSystem, RegionLevel, RegionQuery
from resolvers.access_entries import access_entries as overseen_entries
from resolvers.complaints import category_lists, complaint_pages
from resolvers.consents import consenting
from resolvers.population import citizens as citizens_themselves
from resolvers.population import known_citizens
from resolvers.prices import commodity_lists, market_lists
from resolvers.regions import RegionAddress, region_lists, regions_called
from schema import answering_requests
from schema.access_entries import (
    OF_A_PERSON,
    OVERSEEN,
    AccessEntryConnectionType,
    AccessEntryFilter,
    access_entry_connection,
)
from schema.access_entries import query_of as entry_query
from schema.complaints import (
    ComplaintCategoryType,
    ComplaintConnectionType,
    ComplaintFilter,
    connection,
    query_of,
)
from schema.consenting import ConsentingType
from schema.consents import BY_CONSENT
from schema.enums import publish_enum
from schema.fields import root
from schema.population import READABLE, CitizenType
from schema.prices import CommodityType, MarketType
from schema.regions import RegionType
from schema.relay import After, First, checked_first

MOST_CITIZENS = 100

Search = Annotated[str, strawberry.argument(description="Only those whose name holds this text, upper or lower case.")]
Entries = Annotated[AccessEntryFilter | None, strawberry.argument(description="Which entries; all without it.")]
publish_enum(CodeSystem)
publish_enum(RegionLevel)


def _first_markets(found: Sequence[Market], arguments: Mapping[str, Any]) -> Sequence[Market]:
    return found[: arguments["first"]]


def _found(arguments: Mapping[str, Any]) -> int:
    """How many of a short list there are: nearly one where a name is searched for."""
    return 1 if arguments["search"] else 20


class QueryRoot:
    """Where every query starts."""

    @root(
        citizens_themselves,
        answers=CitizenType | None,
        rule=Access(Rule.SELF | Rule.ASSISTANT, citizen_scopes=frozenset(CitizenScope)),
    )
    def me(caller: Caller) -> Nik | None:
        """The citizen who is signed in; for an assistant, the person they help.

        Officials are nobody here: they ask for `citizen` or `citizens`.
        """
        return person_of(caller)

    @root(known_citizens, answers=CitizenType | None, rule=READABLE)
    def citizen(nik: Annotated[Nik, strawberry.argument(description="The citizen's NIK.")]) -> Nik:
        """One citizen. Null where the population register knows no such number."""
        return nik

    @root(known_citizens, answers=list[CitizenType | None] | None, rule=Rule.OFFICIAL | Rule.AGENCY_SYSTEM, many=True)
    def citizens(
        niks: Annotated[list[Nik], strawberry.argument(description=f"NIKs, at most {MOST_CITIZENS}.")],
    ) -> list[Nik]:
        """Several citizens: in the order asked for, duplicates kept, unknown numbers null."""
        if len(niks) > MOST_CITIZENS:
            raise BadInput(
                f"Argument 'niks' holds {len(niks)} numbers; at most {MOST_CITIZENS} may be asked at once. "
                "Ask in parts."
            )
        return niks

    @root(consenting, answers=ConsentingType | None, rule=BY_CONSENT, told_by=consenting)
    def consented(
        consent: Annotated[strawberry.ID, strawberry.argument(description="The id of a consent given to the caller.")],
    ) -> str:
        """Somebody who consented to the partner's reading some of their data, as long as the consent is in force."""
        return str(consent)

    data_requests = answering_requests.data_requests

    @root(complaint_pages, answers=ComplaintConnectionType | None, rule=Rule.PUBLIC, then=connection)
    def complaints(
        first: First = 20,
        after: After = None,
        filter: Annotated[  # noqa: A002 - the name that clients of connections expect
            ComplaintFilter | None, strawberry.argument(description="Which complaints; all public ones without it.")
        ] = None,
    ) -> ComplaintQuery:
        """Public complaints, newest first. Private ones are found at their reporter only."""
        return query_of(first, after, filter)

    @root(category_lists, answers=list[ComplaintCategoryType] | None, rule=Rule.PUBLIC, about=_found)
    def complaint_categories(search: Search = "") -> CategoryQuery:
        """What complaints can be about."""
        return CategoryQuery(search=search)

    @root(market_lists, answers=list[MarketType] | None, rule=Rule.PUBLIC, then=_first_markets)
    def markets(search: Search = "", first: First = 10) -> MarketQuery:
        """Markets in which food prices are observed."""
        checked_first(first)
        return MarketQuery(search=search)

    @root(commodity_lists, answers=list[CommodityType] | None, rule=Rule.PUBLIC, about=_found)
    def commodities(search: Search = "") -> CommodityQuery:
        """Foods whose price is observed."""
        return CommodityQuery(search=search)

    @root(regions_called, answers=RegionType | None, rule=Rule.PUBLIC)
    def region(
        code: Annotated[str, strawberry.argument(description="The region's code in the given system.")],
        system: Annotated[
            CodeSystem, strawberry.argument(description="Whose code it is. `3171` means other places to others.")
        ] = CodeSystem.KEMENDAGRI,
    ) -> RegionAddress:
        """One region, by its code in one of the code systems. Null where the system is not known to use the code."""
        return RegionAddress(system, code)

    @root(
        overseen_entries,
        answers=AccessEntryConnectionType | None,
        rule=OVERSEEN,
        agency="agency",
        then=access_entry_connection,
    )
    def access_entries(
        caller: Caller,
        first: First = 20,
        after: After = None,
        filter: Entries = None,  # noqa: A002 - the name that clients of connections expect
    ) -> AccessEntryQuery:
        """Who read what of whom, newest first: of a supervisor's own agency, or of all. Each look is recorded."""
        return entry_query(caller, first, after, filter)

    @root(
        overseen_entries,
        answers=AccessEntryConnectionType | None,
        rule=OF_A_PERSON,
        subject=attrgetter("subject"),
        then=access_entry_connection,
    )
    def access_entries_of(
        caller: Caller,
        nik: Annotated[Nik, strawberry.argument(description="The NIK of whom the data is about.")],
        first: First = 20,
        after: After = None,
        filter: Entries = None,  # noqa: A002 - the name that clients of connections expect
    ) -> AccessEntryQuery:
        """Who read what of one person, newest first, for their case. Each look is recorded, and the person is told."""
        return entry_query(caller, first, after, filter, nik)

    @root(region_lists, answers=list[RegionType] | None, rule=Rule.PUBLIC)
    def regions(
        search: Search = "",
        level: Annotated[RegionLevel | None, strawberry.argument(description="Only this level.")] = None,
        inside: Annotated[
            RegionCode | None, strawberry.argument(description="Only regions inside this one, at any depth.")
        ] = None,
        first: First = 50,
    ) -> RegionQuery:
        """Regions by name, level and place, in the order of their codes."""
        return RegionQuery(search=search, level=level, inside=inside, first=checked_first(first))
