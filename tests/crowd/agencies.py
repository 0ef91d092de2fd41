"""The agencies of the crowd's city: each record holds its owner's mark, and the agencies fail in all ways.

Their data is computed from the people's numbers alone, so that several processes hold the same.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from random import Random
from typing import Any

from auth.caller import Caller
from engine.agencies.bindings import Agencies
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyMalformed, AgencyTimeout, AgencyUnavailable
from records.complaints import Complaint, ComplaintPage, ComplaintQuery
from records.hub.access_history import AccessLogPage, AccessLogQuery
from records.hub.consenting import Consenting
from records.hub.data_preferences import DataPreferences
from records.identifiers import FamilyCardNumber, Nib, Nik, Nop
from records.msmes import Msme, Product
from records.population import (
    Citizen,
    CivilStatus,
    Household,
    HouseholdMember,
    Identity,
    Parentage,
    PersonFacet,
    Relationship,
    Residence,
    Sex,
)
from records.tax import BillStatus, TaxObject
from resolvers.complaints import Complaints
from resolvers.hub.access_history import AccessHistories
from resolvers.hub.consents import Consents
from resolvers.hub.data_preferences import PeoplePreferences
from resolvers.msmes import Msmes
from resolvers.population import Population
from resolvers.prices import Prices
from resolvers.regions import Regions
from resolvers.tax import Tax
from tests.crowd.marks import MarkKind, build_mark
from tests.crowd.people import CrowdPeople, read_birth_date
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import access_log_entry, bill, complaint, facets, msme, payment, tax_object

_AGENCIES = {
    Population: "dukcapil",
    Msmes: "jakpreneur",
    Tax: "pbb",
    Complaints: "crm",
    Prices: "pangan",
    Regions: "hub",
    AccessHistories: "hub",
    PeoplePreferences: "hub",
    Consents: "hub",
}
NAMES = ("dukcapil", "jakpreneur", "pbb", "crm", "pangan")
"""The agencies that fail from time to time."""


class MarkedSmallCity(SmallCity):
    """The data of each agency."""

    def __init__(self, people: CrowdPeople) -> None:
        super().__init__()
        self._people = people
        self._family_of = people.family_of
        self._public = tuple(build_complaint(nik, public=True) for nik in people.adults[:60])

    def _answers(
        self, _agency: str, _question: str, keys: Sequence[Any], known: Mapping[Any, Any]
    ) -> Answers[Any, Any]:
        return {key: known[key] for key in keys if key in known}  # data of no person, as in the small city

    async def load_preferences(
        self, people: Sequence[Nik], caller: Caller | None, _call: Call
    ) -> Mapping[Nik, DataPreferences]:
        return {nik: self._preferences_of(nik, None if caller is None else caller.client) for nik in people}

    def _preferences_of(self, nik: Nik, client: str | None) -> DataPreferences:
        restriction = self._people.restricted.get(nik)
        return DataPreferences(
            consents=() if client is None else self._people.granted_to(client, nik),
            restrictions=() if restriction is None else (restriction,),
            people_in_case=frozenset({nik}),
        )

    async def load_consenting_people(
        self, consents: Sequence[str], client: str, _call: Call
    ) -> Answers[str, Consenting]:
        found = {id_: self._people.find_consent(id_) for id_ in consents if id_ in self._people.consents}
        return {
            id_: Consenting(subject=each.subject, consent=each, preferences=self._preferences_of(each.subject, client))
            for id_, each in found.items()
            if each is not None and each.client == client
        }

    async def access_pages(
        self, queries: Sequence[AccessLogQuery], _call: Call
    ) -> Answers[AccessLogQuery, AccessLogPage]:
        return {each: AccessLogPage(entries=(build_log_entry(each.subject),), has_more=False) for each in queries}

    async def load_known(self, niks: Sequence[Nik], _call: Call) -> Answers[Nik, Citizen]:
        return {nik: Citizen(nik=nik) for nik in niks if nik in self._family_of}

    async def load_facets(
        self, niks: Sequence[Nik], wanted: frozenset[type[PersonFacet]], _call: Call
    ) -> Answers[Nik, Mapping[type[PersonFacet], PersonFacet]]:
        known = [nik for nik in niks if nik in self._family_of]
        return {nik: {kind: build_facets(nik)[kind] for kind in wanted} for nik in known}

    async def households(self, niks: Sequence[Nik], _call: Call) -> Answers[Nik, Household]:
        return {nik: build_household(self._people, nik) for nik in niks if nik in self._family_of}

    async def msmes_of(self, niks: Sequence[Nik], _call: Call) -> Answers[Nik, Sequence[Msme]]:
        return {nik: (build_msme(nik),) for nik in niks if nik in self._family_of and _has_records(nik)}

    async def msmes(self, ids: Sequence[str], _call: Call) -> Answers[str, Msme]:
        return {id_: build_msme(Nik(id_[2:])) for id_ in ids if Nik(id_[2:]) in self._family_of}

    async def products_of(self, msme_ids: Sequence[str], _call: Call) -> Answers[str, Sequence[Product]]:
        return {id_: build_products(Nik(id_[2:])) for id_ in msme_ids}

    async def objects_of(self, niks: Sequence[Nik], _call: Call) -> Answers[Nik, Sequence[TaxObject]]:
        return {nik: (build_tax_object(nik),) for nik in niks if nik in self._family_of and _has_records(nik)}

    async def complaints_of(self, niks: Sequence[Nik], _call: Call) -> Answers[Nik, Sequence[Complaint]]:
        both = (True, False)
        return {
            nik: tuple(build_complaint(nik, public=each, known=True) for each in both)
            for nik in niks
            if _has_records(nik)
        }

    async def complaints(self, ids: Sequence[str], _call: Call) -> Answers[str, Complaint]:
        return {id_: build_complaint(Nik(id_[1:]), public=id_[0] == "1") for id_ in ids}

    async def pages(self, queries: Sequence[ComplaintQuery], _call: Call) -> Answers[ComplaintQuery, ComplaintPage]:
        return {each: ComplaintPage(complaints=self._public[: each.first], has_more=True) for each in queries}


def _has_records(nik: Nik) -> bool:
    """Whether the person has land, enterprises or complaints. Every third has none, and the cache stores that, too."""
    return int(nik[-4:]) % 3 != 0


@cache
def build_facets(nik: Nik) -> Mapping[type[PersonFacet], PersonFacet]:
    marked: dict[type[PersonFacet], dict[str, Any]] = {
        Identity: {"name": build_mark(MarkKind.IDENTITY, nik), "birth_date": read_birth_date(nik)},
        Residence: {"address": build_mark(MarkKind.RESIDENCE, nik)},
        CivilStatus: {"occupation": build_mark(MarkKind.CIVIL, nik)},
        Parentage: {"mother_name": build_mark(MarkKind.PARENTS, nik)},
    }
    return {kind: replace(each, **marked[kind]) for kind, each in facets(nik).items()}


def build_household(people: CrowdPeople, nik: Nik) -> Household:
    family = people.family_of[nik]
    card, head = family.all_members, family.parents[0]

    def member(each: Nik) -> HouseholdMember:
        role = Relationship.CHILD if each in family.children else Relationship.WIFE
        return HouseholdMember(
            nik=each,
            name=build_mark(MarkKind.MEMBER, each),
            sex=Sex.FEMALE,
            birth_date=read_birth_date(each),
            relationship=Relationship.HEAD if each == head else role,
            on_the_card=card,
        )

    return Household(
        family_card_number=FamilyCardNumber(family.number),
        head_nik=head,
        members=tuple(map(member, card)),
        on_the_card=card,
    )


@cache
def build_tax_object(nik: Nik) -> TaxObject:
    mark, nop = build_mark(MarkKind.TAX, nik), Nop(f"31730100{nik[-10:]}")
    paid = replace(payment(1, 90_000), owner=nik, receipt=mark)
    bills = tuple(replace(bill(year, BillStatus.PAID, paid), nop=nop, owner=nik) for year in (2026, 2025))
    return replace(tax_object(), nop=nop, owner=nik, taxpayer_name=mark, address=f"JL {mark}", bills=bills)


def enterprise_id(nik: Nik) -> str:
    return f"M-{nik}"


@cache
def build_msme(nik: Nik) -> Msme:
    mark = build_mark(MarkKind.MSME, nik)
    number = Nib(f"912{nik[-10:]}")
    return replace(msme(enterprise_id(nik), nik), nib=number, name=f"Warung {mark}", address=mark, phone=None)


@cache
def build_products(nik: Nik) -> Sequence[Product]:
    made = Product(
        id=f"P-{nik}",
        msme_id=enterprise_id(nik),
        owner=nik,
        name=build_mark(MarkKind.PRODUCT, nik),
        price=None,
        in_public_catalogue=False,
    )
    return (made, replace(made, id=f"Q-{nik}", name=build_mark(MarkKind.PUBLIC, nik), in_public_catalogue=True))


def complaint_id(nik: Nik, *, public: bool) -> str:
    return f"{'1' if public else '2'}{nik}"


@cache
def build_complaint(nik: Nik, *, public: bool, known: bool = False) -> Complaint:
    """The complaint in the agency's form. It names its owner only if the key was the owner."""
    mark, reporter = build_mark(MarkKind.PUBLIC if public else MarkKind.COMPLAINT, nik), nik if known else None
    made = complaint(complaint_id(nik, public=public), public=public, reporter=reporter, description=f"Lubang {mark}")
    events = tuple(replace(each, note=mark) for each in made.events)
    at = made.reported_at - timedelta(seconds=int(nik[-4:]))
    return replace(made, events=events, address=mark, reported_at=at)


@cache
def build_log_entry(nik: Nik) -> Any:  # noqa: ANN401 - an entry of the access log
    return replace(access_log_entry(), subject=nik, text=build_mark(MarkKind.LOG, nik))


@dataclass(slots=True)
class FailureRates:
    """The current failures of an agency, each as a share of its calls."""

    unavailable: float = 0.0
    slow: float = 0.0
    omitting: float = 0.0
    failing_keys: float = 0.0
    adding: float = 0.0
    """Answers for keys that were not requested."""
    shuffling: float = 0.5


NO_FAILURES = FailureRates()
FAILURE_PROFILES = (
    NO_FAILURES,
    NO_FAILURES,
    FailureRates(unavailable=1.0),
    FailureRates(unavailable=0.4, slow=0.3),
    FailureRates(slow=1.0),
    FailureRates(omitting=0.5, adding=0.5),
    FailureRates(failing_keys=0.5, adding=0.5, slow=0.2),
)


@dataclass(slots=True)
class UnreliableAgency:
    """The connectors of one agency, with its current failures."""

    city: MarkedSmallCity
    agency: str
    random: Random
    failure_rates: dict[str, FailureRates]
    answered_keys: dict[str, deque[Any]] = field(default_factory=dict)
    """The last keys of each batch. Answers that were not requested are for one of these."""

    def __getattr__(self, question: str) -> Callable[..., Any]:
        """The connector's method, with failures."""
        ask = getattr(self.city, question)

        async def asked(keys: Any, *more: Any) -> Any:  # noqa: ANN401 - whatever it is asked and answers
            return await self._answered(question, ask, keys, more)

        return asked

    async def _answered(self, question: str, ask: Any, keys: Any, more: Any) -> Any:  # noqa: ANN401 - see above
        weather, random = self.failure_rates.get(self.agency, NO_FAILURES), self.random
        await asyncio.sleep(random.uniform(0.001, 0.02) if random.random() < weather.slow else 0)
        if random.random() < weather.unavailable:
            raise random.choice((AgencyUnavailable, AgencyTimeout, AgencyMalformed))(self.agency, "as the weather is")
        if self.agency == "hub":
            return await ask(keys, *more)
        known = self.answered_keys.setdefault(question, deque(maxlen=50))
        stray = list(known) if random.random() < weather.adding else []
        known.extend(keys)
        answers = list((await ask([*keys, *stray], *more)).items())
        if random.random() < weather.omitting:
            answers = [each for each in answers if random.random() < 0.7]
        if random.random() < weather.shuffling:
            random.shuffle(answers)
        if random.random() < weather.failing_keys:
            broken = AgencyTimeout(self.agency, "as the weather is")
            answers = [(key, broken if random.random() < 0.3 else answer) for key, answer in answers]
        return dict(answers)


def build_agencies(people: CrowdPeople, random: Random, failure_rates: dict[str, FailureRates]) -> Agencies:
    """The city, with the current failures."""
    city = MarkedSmallCity(people)
    return city.agencies(
        {domain: UnreliableAgency(city, agency, random, failure_rates) for domain, agency in _AGENCIES.items()}
    )
