"""Three people, their data at each agency, and their callers: the records that `SmallCity` answers with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from auth.caller import ANONYMOUS, Assurance, Caller, CallerKind
from records.calls.call import Call
from records.cases import (
    Case,
    CaseAction,
    CaseActivity,
    CaseActor,
    CaseClock,
    CaseKey,
    CaseKind,
    CaseState,
    CaseStep,
)
from records.command_state import CommandState
from records.complaint_questions import ComplaintQuestion, ComplaintQuestionChoice, QuestionKind
from records.complaints import (
    Complaint,
    ComplaintCategory,
    ComplaintComment,
    ComplaintEvent,
    ComplaintPhoto,
    ComplaintStatus,
    ComplaintVisibility,
)
from records.education import KjpAccount, KjpStatus, PupilStatus, Student
from records.hub.access_entries import AccessEntry
from records.hub.access_history import AccessLogEntry, AccessReader
from records.hub.commands import CommandReceipt, CommandStep
from records.hub.consents import (
    Consent,
    ConsentRequest,
    ConsentState,
)
from records.hub.data_preferences import Restriction
from records.hub.data_requests import (
    DataRequest,
    DataRequestEvent,
    DataRequestKind,
    DataRequestState,
)
from records.hub.ledger_entries import AccessPosition
from records.identifiers import FamilyCardNumber, Nib, Nik, Nop, RegionCode, Rupiah
from records.msmes import Msme, Product, ProgrammeStage
from records.population import (
    BloodType,
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
    Market,
    MarketLevel,
    Price,
    PriceMovement,
)
from records.purposes import Purpose, Scope
from records.regions import CodeSystem, Coordinates, Region, RegionLevel, SystemCode
from records.tax import BillStatus, TaxBill, TaxObject, TaxPayment
from services.consents.consent_text import AgreementTerms, build_consent_texts

SITI = Nik("3171014506900001")
"""She has everything: a household with Ayu, land, an enterprise, a public and a private complaint."""
AYU = Nik("3171014107120003")
BUDI = Nik("3171010101800002")
"""He has nothing but an entry in the population register."""
NOBODY = Nik("3171010101800009")

CARD = FamilyCardNumber("3171010203150001")
NOP = Nop("317301000100100010")
GAMBIR = RegionCode("31.71.01.1001")
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CALLERS = {
    "anonymous": ANONYMOUS,
    "the person": Caller(
        kind=CallerKind.CITIZEN,
        first_party=True,
        authenticated_at=NOW.timestamp(),
        nik=SITI,
        assurance=Assurance.SUBSTANTIAL,
    ),
    "another citizen": Caller(
        kind=CallerKind.CITIZEN,
        first_party=True,
        authenticated_at=NOW.timestamp(),
        nik=BUDI,
        assurance=Assurance.SUBSTANTIAL,
    ),
    "an official": Caller(
        kind=CallerKind.OFFICIAL, agency="dukcapil", purpose=Purpose.SUBJECT_REQUEST.name, case="SUBJEK/1"
    ),
    "a supervisor": Caller(kind=CallerKind.SUPERVISOR, agency="dukcapil"),
    "the protection officer": Caller(kind=CallerKind.PROTECTION_OFFICER, case="PDP/1"),
}
CALL = Call(deadline=1e12, request_id="small-city")


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


def student(nik: Nik = AYU) -> Student:
    """An enrolment in the fifth grade."""
    return Student(
        nisn="0012900001",
        owner=nik,
        npsn="20100101",
        grade=5,
        class_name="5-A",
        school_year="2026/2027",
        status=PupilStatus.ENROLLED,
    )


def kjp_account(nik: Nik = AYU) -> KjpAccount:
    """One payment round."""
    return KjpAccount(
        id="KJP-1",
        owner=nik,
        round="2026-I",
        status=KjpStatus.PAID,
        monthly_amount=Rupiah(250_000),
        balance=Rupiah(250_000),
        paid_on=date(2026, 6, 1),
    )


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
    values: dict[str, Any] = {
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
        "photos": (
            ComplaintPhoto(
                agency="complaints",
                complaint_id=id_,
                source="/media/1.jpg",
                alternative_text="Lubang di jalan",
                width=800,
                height=600,
                complaint_is_public=public,
                reporter=reporter,
            ),
        ),
        "delivery": CommandState.SENDING,
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
        "comments": (
            ComplaintComment(at=NOW, text="Sudah?", by_reporter=True, complaint_is_public=public, reporter=reporter),
        ),
    }
    return Complaint(**(values | more))


def receipt(subject: Nik = SITI) -> CommandReceipt:
    return CommandReceipt(
        subject=subject,
        number="TT-26-ABCDEFGHJK",
        kind="submit_complaint",
        agency="crm",
        state=CommandState.REJECTED,
        accepted_at=NOW,
        closed_at=NOW,
        problem="INVALID",
        problem_field="address",
        waits_for="TT-26-ABCDEFGHJM",
        steps=(CommandStep(at=NOW, state=CommandState.ACCEPTED),),
    )


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
        reader_kind=AccessReader.OFFICIAL,
        agency="dukcapil",
        partner=None,
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


def consent_request(nik: Nik = SITI, **overrides: Any) -> ConsentRequest:  # noqa: ANN401 - fields of the record
    """A bank would like to read her taxes, and whether she is who she says."""
    return ConsentRequest(
        **{
            "subject": nik,
            "id": REQUEST,
            "client": "development/bank",
            "partner": "Bank Betawi",
            "purpose": Purpose.CREDIT_ASSESSMENT,
            "scopes": (Scope.TAX, Scope.IDENTITY),
            "asked_at": NOW,
            "answer_by": NOW + timedelta(hours=1),
            "would_expire_at": NOW + timedelta(days=30),
            "duration": timedelta(days=30),
            "readable_fields": None,
            **overrides,
        }
    )


def consent(nik: Nik = SITI, **overrides: Any) -> Consent:  # noqa: ANN401 - fields of the record
    """She let the bank."""
    request = consent_request(nik)
    return Consent(
        **{
            "subject": nik,
            "id": CONSENT,
            "client": request.client,
            "partner": request.partner,
            "scopes": request.scopes,
            "purpose": request.purpose,
            "state": ConsentState.GRANTED,
            "granted_at": NOW,
            "expires_at": NOW + timedelta(days=30),
            "texts": build_consent_texts(
                nik,
                AgreementTerms(
                    partner=request.partner, scopes=request.scopes, purpose=request.purpose, lasts=request.duration
                ),
            ),
            **overrides,
        }
    )


def data_request(
    subject: Nik = SITI,
    kind: DataRequestKind = DataRequestKind.CORRECTION,
    state: DataRequestState = DataRequestState.RECEIVED,
    **more: Any,  # noqa: ANN401 - fields of the record
) -> DataRequest:
    event = DataRequestEvent(subject=subject, at=NOW, state=state, by="You", refusal=None, text=None)
    values: dict[str, Any] = {
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
    return DataRequest(subject=subject, kind=kind, state=state, **(values | more))


def build_case(person: Nik = SITI, **more: Any) -> Case:  # noqa: ANN401 - fields of the record
    """The case of a data request."""
    values: dict[str, Any] = {
        "key": CaseKey(person=person, kind=CaseKind.DATA_REQUEST, agency="hub", id="HAK-2026-7K3QX9RD"),
        "kind": CaseKind.DATA_REQUEST,
        "title": "Correct data about you",
        "state": CaseState.WAITING_FOR_AGENCY,
        "next_step": CaseStep(what="Answer your request", by=CaseActor.AGENCY, name="Dukcapil"),
        "clock": CaseClock(due_at=NOW, is_late=False),
        "changed_at": NOW,
        "activities": (CaseActivity(at=NOW, text="Received", by="You"),),
        "actions": (CaseAction(name="withdrawDataRequest", allowed=False, reason="The request is closed."),),
        "subject": data_request(person),
    }
    return Case(person=person, **(values | more))


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
QUESTIONS = (
    ComplaintQuestion(
        code="A",
        kind=QuestionKind.MULTIPLE_CHOICE,
        is_required=False,
        text="Which?",
        hint=None,
        choices=(ComplaintQuestionChoice(key="1", name="One"), ComplaintQuestionChoice(key="2", name=None)),
    ),
    ComplaintQuestion(code="N", kind=QuestionKind.NUMBER, is_required=False, text="How many?", hint="In metres"),
)
PUBLIC, PRIVATE = "1001", "1002"
