"""The city's services: the catalogue, and the services that fit a person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import strawberry

from auth.caller import AGENCY_KINDS, Caller, CallerKind
from auth.policy.rules import Rule
from engine.agencies.bindings import Agencies
from engine.errors import BadInput
from records.city_services import (
    NO_SERVICES,
    CityService,
    CityServicePage,
    CityServiceQuery,
    OpeningPeriod,
    OwnService,
    OwnServicesQuery,
    ServiceAccess,
    ServiceAudience,
    ServiceCatalogue,
    ServiceChannel,
    ServiceState,
    ServiceTopic,
)
from records.languages import Language
from records.population import Citizen
from resolvers.city_services import city_service_pages, city_services, services_of
from resolvers.hub.agency_directory import AgencyDirectory
from schema.declarations.additions import adds_to, adds_to_query
from schema.declarations.fields import derived, edge, root
from schema.declarations.publishing import Refetch, publishes
from schema.declarations.relay import (
    MAX_PAGE_SIZE,
    After,
    ConnectionPage,
    First,
    Node,
    build_connection,
    check_first,
    connection_of,
    decode_id_cursor,
    encode_id_cursor,
)
from schema.declarations.scalars import publish_enum
from schema.types.population import CitizenType

for _enum in (ServiceAccess, ServiceAudience, ServiceChannel, ServiceState, ServiceTopic):
    publish_enum(_enum)
_OF_PEOPLE: Final = frozenset(ServiceAudience) - {
    ServiceAudience.BUSINESSES,
    ServiceAudience.PARTNERS,
    ServiceAudience.AGENCIES,
}
_OF_KIND: Final[Mapping[CallerKind, frozenset[ServiceAudience]]] = {
    CallerKind.BUSINESS: frozenset(
        {ServiceAudience.BUSINESSES, ServiceAudience.BUSINESS_OWNERS, ServiceAudience.EVERYONE}
    ),
    CallerKind.PARTNER: frozenset({ServiceAudience.PARTNERS, ServiceAudience.BUSINESSES, ServiceAudience.EVERYONE}),
    **dict.fromkeys(AGENCY_KINDS, frozenset({ServiceAudience.AGENCIES, ServiceAudience.EVERYONE})),
}
"""The audiences of each kind of caller; all others are people."""
_MAX_SEARCH: Final = 100
Search = Annotated[
    str, strawberry.argument(description="Only services whose name or summary, in any language, contains these words.")
]


@publishes(OpeningPeriod, rule=Rule.PUBLIC, shows=("weekday", "opens", "closes"))
class OpeningPeriodType:
    """The published `OpeningPeriod`."""


@publishes(
    CityService,
    rule=Rule.PUBLIC,
    shows=(
        "code",
        "topic",
        "access",
        "channels",
        "audiences",
        "operation",
        "url",
        "phone",
        "opening_hours",
        "agency",
        "saved_minutes",
        "saved_rupiah",
    ),
    nested=(OpeningPeriodType,),
    refetch=Refetch(batch=city_services, seal=lambda service: service.code, unseal=str),
)
class CityServiceType(Node):
    """The published `CityService`."""

    @derived(returns=str | None)
    def name(record: CityService, language: Language) -> str:
        """Its name, in the caller's language."""
        return record.names[language]

    @derived(returns=str | None)
    def summary(record: CityService, language: Language) -> str:
        """What it does, in one plain sentence in the caller's language."""
        return record.summaries[language]

    @derived(returns=list[str] | None)
    def accessibility_notes(record: CityService, language: Language) -> list[str]:
        """How people with disabilities use it, in the caller's language."""
        return [each[language] for each in record.accessibility_notes]

    @derived(returns=str | None)
    def owner(record: CityService, language: Language, agencies: Agencies) -> str:
        """The agency or partner that is responsible for it, in the caller's language."""
        if record.owners or record.agency is None:
            return record.owners.get(language, "")
        return agencies[AgencyDirectory].get_name(record.agency, language)

    @derived(returns=str | None)
    def handover_url(record: CityService, agencies: Agencies) -> str | None:
        """The address that opens its site and signs the person in at the same account, for `HANDOVER`."""
        return agencies.get(ServiceCatalogue, NO_SERVICES).build_handover(record)

    @derived(returns=ServiceState | None)
    def state(record: CityService, agencies: Agencies) -> ServiceState:
        """Whether it works now."""
        return agencies.get(ServiceCatalogue, NO_SERVICES).get_state(record, datetime.now(UTC))

    @derived(returns=datetime | None)
    def opens_at(record: CityService, agencies: Agencies) -> datetime | None:
        """When it opens next; null if it is open."""
        return agencies.get(ServiceCatalogue, NO_SERVICES).find_opening(record, datetime.now(UTC))


@connection_of(CityServiceType, item_name="service", items_name="services", has_total=True)
class CityServiceConnectionType:
    """A page of services."""


@publishes(OwnService, rule=Rule.SELF, subject="person", shows=("service", "audience"), nested=(CityServiceType,))
class OwnServiceType:
    """The published `OwnService`."""

    @derived(returns=str | None)
    def because(record: OwnService, language: Language) -> str:
        """Why it fits, in the caller's language."""
        return record.audience.get_text(language)


@strawberry.input(description="Filters services. All given conditions must match.")
class CityServiceFilter:
    """The filter of `cityServices`."""

    search: str = strawberry.field(
        default="", description="Whose name or summary, in any language, contains these words."
    )
    topics: list[ServiceTopic] | None = strawberry.field(default=None, description="About any of these subjects.")
    channels: list[ServiceChannel] | None = strawberry.field(default=None, description="On any of these channels.")
    access: list[ServiceAccess] | None = strawberry.field(default=None, description="With any of these accesses.")
    audiences: list[ServiceAudience] | None = strawberry.field(
        default=None, description="For any of these audiences; for those of the caller if omitted."
    )


def build_service_connection(found: CityServicePage, arguments: Mapping[str, Any]) -> ConnectionPage:
    """Builds the connection of a page."""
    return build_connection(
        CityServiceConnectionType,
        found.services,
        cursor=lambda each: encode_id_cursor(each.code),
        has_more=found.has_more,
        arguments=arguments,
        total_count=found.total,
    )


def check_search(search: str) -> str:
    """Returns the text. Raises `BadInput` for one that is too long."""
    if len(search) > _MAX_SEARCH:
        raise BadInput(f"Argument 'search' has {len(search)} characters; at most {_MAX_SEARCH} are allowed.")
    return search


def build_own_query(
    record: Citizen,
    first: First = MAX_PAGE_SIZE,
    search: Search = "",
    topics: Annotated[
        list[ServiceTopic] | None, strawberry.argument(description="Only about any of these subjects.")
    ] = None,
) -> OwnServicesQuery:
    """Builds the query of a person's services. Raises `BadInput`."""
    return OwnServicesQuery(
        person=record.nik, first=check_first(first), search=check_search(search), topics=frozenset(topics or ())
    )


@adds_to_query
class CityServiceQueries:
    """The root fields of services."""

    @root(
        city_service_pages,
        returns=CityServiceConnectionType | None,
        rule=Rule.PUBLIC,
        transform=build_service_connection,
    )
    def city_services(
        caller: Caller,
        first: First = 20,
        after: After = None,
        filter: Annotated[  # noqa: A002 - the name that clients of connections expect
            CityServiceFilter | None, strawberry.argument(description="Filter; the caller's services if omitted.")
        ] = None,
    ) -> CityServiceQuery:
        """What the city can do for the caller: for people, for a business, a partner or an agency."""
        wanted = filter or CityServiceFilter()
        audiences = _OF_KIND.get(caller.kind, _OF_PEOPLE) if wanted.audiences is None else frozenset(wanted.audiences)
        return CityServiceQuery(
            first=check_first(first),
            after=decode_id_cursor(after) if after else None,
            search=check_search(wanted.search),
            topics=frozenset(wanted.topics or ()),
            channels=frozenset(wanted.channels or ()),
            access=frozenset(wanted.access or ()),
            audiences=audiences,
        )


@adds_to(CitizenType)
class ServicesOfCitizen:
    """The services that fit a citizen."""

    services: list[OwnServiceType] | None = edge(
        services_of,
        key=build_own_query,
        rule=Rule.SELF,
        expected_size=60,
        description="What the city can do for you, by what its agencies know of you: the most specific first. An"
        " agency that does not answer is named in `extensions.incomplete`.",
    )
