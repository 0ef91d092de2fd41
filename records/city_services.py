"""The services of the city: what they do, for which people, where, and whether they work now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Annotated, Final
from urllib.parse import urlencode

from records.description import DECIDES_ACCESS, DescribedEnum, Doc
from records.identifiers import Nik, Rupiah
from records.languages import Language, TranslatedEnum
from records.record import record
from records.working_time import WorkingTime

_MOMENT: Final = timedelta(seconds=1)


class ServiceAccess(DescribedEnum):
    """How to get to a service."""

    IN_GRAPH = "in_graph", "An operation of this graph does it: `operation`."
    HANDOVER = "handover", "Its own site, which signs the person in at the same account: `handoverUrl`."
    LINK = "link", "Its own site: `url`."


class ServiceChannel(DescribedEnum):
    """Between which sides a service is."""

    G2C = "g2c", "The city serves people."
    G2B = "g2b", "The city serves businesses."
    G2G = "g2g", "The city serves agencies."
    B2C = "b2c", "A partner serves people."
    B2G = "b2g", "Businesses offer something to the city."


class ServiceTopic(TranslatedEnum):
    """The subject of a service."""

    IDENTITY = "identity", "Identity and family.", "Identitas dan keluarga."
    COMPLAINTS = "complaints", "Complaints and participation.", "Pengaduan dan partisipasi."
    HEALTH = "health", "Health.", "Kesehatan."
    EDUCATION = "education", "Education.", "Pendidikan."
    ASSISTANCE = "assistance", "Social assistance.", "Bantuan sosial."
    TAX = "tax", "Taxes and payments.", "Pajak dan pembayaran."
    BUSINESS = "business", "Business and work.", "Usaha dan kerja."
    FOOD = "food", "Food and markets.", "Pangan dan pasar."
    TRANSPORT = "transport", "Transport.", "Transportasi."
    ENVIRONMENT = "environment", "Environment and disasters.", "Lingkungan dan bencana."
    CITY_LIFE = "city_life", "Culture, parks and connectivity.", "Budaya, taman dan konektivitas."
    INFORMATION = "information", "Public information.", "Informasi publik."
    DATA_RIGHTS = "data_rights", "Your data.", "Data Anda."


class ServiceAudience(TranslatedEnum):
    """The people or organisations that a service is for."""

    EVERYONE = "everyone", "It is for everyone.", "Untuk semua orang."
    RESIDENTS = "residents", "It is for residents of the city.", "Untuk warga kota."
    FAMILIES = "families", "Children live in your household.", "Ada anak di keluarga Anda."
    OLDER_PEOPLE = "older_people", "You are 60 or older.", "Anda berusia 60 tahun atau lebih."
    PEOPLE_WITH_DISABILITIES = (
        "people_with_disabilities",
        "It is for people with disabilities.",
        "Untuk penyandang disabilitas.",
    )
    BUSINESS_OWNERS = "business_owners", "You own a business.", "Anda memiliki usaha."
    BUSINESSES = "businesses", "It is for businesses.", "Untuk badan usaha."
    PARTNERS = "partners", "It is for partners of the city.", "Untuk mitra kota."
    AGENCIES = "agencies", "It is for the city's agencies.", "Untuk perangkat daerah."


class ServiceState(DescribedEnum):
    """Whether a service works now."""

    AVAILABLE = "available", "It answers."
    LIMITED = "limited", "It answers again after an outage; some requests may fail."
    CLOSED = "closed", "It is outside its opening hours."
    UNAVAILABLE = "unavailable", "Its agency does not answer."
    UNWATCHED = "unwatched", "It is open, but the hub does not call it and cannot know whether it works."


@record
class OpeningPeriod:
    """One opening on a day of the week, in the city's time zone."""

    weekday: Annotated[int, Doc("Day of the week: 1 is Monday, 7 is Sunday.")]
    opens: Annotated[str, Doc("Start, such as `07:30`.")]
    closes: Annotated[str, Doc("End, such as `16:00`.")]


@record
class CityService:
    """A service of the city or of a partner."""

    code: Annotated[str, Doc("Its code in the city's catalogue, such as `property_tax_bills`.")]
    names: Mapping[Language, str]
    summaries: Mapping[Language, str]
    accessibility_notes: tuple[Mapping[Language, str], ...]
    owners: Mapping[Language, str]
    """The name of the owner, by language. Empty for an agency of the hub."""
    agency: Annotated[str | None, Doc("Code of the agency that the hub calls for it; null if there is none.")]
    topic: Annotated[ServiceTopic, Doc("Its subject.")]
    access: Annotated[ServiceAccess, Doc("How to get to it.")]
    channels: Annotated[tuple[ServiceChannel, ...], Doc("Between which sides it is.")]
    audiences: Annotated[tuple[ServiceAudience, ...], Doc("The people and organisations that it is for.")]
    operation: Annotated[str | None, Doc("The operation of this graph that does it, for `IN_GRAPH`.")]
    sign_in_url: str | None
    """Where its site begins a sign-in at the caller's issuer, for `HANDOVER`."""
    url: Annotated[str | None, Doc("Address of its page or app; null if only the graph offers it.")]
    phone: Annotated[str | None, Doc("Telephone number, if people may call.")]
    saved_minutes: Annotated[int | None, Doc("Minutes that one use saves against the way before; null if unknown.")]
    saved_rupiah: Annotated[Rupiah | None, Doc("Fees and fares that one use saves; null if unknown.")]
    opening_hours: Annotated[
        tuple[OpeningPeriod, ...] | None, Doc("When it is open, in the city's time zone; null if always.")
    ]


@record
class CityServiceQuery:
    """One page of the catalogue, in its order. All conditions must match; an empty one matches every service."""

    first: int
    after: str | None = None
    search: str = ""
    topics: frozenset[ServiceTopic] = frozenset()
    channels: frozenset[ServiceChannel] = frozenset()
    access: frozenset[ServiceAccess] = frozenset()
    audiences: frozenset[ServiceAudience] = frozenset()


@record
class OwnService:
    """A service that fits a person, and why."""

    person: Annotated[Nik, DECIDES_ACCESS]
    service: Annotated[CityService, Doc("The service.")]
    audience: Annotated[ServiceAudience, Doc("Why it fits.")]


@record
class OwnServicesQuery:
    """A list of the services that fit a person."""

    person: Nik
    first: int
    search: str = ""
    topics: frozenset[ServiceTopic] = frozenset()

    def for_audience(self, audience: ServiceAudience) -> CityServiceQuery:
        """The query of those that are for an audience."""
        return CityServiceQuery(
            first=self.first, search=self.search, topics=self.topics, audiences=frozenset({audience})
        )


@record
class CityServicePage:
    """One page of the catalogue."""

    services: tuple[CityService, ...]
    has_more: bool
    total: int


class ServiceCatalogue:
    """The catalogue of a city, in its order."""

    def __init__(
        self,
        services: Sequence[CityService],
        hours: Mapping[str, WorkingTime] = MappingProxyType({}),
        *,
        get_agency_state: Callable[[str], ServiceState] = lambda _agency: ServiceState.UNWATCHED,
        issuer: str | None = None,
    ) -> None:
        """`hours` are those of services that are not always open, by code. People sign in at `issuer`."""
        self._services = {each.code: each for each in services}
        self._places = {code: place for place, code in enumerate(self._services)}
        self._texts = {
            each.code: " ".join((*each.names.values(), *each.summaries.values())).casefold() for each in services
        }
        self._hours = hours
        self._get_agency_state = get_agency_state
        self._issuer = issuer

    def __len__(self) -> int:
        """The number of services."""
        return len(self._services)

    def get(self, code: str) -> CityService | None:
        """One service; None for an unknown code."""
        return self._services.get(code)

    def list(self, query: CityServiceQuery) -> CityServicePage:
        """One page of the services that match."""
        matching = [each for each in self._services.values() if self._matches(each, query)]
        start = -1 if query.after is None else self._places.get(query.after, len(self._places))
        rest = [each for each in matching if self._places[each.code] > start]
        return CityServicePage(
            services=tuple(rest[: query.first]), has_more=len(rest) > query.first, total=len(matching)
        )

    def get_state(self, service: CityService, now: datetime) -> ServiceState:
        """Whether a service works at this moment, as far as this process knows."""
        hours = self._hours.get(service.code)
        if hours is not None and not hours.measure(now, now + _MOMENT):
            return ServiceState.CLOSED
        return ServiceState.UNWATCHED if service.agency is None else self._get_agency_state(service.agency)

    def find_opening(self, service: CityService, now: datetime) -> datetime | None:
        """When a service opens next; None if it is open now."""
        hours = self._hours.get(service.code)
        if hours is None or hours.measure(now, now + _MOMENT):
            return None
        return hours.add(now, [1.0])[0] - _MOMENT

    def build_handover(self, service: CityService) -> str | None:
        """The address at which the service signs in a person who is signed in here, without a token in it.

        OpenID Connect Core 1.0, section 4: login initiated by a third party. None where nobody can sign in.
        """
        if service.sign_in_url is None or self._issuer is None:
            return None
        target = {} if service.url is None else {"target_link_uri": service.url}
        return f"{service.sign_in_url}?{urlencode({'iss': self._issuer, **target})}"

    def _matches(self, service: CityService, query: CityServiceQuery) -> bool:
        return (
            (not query.topics or service.topic in query.topics)
            and (not query.channels or not query.channels.isdisjoint(service.channels))
            and (not query.access or service.access in query.access)
            and (not query.audiences or not query.audiences.isdisjoint(service.audiences))
            and all(word in self._texts[service.code] for word in query.search.casefold().split())
        )


NO_SERVICES: Final = ServiceCatalogue(())
"""A city without a catalogue."""
