"""The agencies of the crowd's city: every record bears its owner's mark, and everything that can go wrong does.

What they hold is made of the people's numbers alone, so that several processes hold the same.
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
from engine.batch import Agencies
from records.access_log import AccessLogPage, AccessLogQuery
from records.answers import Answers
from records.call import Call
from records.complaints import Complaint, ComplaintPage, ComplaintQuery
from records.consenting import Consenting
from records.failures import AgencyMalformed, AgencyTimeout, AgencyUnavailable
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
from records.wishes import Wishes
from resolvers.access_log import AccessLogs
from resolvers.complaints import Complaints
from resolvers.consents import Consents
from resolvers.msmes import Msmes
from resolvers.population import Population
from resolvers.prices import Prices
from resolvers.regions import Regions
from resolvers.tax import Tax
from resolvers.wishes import SaidWishes
from tests.crowd.marks import What, mark_of
from tests.crowd.people import People, born_on
from tests.small_city import SmallCity
from tests.small_records import access_log_entry, bill, complaint, facets, msme, payment, tax_object

_AGENCIES = {
    Population: "dukcapil",
    Msmes: "jakpreneur",
    Tax: "pbb",
    Complaints: "crm",
    Prices: "pangan",
    Regions: "hub",
    AccessLogs: "hub",
    SaidWishes: "hub",
    Consents: "hub",
}
NAMES = ("dukcapil", "jakpreneur", "pbb", "crm", "pangan")
"""Those that have weather."""


class MarkedCity(SmallCity):
    """What each agency holds."""

    def __init__(self, people: People) -> None:
        super().__init__()
        self._people = people
        self._family_of = people.family_of
        self._public = tuple(complaint_of(nik, public=True) for nik in people.adults[:60])

    def _answers(
        self, _agency: str, _question: str, keys: Sequence[Any], known: Mapping[Any, Any]
    ) -> Answers[Any, Any]:
        return {key: known[key] for key in keys if key in known}  # what is nobody's: as in the small city

    async def wishes(self, people: Sequence[Nik], caller: Caller | None, _call: Call) -> Mapping[Nik, Wishes]:
        return {nik: self._said(nik, None if caller is None else caller.client) for nik in people}

    def _said(self, nik: Nik, client: str | None) -> Wishes:
        restriction = self._people.restricted.get(nik)
        return Wishes(
            consents=() if client is None else self._people.granted_to(client, nik),
            restrictions=() if restriction is None else (restriction,),
            in_case=frozenset({nik}),
        )

    async def consenting(self, consents: Sequence[str], client: str, _call: Call) -> Answers[str, Consenting]:
        found = {id_: self._people.granted(id_) for id_ in consents if id_ in self._people.consents}
        return {
            id_: Consenting(subject=each.subject, consent=each, wishes=self._said(each.subject, client))
            for id_, each in found.items()
            if each is not None and each.client == client
        }

    async def access_pages(
        self, queries: Sequence[AccessLogQuery], _call: Call
    ) -> Answers[AccessLogQuery, AccessLogPage]:
        return {each: AccessLogPage(entries=(log_of(each.subject),), has_more=False) for each in queries}

    async def known(self, niks: Sequence[Nik], _call: Call) -> Answers[Nik, Citizen]:
        return {nik: Citizen(nik=nik) for nik in niks if nik in self._family_of}

    async def facets(
        self, niks: Sequence[Nik], wanted: frozenset[type[PersonFacet]], _call: Call
    ) -> Answers[Nik, Mapping[type[PersonFacet], PersonFacet]]:
        known = [nik for nik in niks if nik in self._family_of]
        return {nik: {kind: facets_of(nik)[kind] for kind in wanted} for nik in known}

    async def households(self, niks: Sequence[Nik], _call: Call) -> Answers[Nik, Household]:
        return {nik: household_of(self._people, nik) for nik in niks if nik in self._family_of}

    async def msmes_of(self, niks: Sequence[Nik], _call: Call) -> Answers[Nik, Sequence[Msme]]:
        return {nik: (msme_of(nik),) for nik in niks if nik in self._family_of and _has(nik)}

    async def msmes(self, ids: Sequence[str], _call: Call) -> Answers[str, Msme]:
        return {id_: msme_of(Nik(id_[2:])) for id_ in ids if Nik(id_[2:]) in self._family_of}

    async def products_of(self, msme_ids: Sequence[str], _call: Call) -> Answers[str, Sequence[Product]]:
        return {id_: products_of(Nik(id_[2:])) for id_ in msme_ids}

    async def objects_of(self, niks: Sequence[Nik], _call: Call) -> Answers[Nik, Sequence[TaxObject]]:
        return {nik: (land_of(nik),) for nik in niks if nik in self._family_of and _has(nik)}

    async def complaints_of(self, niks: Sequence[Nik], _call: Call) -> Answers[Nik, Sequence[Complaint]]:
        both = (True, False)
        return {nik: tuple(complaint_of(nik, public=each, known=True) for each in both) for nik in niks if _has(nik)}

    async def complaints(self, ids: Sequence[str], _call: Call) -> Answers[str, Complaint]:
        return {id_: complaint_of(Nik(id_[1:]), public=id_[0] == "1") for id_ in ids}

    async def pages(self, queries: Sequence[ComplaintQuery], _call: Call) -> Answers[ComplaintQuery, ComplaintPage]:
        return {each: ComplaintPage(complaints=self._public[: each.first], has_more=True) for each in queries}


def _has(nik: Nik) -> bool:
    """Whether there is any land, enterprise or complaint: of every third there is none, and that is kept too."""
    return int(nik[-4:]) % 3 != 0


@cache
def facets_of(nik: Nik) -> Mapping[type[PersonFacet], PersonFacet]:
    marked: dict[type[PersonFacet], dict[str, Any]] = {
        Identity: {"name": mark_of(What.IDENTITY, nik), "birth_date": born_on(nik)},
        Residence: {"address": mark_of(What.RESIDENCE, nik)},
        CivilStatus: {"occupation": mark_of(What.CIVIL, nik)},
        Parentage: {"mother_name": mark_of(What.PARENTS, nik)},
    }
    return {kind: replace(each, **marked[kind]) for kind, each in facets(nik).items()}


def household_of(people: People, nik: Nik) -> Household:
    family = people.family_of[nik]
    card, head = family.everybody, family.parents[0]

    def member(each: Nik) -> HouseholdMember:
        role = Relationship.CHILD if each in family.children else Relationship.WIFE
        return HouseholdMember(
            nik=each,
            name=mark_of(What.MEMBER, each),
            sex=Sex.FEMALE,
            birth_date=born_on(each),
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
def land_of(nik: Nik) -> TaxObject:
    mark, nop = mark_of(What.TAX, nik), Nop(f"31730100{nik[-10:]}")
    paid = replace(payment(1, 90_000), owner=nik, receipt=mark)
    bills = tuple(replace(bill(year, BillStatus.PAID, paid), nop=nop, owner=nik) for year in (2026, 2025))
    return replace(tax_object(), nop=nop, owner=nik, taxpayer_name=mark, address=f"JL {mark}", bills=bills)


def enterprise_id(nik: Nik) -> str:
    return f"M-{nik}"


@cache
def msme_of(nik: Nik) -> Msme:
    mark = mark_of(What.MSME, nik)
    number = Nib(f"912{nik[-10:]}")
    return replace(msme(enterprise_id(nik), nik), nib=number, name=f"Warung {mark}", address=mark, phone=None)


@cache
def products_of(nik: Nik) -> Sequence[Product]:
    made = Product(
        id=f"P-{nik}",
        msme_id=enterprise_id(nik),
        owner=nik,
        name=mark_of(What.PRODUCT, nik),
        price=None,
        in_public_catalogue=False,
    )
    return (made, replace(made, id=f"Q-{nik}", name=mark_of(What.PUBLIC, nik), in_public_catalogue=True))


def complaint_id(nik: Nik, *, public: bool) -> str:
    return f"{'1' if public else '2'}{nik}"


@cache
def complaint_of(nik: Nik, *, public: bool, known: bool = False) -> Complaint:
    """As the agency gives it: whose it is it says only where it was asked for by that."""
    mark, reporter = mark_of(What.PUBLIC if public else What.COMPLAINT, nik), nik if known else None
    made = complaint(complaint_id(nik, public=public), public=public, reporter=reporter, description=f"Lubang {mark}")
    events = tuple(replace(each, note=mark) for each in made.events)
    at = made.reported_at - timedelta(seconds=int(nik[-4:]))
    return replace(made, events=events, address=mark, reported_at=at)


@cache
def log_of(nik: Nik) -> Any:  # noqa: ANN401 - an entry of the access log
    return replace(access_log_entry(), subject=nik, text=mark_of(What.LOG, nik))


@dataclass(slots=True)
class Weather:
    """How an agency is at the moment; each a share of its calls."""

    down: float = 0.0
    slow: float = 0.0
    leaving_out: float = 0.0
    failing_keys: float = 0.0
    unasked: float = 0.0
    """Answers for keys that nobody asked for."""
    shuffled: float = 0.5


FINE = Weather()
KINDS = (
    FINE,
    FINE,
    Weather(down=1.0),
    Weather(down=0.4, slow=0.3),
    Weather(slow=1.0),
    Weather(leaving_out=0.5, unasked=0.5),
    Weather(failing_keys=0.5, unasked=0.5, slow=0.2),
)


@dataclass(slots=True)
class Weathered:
    """Connectors of one agency, as the weather has them."""

    city: MarkedCity
    agency: str
    random: Random
    weather: dict[str, Weather]
    asked: dict[str, deque[Any]] = field(default_factory=dict)
    """The last keys of each question: what is answered though nobody asked is out of these."""

    def __getattr__(self, question: str) -> Callable[..., Any]:
        """The connector's method."""
        ask = getattr(self.city, question)

        async def asked(keys: Any, *more: Any) -> Any:  # noqa: ANN401 - whatever it is asked and answers
            return await self._answered(question, ask, keys, more)

        return asked

    async def _answered(self, question: str, ask: Any, keys: Any, more: Any) -> Any:  # noqa: ANN401 - see above
        weather, random = self.weather.get(self.agency, FINE), self.random
        await asyncio.sleep(random.uniform(0.001, 0.02) if random.random() < weather.slow else 0)
        if random.random() < weather.down:
            raise random.choice((AgencyUnavailable, AgencyTimeout, AgencyMalformed))(self.agency, "as the weather is")
        if self.agency == "hub":
            return await ask(keys, *more)
        known = self.asked.setdefault(question, deque(maxlen=50))
        stray = list(known) if random.random() < weather.unasked else []
        known.extend(keys)
        answers = list((await ask([*keys, *stray], *more)).items())
        if random.random() < weather.leaving_out:
            answers = [each for each in answers if random.random() < 0.7]
        if random.random() < weather.shuffled:
            random.shuffle(answers)
        if random.random() < weather.failing_keys:
            broken = AgencyTimeout(self.agency, "as the weather is")
            answers = [(key, broken if random.random() < 0.3 else answer) for key, answer in answers]
        return dict(answers)


def agencies(people: People, random: Random, weather: dict[str, Weather]) -> Agencies:
    """The city, in the weather of the moment."""
    city = MarkedCity(people)
    return city.agencies({domain: Weathered(city, agency, random, weather) for domain, agency in _AGENCIES.items()})
