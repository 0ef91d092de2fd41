"""The file `services.toml` of a city: the catalogue of its services."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from connectors.declared.tables import ManifestTable
from connectors.resilience.agency_terms import get_time_zone
from records.city_services import (
    CityService,
    OpeningPeriod,
    ServiceAccess,
    ServiceAudience,
    ServiceChannel,
    ServiceTopic,
)
from records.identifiers import Rupiah
from records.languages import Language
from records.working_time import WorkingTime
from settings.city.office_calendar import OfficeTable, WeekTable

Address = Annotated[str, StringConstraints(pattern=r"^https://[a-z0-9.-]+(:\d+)?(/[^\s]*)?$", max_length=300)]


class Texts(ManifestTable):
    """A sentence in both languages of the city."""

    en: str = Field(min_length=1, max_length=300, description="in English")
    id: str = Field(min_length=1, max_length=300, description="in Indonesian")

    def by_language(self) -> Mapping[Language, str]:
        """The sentence by language."""
        return {Language.ENGLISH: self.en, Language.INDONESIAN: self.id}


class SavingTable(ManifestTable):
    """What one use saves against the way before, such as a visit to a counter."""

    minutes: int = Field(ge=0, le=100_000, description="minutes of the person")
    rupiah: int = Field(default=0, ge=0, le=100_000_000, description="fees and fares of the person")


class CityServiceTable(ManifestTable):
    """One service. Its access follows: `operation`, `sign_in_url`, or only `url`."""

    name: Texts = Field(description="its name")
    summary: Texts = Field(description="what it does, in one plain sentence")
    topic: ServiceTopic = Field(description="its subject")
    channels: tuple[ServiceChannel, ...] = Field(
        default=(ServiceChannel.G2C,), min_length=1, description="between which sides it is"
    )
    audiences: tuple[ServiceAudience, ...] = Field(
        default=(ServiceAudience.EVERYONE,), min_length=1, description="the people and organisations that it is for"
    )
    agency: str | None = Field(default=None, description="code of the agency whose state is the service's")
    owner: str | None = Field(default=None, description="who is responsible: a key of `[owners]`; default: the agency")
    operation: str | None = Field(
        default=None, description="the operation of the graph that does it, without fragments"
    )
    sign_in_url: Address | None = Field(
        default=None, description="where its site begins a sign-in for an issuer (OpenID Connect Core, section 4)"
    )
    url: Address | None = Field(default=None, description="address of its page or app")
    phone: str | None = Field(default=None, pattern=r"^\+?\d[\d -]{2,20}$", description="telephone number")
    accessibility: tuple[str, ...] = Field(
        default=(), description="how people with disabilities use it: keys of `[notes]`"
    )
    saves: SavingTable | None = Field(
        default=None, description="what one use saves: `{ minutes = 90, rupiah = 20_000 }`"
    )
    hours: Literal["always", "office"] | WeekTable = Field(
        default="always", description='`"always"`, `"office"` for the hours of `[office]`, or a table of openings'
    )

    @model_validator(mode="after")
    def _check_access(self) -> Self:
        if self.operation is None and self.url is None:
            raise ValueError("url: there is no way to it; write an operation or a url")
        if self.operation is not None and self.sign_in_url is not None:
            raise ValueError("sign_in_url: an operation does it already; remove one of both")
        if self.agency is None and self.owner is None:
            raise ValueError("owner: no owner is named; write an owner or an agency")
        return self

    @property
    def access(self) -> ServiceAccess:
        """How to get to it."""
        if self.operation is not None:
            return ServiceAccess.IN_GRAPH
        return ServiceAccess.LINK if self.sign_in_url is None else ServiceAccess.HANDOVER

    def build_service(self, code: str, file: CityServicesTable, office: OfficeTable | None) -> CityService:
        """The record of the service, with the owners and notes of its file."""
        week = self.get_week(office)
        return CityService(
            code=code,
            names=self.name.by_language(),
            summaries=self.summary.by_language(),
            accessibility_notes=tuple(file.notes[each].by_language() for each in self.accessibility),
            owners={} if self.owner is None else file.owners[self.owner].by_language(),
            agency=self.agency,
            topic=self.topic,
            access=self.access,
            channels=self.channels,
            audiences=self.audiences,
            operation=self.operation,
            sign_in_url=self.sign_in_url,
            url=self.url,
            phone=self.phone,
            saved_minutes=None if self.saves is None else self.saves.minutes,
            saved_rupiah=None if self.saves is None else Rupiah(self.saves.rupiah),
            opening_hours=None if week is None else tuple(_list_periods(week)),
        )

    def get_week(self, office: OfficeTable | None) -> WeekTable | None:
        """Its openings; None if it is always open."""
        if isinstance(self.hours, WeekTable):
            return self.hours
        return office.hours if self.hours == "office" and office is not None else None


def build_hours(
    services: Mapping[str, CityServiceTable], office: OfficeTable | None, time_zone: str
) -> Mapping[str, WorkingTime]:
    """The hours of services that are not always open, by code. Days off are those of the offices.

    Services with equal hours share them, because each working time lists the openings and days off of its years.
    """
    found: dict[str, WorkingTime] = {}
    by_week: dict[WeekTable, WorkingTime] = {}
    for code, each in services.items():
        week = each.get_week(office)
        if week is not None:
            if week not in by_week:
                by_week[week] = _build_working_time(week, office, time_zone)
            found[code] = by_week[week]
    return found


def _build_working_time(week: WeekTable, office: OfficeTable | None, time_zone: str) -> WorkingTime:
    if office is None:
        return WorkingTime([day for _, day in week], lambda _year: (), get_time_zone(time_zone))
    return office.model_copy(update={"hours": week}).build_working_time(time_zone)


def _list_periods(week: WeekTable) -> Iterable[OpeningPeriod]:
    for weekday, (_, openings) in enumerate(week, start=1):
        for opens, closes in openings:
            yield OpeningPeriod(weekday=weekday, opens=f"{opens:%H:%M}", closes=f"{closes:%H:%M}")


class CityServicesTable(ManifestTable):
    """The file `services.toml`."""

    owners: Mapping[str, Texts] = Field(default={}, description="names of owners that are no agencies of the hub")
    notes: Mapping[str, Texts] = Field(default={}, description="notes on accessibility that services share")
    services: Mapping[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}$")], CityServiceTable] = Field(
        default={}, description="tables `[services.CODE]`, in the order of the catalogue"
    )

    @model_validator(mode="after")
    def _check_references(self) -> Self:
        for code, each in self.services.items():
            if each.owner is not None and each.owner not in self.owners:
                raise ValueError(f"services.{code}.owner: there is no [owners] '{each.owner}'; add it")
            if unknown := [note for note in each.accessibility if note not in self.notes]:
                raise ValueError(f"services.{code}.accessibility: there is no [notes] '{unknown[0]}'; add it")
        return self


NO_SERVICES_FILE: Final = CityServicesTable()
"""A city without the file."""
