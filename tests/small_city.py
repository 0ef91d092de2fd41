"""A city of three people in memory: connectors of every domain that remember what they were asked.

For tests of what stands above the connectors. The agencies themselves are asked in tests/connectors and tests/journeys.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Any, TypeVar

from auth.caller import ANONYMOUS, Assurance, Caller, CallerKind
from engine.batch import Agencies
from records.access_entries import AccessEntry, AccessEntryPage, AccessEntryQuery
from records.access_log import AccessLogEntry, AccessLogPage, AccessLogQuery
from records.accesses import AccessPosition
from records.answers import Answers
from records.call import Call
from records.complaints import (
    CategoryQuery,
    Complaint,
    ComplaintCategory,
    ComplaintEvent,
    ComplaintPage,
    ComplaintQuery,
    ComplaintStatus,
    ComplaintVisibility,
)
from records.consenting import Consenting
from records.consents import (
    Consent,
    ConsentAnswer,
    ConsentPage,
    ConsentQuery,
    ConsentRequest,
    ConsentState,
    Granting,
    OfPerson,
)
from records.data_requests import (
    DataRequest,
    DataRequestAnswer,
    DataRequestEvent,
    DataRequestKind,
    DataRequestPage,
    DataRequestQuery,
    DataRequestState,
    NewDataRequest,
    WaitingDataRequests,
    WithdrawnDataRequest,
)
from records.exports import Export
from records.failures import AgencyFailure, AgencyUnavailable
from records.identifiers import FamilyCardNumber, Nib, Nik, Nop, RegionCode, Rupiah
from records.msmes import Msme, Product, ProgrammeStage
from records.places import Coordinates
from records.population import (
    BloodType,
    Citizen,
    CivilStatus,
    Household,
    HouseholdMember,
    Identity,
    MaritalStatus,
    Parentage,
    PersonFacet,
    Relationship,
    Residence,
    Sex,
)
from records.prices import (
    Commodity,
    CommodityQuery,
    Market,
    MarketLevel,
    MarketQuery,
    Price,
    PriceMovement,
    Trend,
    TrendPoint,
    TrendQuery,
)
from records.purposes import Purpose, Scope
from records.regions import CodeSystem, Region, RegionLevel, RegionQuery, SystemCode
from records.tax import BillStatus, TaxBill, TaxObject, TaxPayment
from records.wishes import Restriction, Wishes
from resolvers.access_entries import OverseenAccesses
from resolvers.access_log import AccessLogs
from resolvers.complaints import Complaints
from resolvers.consent_text import consent_texts
from resolvers.consents import Consents, UnknownConsent
from resolvers.data_requests import DataRequests
from resolvers.exports import Exports
from resolvers.msmes import Msmes
from resolvers.population import Population
from resolvers.prices import Prices
from resolvers.regions import Regions
from resolvers.tax import Tax
from resolvers.wishes import SaidWishes, WishesUnknown

SITI = Nik("3171014506900001")
"""She has everything: a household with Ayu, land, an enterprise, a public and a private complaint."""
AYU = Nik("3171014107120003")
BUDI = Nik("3171010101800002")
"""He has nothing but an entry in the population register."""
NOBODY = Nik("3171010101800009")

CARD = FamilyCardNumber("3171010203150001")
NOP = Nop("317301000100100010")
GAMBIR = RegionCode("31.71.01.1001")
CALLERS = {
    "anonymous": ANONYMOUS,
    "the person": Caller(kind=CallerKind.CITIZEN, nik=SITI, assurance=Assurance.SUBSTANTIAL),
    "another citizen": Caller(kind=CallerKind.CITIZEN, nik=BUDI, assurance=Assurance.SUBSTANTIAL),
    "an official": Caller(
        kind=CallerKind.OFFICIAL, agency="dukcapil", purpose=Purpose.SUBJECT_REQUEST.name, case="SUBJEK/1"
    ),
    "a supervisor": Caller(kind=CallerKind.SUPERVISOR, agency="dukcapil"),
    "the protection officer": Caller(kind=CallerKind.PROTECTION_OFFICER, case="PDP/1"),
}
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CALL = Call(deadline=1e12, request_id="small-city")

K = TypeVar("K")
V = TypeVar("V")


def identity(nik: Nik) -> Identity:
    return Identity(
        nik=nik, name=f"Person {nik[-1]}", sex=Sex.FEMALE, birth_place="Jakarta", birth_date=date(1990, 6, 5)
    )


def facets(nik: Nik) -> Mapping[type[PersonFacet], PersonFacet]:
    every: tuple[PersonFacet, ...] = (
        identity(nik),
        Residence(nik=nik, address="Jl. Kebon Sirih 1", neighbourhood_unit=1, community_unit=2, region_code=GAMBIR),
        CivilStatus(
            nik=nik,
            religion="Islam",
            marital_status=MaritalStatus.SINGLE,
            education="S1",
            occupation="Guru",
            blood_type=BloodType.O,
        ),
        Parentage(nik=nik, mother_name="Ibu", father_name="Bapak"),
    )
    return {type(each): each for each in every}


def household(child_born: date = date(1990, 6, 5)) -> Household:
    """Siti's card. Ayu is of age, unless it is said when she was born."""
    card = (SITI, AYU)
    roles = zip(card, (Relationship.HEAD, Relationship.CHILD), strict=True)
    members = tuple(
        HouseholdMember(
            nik=nik,
            name=f"Person {nik[-1]}",
            sex=Sex.FEMALE,
            birth_date=child_born if nik == AYU else date(1990, 6, 5),
            relationship=role,
            on_the_card=card,
        )
        for nik, role in roles
    )
    return Household(family_card_number=CARD, head_nik=SITI, members=members, on_the_card=card)


def payment(sequence: int, amount: int, *, cancelled: bool = False) -> TaxPayment:
    return TaxPayment(
        owner=SITI,
        sequence=sequence,
        amount=Rupiah(amount),
        fine=Rupiah(1_000),
        paid_on=date(2026, 8, 1),
        receipt=f"B-{sequence}",
        cancelled=cancelled,
    )


def bill(year: int, status: BillStatus, *payments: TaxPayment) -> TaxBill:
    value = Rupiah(100_000)
    return TaxBill(
        nop=NOP,
        owner=SITI,
        year=year,
        land_value=value,
        building_value=value,
        assessed_value=value,
        exempt_value=value,
        tax=value,
        reduction=Rupiah(0),
        amount=value,
        status=status,
        issued_on=date(year, 1, 10),
        due_on=date(year, 9, 30),
        payments=payments,
    )


def tax_object() -> TaxObject:
    return TaxObject(
        nop=NOP,
        owner=SITI,
        taxpayer_name="SITI",
        address="JL KEBON SIRIH 1",
        region_code=GAMBIR,
        land_area=100,
        building_area=60,
        bills=(
            bill(2026, BillStatus.UNPAID),
            bill(2025, BillStatus.PAID, payment(1, 90_000, cancelled=True), payment(2, 101_000)),
        ),
    )


def msme(id_: str = "M-1", owner: Nik = SITI) -> Msme:
    return Msme(
        id=id_,
        owner=owner,
        nib=Nib("9120001234567"),
        name="Warung Siti",
        industry_code="56101",
        region_code=GAMBIR,
        stage=ProgrammeStage.P4_LICENSING,
        grade="A",
        monthly_revenue=Rupiah(5_000_000),
        registered_on=date(2024, 5, 1),
        phone="+62812345",
        address="Jl. Kebon Sirih 1",
    )


def product(name: str, *, public: bool) -> Product:
    return Product(
        id=f"P-{name}", msme_id="M-1", owner=SITI, name=name, price=Rupiah(15_000), in_public_catalogue=public
    )


def complaint(id_: str, *, public: bool, reporter: Nik | None = None, **more: Any) -> Complaint:  # noqa: ANN401 - fields of the record
    given: dict[str, Any] = {
        "id": id_,
        "number": f"JK{id_}",
        "reporter": reporter,
        "is_public": public,
        "category_code": "C-1",
        "category_name": "Jalan",
        "description": "Lubang",
        "status": ComplaintStatus.WAITING,
        "visibility": ComplaintVisibility.PUBLIC if public else ComplaintVisibility.PRIVATE,
        "channel": "JAKI",
        "responsible_agency": "Bina Marga",
        "address": "Jl. Kebon Sirih",
        "coordinates": Coordinates(latitude=-6.18, longitude=106.83),
        "region_code": GAMBIR,
        "reported_at": datetime(2026, 11, 20, 9, 0, tzinfo=UTC),
        "updated_at": NOW,
        "due_at": datetime(2026, 11, 25, 9, 0, tzinfo=UTC),
        "resolved_at": None,
        "read_at": NOW,
        "support_count": 3,
        "rating": 4,
        "photo_url": "https://photos.example/1.jpg",
        "events": (
            ComplaintEvent(
                sequence=1,
                at=NOW,
                status=ComplaintStatus.WAITING,
                note="Diterima",
                agency="Kelurahan",
                complaint_is_public=public,
                reporter=reporter,
            ),
        ),
    }
    return Complaint(**(given | more))


def region(code: str, level: RegionLevel, parent: str | None) -> Region:
    return Region(
        code=RegionCode(code),
        level=level,
        name=f"Region {code}",
        parent_code=RegionCode(parent) if parent else None,
        codes=(
            SystemCode(system=CodeSystem.KEMENDAGRI, code=code, source="Kemendagri", unknown_because=None),
            SystemCode(system=CodeSystem.BPS, code=None, source=None, unknown_because="No source."),
        ),
    )


def access_log_entry() -> AccessLogEntry:
    return AccessLogEntry(
        subject=SITI,
        at=NOW,
        text="An official of the population register (Dukcapil) read your identity.",
        reader="An official of the population register (Dukcapil)",
        agency="dukcapil",
        purpose="verifikasi",
        legal_basis="a task of the city",
        sources=("dukcapil",),
        fields=("Citizen.name",),
        operation="Check",
        request_id="r-0",
        position=AccessPosition(at=NOW, chain="c1", sequence=3),
    )


def access_entry(agency: str = "dukcapil") -> AccessEntry:
    return AccessEntry(
        subject=b"S" * 32,
        at=NOW,
        person="token-of-siti",
        reader="token-of-rina",
        reader_kind="official",
        agency=agency,
        unit="Loket 3",
        role="petugas",
        client="loket",
        purpose="verifikasi",
        case="K-1",
        legal_basis="public-task",
        sources=("dukcapil",),
        fields=("Citizen.name",),
        classes=("PERSONAL",),
        operation="Check",
        request_id="r-0",
        hidden_until=NOW,
        position=AccessPosition(at=NOW, chain="c1", sequence=3),
    )


REQUEST, CONSENT = "a" * 32, "c" * 32


def consent_request(nik: Nik = SITI, **given: Any) -> ConsentRequest:  # noqa: ANN401 - fields of the record
    """A bank would like to read her taxes, and whether she is who she says."""
    return ConsentRequest(
        **{
            "subject": nik,
            "id": REQUEST,
            "client": "bank",
            "partner": "Bank Betawi",
            "purpose": Purpose.CREDIT_ASSESSMENT,
            "scopes": (Scope.TAX, Scope.IDENTITY),
            "asked_at": NOW,
            "answer_by": NOW + timedelta(hours=1),
            "would_expire_at": NOW + timedelta(days=30),
            "lasts": timedelta(days=30),
            "reads": None,
            **given,
        }
    )


def consent(nik: Nik = SITI, **given: Any) -> Consent:  # noqa: ANN401 - fields of the record
    """She let the bank."""
    asked = consent_request(nik)
    return Consent(
        **{
            "subject": nik,
            "id": CONSENT,
            "client": asked.client,
            "partner": asked.partner,
            "scopes": asked.scopes,
            "purpose": asked.purpose,
            "state": ConsentState.GRANTED,
            "granted_at": NOW,
            "expires_at": NOW + timedelta(days=30),
            "texts": consent_texts(
                nik, partner=asked.partner, scopes=asked.scopes, purpose=asked.purpose, lasts=asked.lasts
            ),
            **given,
        }
    )


def data_request(
    subject: Nik = SITI,
    kind: DataRequestKind = DataRequestKind.CORRECTION,
    state: DataRequestState = DataRequestState.RECEIVED,
    **more: Any,  # noqa: ANN401 - fields of the record
) -> DataRequest:
    event = DataRequestEvent(subject=subject, at=NOW, state=state, by="You", refusal=None, text=None)
    given: dict[str, Any] = {
        "number": "HAK-2026-7K3QX9RD",
        "agency": "dukcapil",
        "field": "Residence.address",
        "purposes": (),
        "says": "RT salah",
        "wanted": "RT 2",
        "received_at": NOW,
        "due_at": NOW + timedelta(hours=72),
        "closed_at": None if state.is_open else NOW,
        "read_at": NOW + timedelta(hours=1),
        "events": (event,),
    }
    return DataRequest(subject=subject, kind=kind, state=state, **(given | more))


def restriction(*purposes: Purpose, subject: Nik = SITI) -> Restriction:
    return Restriction(subject=subject, number="HAK-2026-22222222", purposes=purposes, since=NOW)


REGIONS = {
    each.code: each
    for each in (
        region("31", RegionLevel.PROVINCE, None),
        region("31.71", RegionLevel.REGENCY, "31"),
        region("31.71.01", RegionLevel.DISTRICT, "31.71"),
        region(GAMBIR, RegionLevel.VILLAGE, "31.71.01"),
    )
}
COMMODITY = Commodity(id="1", name="Beras IR 64", unit="kg")
MARKET = Market(
    id="3",
    name="Pasar Senen",
    short_name="Senen",
    city_name="Jakarta Pusat",
    address="Jl. Pasar Senen",
    coordinates=Coordinates(latitude=-6.17, longitude=106.84),
    phone="+6221123",
    level=MarketLevel.RETAIL,
    region_code=RegionCode("31.71"),
)
PRICE = Price(
    market_id="3",
    commodity=COMMODITY,
    price=Rupiah(14_000),
    previous_price=Rupiah(13_500),
    highest_price=Rupiah(15_000),
    lowest_price=Rupiah(13_000),
    average_price=Rupiah(14_100),
    movement=PriceMovement.RISING,
    observed_on=date(2026, 11, 22),
)
CATEGORY = ComplaintCategory(code="C-1", name="Jalan", description="Lubang", group="Prasarana", keywords=("lubang",))
PUBLIC, PRIVATE = "1001", "1002"


def _granted_to(client: str | None, consents: tuple[Consent, ...]) -> tuple[Consent, ...]:
    return tuple(each for each in consents if each.client == client)


@dataclass
class SmallCity:
    """The connectors. `asked` holds (agency, question, keys) of every call; `down` the agencies that fail."""

    asked: list[tuple[str, str, tuple[Any, ...]]] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    wanted: list[frozenset[type[Any]]] = field(default_factory=list)
    """What each question for facets wanted."""
    failing: dict[Any, AgencyFailure] = field(default_factory=dict)
    """Keys whose answer is a failure of their own."""
    ayu_born: date = date(1990, 6, 5)
    said: dict[Nik, Wishes] = field(default_factory=dict)
    """What people said about the use of their data."""
    wishes_asked: list[tuple[Nik, ...]] = field(default_factory=list)
    """About whom it was asked; the hub knows it by itself, so it is no question to an agency."""
    changed: list[Granting | OfPerson] = field(default_factory=list)
    """What people answered and took back."""
    consents_asked: list[tuple[str, ...]] = field(default_factory=list)
    """About which consents partners asked."""
    tries_left: int = 10
    """How often may be compared."""

    filed_requests: list[NewDataRequest] = field(default_factory=list)
    withdrawn_requests: list[WithdrawnDataRequest] = field(default_factory=list)
    """What people asked about their own data, and took back."""
    waited_for: list[WaitingDataRequests] = field(default_factory=list)
    answered_requests: list[DataRequestAnswer] = field(default_factory=list)
    """What officials looked for, and answered."""

    def agencies(self, own: Mapping[type[Any], Any] = MappingProxyType({})) -> Agencies:
        """Itself, bound to every domain but those that are given."""
        city = (Population, Msmes, Tax, Complaints, Prices, Regions)
        domains = (*city, AccessLogs, OverseenAccesses, SaidWishes, Consents, DataRequests, Exports)
        return Agencies({**dict.fromkeys(domains, self), **own})

    def agencies_asked(self) -> set[str]:
        """Who was asked anything."""
        return {agency for agency, _, _ in self.asked}

    def _answers(self, agency: str, question: str, keys: Sequence[K], known: Mapping[K, V]) -> Answers[K, V]:
        self.asked.append((agency, question, tuple(keys)))
        if agency in self.down:
            raise AgencyUnavailable(agency, "down")
        assert len(set(keys)) == len(keys), "keys arrive distinct"
        return {key: self.failing.get(key) or known[key] for key in keys if key in known or key in self.failing}

    async def wishes(self, people: Sequence[Nik], client: str | None, _call: Call) -> Mapping[Nik, Wishes]:
        self.wishes_asked.append(tuple(people))
        if "wishes" in self.down:
            raise WishesUnknown
        said = {nik: self.said.get(nik, Wishes()) for nik in people}
        return {nik: replace(each, consents=_granted_to(client, each.consents)) for nik, each in said.items()}

    async def entry_pages(
        self, queries: Sequence[AccessEntryQuery], _caller: Caller, _call: Call
    ) -> Answers[AccessEntryQuery, AccessEntryPage]:
        page = AccessEntryPage(entries=(access_entry(),), has_more=True)
        return self._answers("hub", "entry_pages", queries, dict.fromkeys(queries, page))

    async def consent_pages(self, queries: Sequence[ConsentQuery], _call: Call) -> Answers[ConsentQuery, ConsentPage]:
        page = ConsentPage(consents=(consent(),), has_more=True)
        return self._answers("hub", "consent_pages", queries, dict.fromkeys(queries, page))

    async def opened(self, wanted: Sequence[OfPerson], _call: Call) -> Answers[OfPerson, ConsentRequest]:
        return self._answers("hub", "opened", wanted, {OfPerson(subject=SITI, id=REQUEST): consent_request()})

    async def consenting(self, consents: Sequence[str], client: str, _call: Call) -> Answers[str, Consenting]:
        self.consents_asked.append(tuple(consents))
        found: dict[str, Consenting] = {}
        for nik, wishes in self.said.items():
            said = replace(wishes, consents=_granted_to(client, wishes.consents))
            found |= {each.id: Consenting(subject=nik, consent=each, wishes=said) for each in said.consents}
        return {id_: found[id_] for id_ in consents if id_ in found}

    async def count_tries(self, tries: Mapping[str, int], _call: Call) -> Collection[str]:
        self.tries_left -= sum(tries.values())
        return tries.keys() if self.tries_left >= 0 else ()

    async def grant(self, granting: Granting, _caller: Caller, _call: Call) -> ConsentAnswer:
        self._change(granting, granting.request == REQUEST)
        return ConsentAnswer(subject=granting.subject, consent=consent(granting.subject), return_to="https://b.example")

    async def refuse(self, request: OfPerson, _caller: Caller, _call: Call) -> ConsentAnswer:
        self._change(request, request.id == REQUEST)
        return ConsentAnswer(subject=request.subject, consent=None, return_to="https://b.example")

    async def revoke(self, consent_: OfPerson, _caller: Caller, _call: Call) -> Consent:
        self._change(consent_, consent_.id == CONSENT)
        return consent(consent_.subject, state=ConsentState.REVOKED, revoked_at=NOW)

    def _change(self, change: Granting | OfPerson, known: bool) -> None:  # noqa: FBT001 - told at once
        if not known or change.subject != SITI:
            raise UnknownConsent("There is none.")
        self.changed.append(change)

    async def request_pages(
        self, queries: Sequence[DataRequestQuery], _call: Call
    ) -> Answers[DataRequestQuery, DataRequestPage]:
        return {each: DataRequestPage(requests=(data_request(each.subject),), has_more=False) for each in queries}

    async def filed(self, wanted: Sequence[NewDataRequest], _call: Call) -> Answers[NewDataRequest, DataRequest]:
        self.filed_requests.extend(wanted)
        return {each: data_request(each.subject, kind=each.kind) for each in wanted}

    async def withdrawn(
        self, wanted: Sequence[WithdrawnDataRequest], _call: Call
    ) -> Answers[WithdrawnDataRequest, DataRequest]:
        self.withdrawn_requests.extend(wanted)
        return {each: data_request(each.subject, state=DataRequestState.WITHDRAWN) for each in wanted}

    async def waiting(
        self, wanted: Sequence[WaitingDataRequests], _call: Call
    ) -> Answers[WaitingDataRequests, DataRequestPage]:
        self.waited_for.extend(wanted)
        return {each: DataRequestPage(requests=(data_request(),), has_more=True) for each in wanted}

    async def answered(
        self, answers: Sequence[DataRequestAnswer], _call: Call
    ) -> Answers[DataRequestAnswer, DataRequest]:
        self.answered_requests.extend(answers)
        return {each: data_request(state=each.state) for each in answers}

    async def exports(self, people: Sequence[Nik], _call: Call) -> Answers[Nik, Export]:
        return {nik: Export(subject=nik, url="/me/export", parts=("identity",)) for nik in people}

    async def known(self, niks: Sequence[Nik], _call: Call) -> Answers[Nik, Citizen]:
        return self._answers("dukcapil", "known", niks, {nik: Citizen(nik=nik) for nik in (SITI, AYU, BUDI)})

    async def facets(
        self, niks: Sequence[Nik], wanted: frozenset[type[PersonFacet]], _call: Call
    ) -> Answers[Nik, Mapping[type[PersonFacet], PersonFacet]]:
        self.wanted.append(wanted)
        known = {
            nik: {kind: record for kind, record in facets(nik).items() if kind in wanted} for nik in (SITI, AYU, BUDI)
        }
        return self._answers("dukcapil", "facets", niks, known)

    async def households(self, niks: Sequence[Nik], _call: Call) -> Answers[Nik, Household]:
        return self._answers("dukcapil", "households", niks, dict.fromkeys((SITI, AYU), household(self.ayu_born)))

    async def msmes_of(self, niks: Sequence[Nik], _call: Call) -> Answers[Nik, Sequence[Msme]]:
        return self._answers("jakpreneur", "msmes_of", niks, {SITI: (msme(),)})

    async def msmes(self, ids: Sequence[str], _call: Call) -> Answers[str, Msme]:
        return self._answers("jakpreneur", "msmes", ids, {"M-1": msme()})

    async def products_of(self, msme_ids: Sequence[str], _call: Call) -> Answers[str, Sequence[Product]]:
        sold = (product("Nasi", public=True), product("Rahasia", public=False))
        return self._answers("jakpreneur", "products_of", msme_ids, {"M-1": sold})

    async def objects_of(self, niks: Sequence[Nik], _call: Call) -> Answers[Nik, Sequence[TaxObject]]:
        return self._answers("pbb", "objects_of", niks, {SITI: (tax_object(),)})

    async def complaints_of(self, niks: Sequence[Nik], _call: Call) -> Answers[Nik, Sequence[Complaint]]:
        own = (complaint(PRIVATE, public=False, reporter=SITI), complaint(PUBLIC, public=True, reporter=SITI))
        return self._answers("crm", "complaints_of", niks, {SITI: own})

    async def complaints(self, ids: Sequence[str], _call: Call) -> Answers[str, Complaint]:
        known = {PUBLIC: complaint(PUBLIC, public=True), PRIVATE: complaint(PRIVATE, public=False)}
        return self._answers("crm", "complaints", ids, known)

    async def pages(self, queries: Sequence[ComplaintQuery], _call: Call) -> Answers[ComplaintQuery, ComplaintPage]:
        page = ComplaintPage(complaints=(complaint(PUBLIC, public=True),), has_more=True)
        return self._answers("crm", "pages", queries, dict.fromkeys(queries, page))

    async def categories(self, codes: Sequence[str], _call: Call) -> Answers[str, ComplaintCategory]:
        return self._answers("crm", "categories", codes, {"C-1": CATEGORY})

    async def category_lists(
        self, queries: Sequence[CategoryQuery], _call: Call
    ) -> Answers[CategoryQuery, Sequence[ComplaintCategory]]:
        return self._answers("crm", "category_lists", queries, dict.fromkeys(queries, (CATEGORY,)))

    async def market_lists(self, queries: Sequence[MarketQuery], _call: Call) -> Answers[MarketQuery, Sequence[Market]]:
        return self._answers("pangan", "market_lists", queries, dict.fromkeys(queries, (MARKET,)))

    async def markets(self, ids: Sequence[str], _call: Call) -> Answers[str, Market]:
        return self._answers("pangan", "markets", ids, {"3": MARKET})

    async def commodity_lists(
        self, queries: Sequence[CommodityQuery], _call: Call
    ) -> Answers[CommodityQuery, Sequence[Commodity]]:
        return self._answers("pangan", "commodity_lists", queries, dict.fromkeys(queries, (COMMODITY,)))

    async def commodities(self, ids: Sequence[str], _call: Call) -> Answers[str, Commodity]:
        return self._answers("pangan", "commodities", ids, {"1": COMMODITY})

    async def prices_of(self, market_ids: Sequence[str], _call: Call) -> Answers[str, Sequence[Price]]:
        return self._answers("pangan", "prices_of", market_ids, {"3": (PRICE,)})

    async def trends(self, queries: Sequence[TrendQuery], _call: Call) -> Answers[TrendQuery, Trend]:
        point = TrendPoint(day=date(2026, 11, 2), price=Rupiah(14_000))
        known = {
            query: Trend(
                commodity_id=query.commodity_id,
                year=query.year,
                month=query.month,
                average_price=Rupiah(14_000),
                highest_price=Rupiah(14_500),
                lowest_price=Rupiah(13_500),
                points=(point,),
            )
            for query in queries
        }
        return self._answers("pangan", "trends", queries, known)

    async def regions(self, codes: Sequence[RegionCode], _call: Call) -> Answers[RegionCode, Region]:
        return self._answers("hub", "regions", codes, REGIONS)

    async def regions_called(
        self, addresses: Sequence[tuple[CodeSystem, str]], _call: Call
    ) -> Answers[tuple[CodeSystem, str], Region]:
        known = {(CodeSystem.KEMENDAGRI, str(code)): each for code, each in REGIONS.items()}
        return self._answers("hub", "regions_called", addresses, known)

    async def inside(self, codes: Sequence[RegionCode], _call: Call) -> Answers[RegionCode, Sequence[Region]]:
        known = {code: tuple(each for each in REGIONS.values() if each.parent_code == code) for code in REGIONS}
        return self._answers("hub", "inside", codes, known)

    async def access_pages(
        self, queries: Sequence[AccessLogQuery], _call: Call
    ) -> Answers[AccessLogQuery, AccessLogPage]:
        page = AccessLogPage(entries=(access_log_entry(),), has_more=True)
        return self._answers("hub", "access_pages", queries, dict.fromkeys(queries, page))

    async def region_lists(self, queries: Sequence[RegionQuery], _call: Call) -> Answers[RegionQuery, Sequence[Region]]:
        return self._answers("hub", "region_lists", queries, dict.fromkeys(queries, tuple(REGIONS.values())))


def niks_in(record: Any) -> set[str]:  # noqa: ANN401 - any record
    """Every identity number inside a record."""
    if isinstance(record, str) and len(record) >= 13 and record.isdigit():
        return {record}
    if isinstance(record, tuple):
        return {found for each in record for found in niks_in(each)}
    if hasattr(record, "__dataclass_fields__"):
        return {found for each in fields(record) for found in niks_in(getattr(record, each.name))}
    return set()
