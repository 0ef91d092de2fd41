"""A record of every type of the graph, about Siti where a type is about a person."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from auth.policy.rules import Classification
from records.city_services import OwnService
from records.complaints import ComplaintPublication
from records.coverages import Coverage
from records.hub.consenting import Consenting, Match, Verification
from records.hub.consents import ConsentAnswer
from records.hub.data_preferences import DataPreferences
from records.hub.data_requests import DataRequestRefusal, DataRequestState
from records.hub.exports import Export
from records.identifiers import Rupiah
from records.nearby import NearbyPlace
from records.payments import PaymentIntent
from records.population import Citizen, CivilStatus, Parentage, Residence
from records.prices import Trend, TrendPoint
from records.purposes import Purpose, Scope
from records.regions import Coordinates
from records.tax import BillStatus
from schema import types as types_of_the_graph
from schema.declarations.additions import import_types, list_published_records
from schema.declarations.relay import PageInfo, build_connection
from schema.types.access_entries import AccessEntryConnectionType
from schema.types.access_log import AccessLogConnectionType
from schema.types.cases import CaseConnectionType
from schema.types.complaints import ComplaintConnectionType
from schema.types.consent_requests import ConsentField
from schema.types.consents import ConsentConnectionType
from schema.types.data_requests import DataRequestConnectionType
from tests.fakes.sample_records import build_sample
from tests.fakes.small_records import (
    CATEGORY,
    COMMODITY,
    MARKET,
    NOW,
    PRICE,
    PRIVATE,
    PUBLIC,
    REGIONS,
    SITI,
    access_entry,
    access_log_entry,
    bill,
    build_case,
    complaint,
    consent,
    consent_request,
    data_request,
    facets,
    household,
    kjp_account,
    msme,
    payment,
    receipt,
    restriction,
    student,
    tax_object,
)
from tests.fakes.small_records import product as sold

PAGE_INFO = PageInfo(has_next_page=True, has_previous_page=True, start_cursor="a", end_cursor="b")
SITIS = complaint(PRIVATE, public=False, reporter=SITI, resolved_at=None)
COMPLAINTS = build_connection(
    ComplaintConnectionType,
    (complaint(PUBLIC, public=True),),
    cursor=lambda _: "a",
    has_more=True,
    arguments={},
    total_count=2,
)
ENTRY = replace(access_log_entry(), partner="Kredit Nusantara")
ENTRIES = build_connection(AccessLogConnectionType, (ENTRY,), cursor=lambda _: "a", has_more=True, arguments={})
OVERSEEN = access_entry()
OVERSEEN_PAGE = build_connection(
    AccessEntryConnectionType, (OVERSEEN,), cursor=lambda _: "a", has_more=True, arguments={}
)
SITIS_FIELDS = consent(revoked_at=NOW)
CONSENTS = build_connection(ConsentConnectionType, (SITIS_FIELDS,), cursor=lambda _: "a", has_more=True, arguments={})
ASKED = data_request(state=DataRequestState.REFUSED)
REFUSED = replace(ASKED.events[0], refusal=DataRequestRefusal.REVEALS_OTHERS, text="Tidak bisa")
REQUESTS = build_connection(DataRequestConnectionType, (ASKED,), cursor=lambda _: "a", has_more=True, arguments={})
POINT = TrendPoint(day=bill(2026, BillStatus.PAID).due_on, price=Rupiah(1))  # type: ignore[arg-type]  # a bill of the small city has a day
CASE = build_case()
CASES = build_connection(
    CaseConnectionType, (CASE,), cursor=lambda _: "a", has_more=True, arguments={}, total_count=2, unseen_count=1
)
RECORDS: dict[str, Any] = {
    "Citizen": Citizen(nik=SITI),
    "Residence": facets(SITI)[Residence],
    "CivilStatus": facets(SITI)[CivilStatus],
    "Parentage": facets(SITI)[Parentage],
    "Household": household(),
    "HouseholdMember": household().members[0],
    "TaxObject": tax_object(),
    "TaxBill": bill(2026, BillStatus.UNPAID, payment(1, 5_000)),
    "TaxPayment": payment(1, 5_000),
    "Msme": msme(),
    "Product": sold("Rahasia", public=False),
    "Student": student(SITI),
    "KjpAccount": kjp_account(SITI),
    "Complaint": replace(SITIS, resolved_at=SITIS.read_at),
    "ComplaintEvent": SITIS.events[0],
    "ComplaintPhoto": SITIS.photos[0],
    "ComplaintComment": SITIS.comments[0],
    "ComplaintPublication": ComplaintPublication(
        description="Lubang",
        address="Jl. Kebon Sirih",
        coordinates=Coordinates(latitude=-6.18, longitude=106.83),
        photo_count=1,
        confirmation="c",
    ),
    "ComplaintCategory": CATEGORY,
    "ComplaintConnection": COMPLAINTS,
    "ComplaintEdge": COMPLAINTS.edges[0],
    "PageInfo": PAGE_INFO,
    "AccessLogEntry": ENTRY,
    "AccessLogEdge": ENTRIES.edges[0],
    "AccessLogConnection": ENTRIES,
    "AccessEntry": OVERSEEN,
    "AccessEntryEdge": OVERSEEN_PAGE.edges[0],
    "AccessEntryConnection": OVERSEEN_PAGE,
    "Consent": SITIS_FIELDS,
    "ConsentText": SITIS_FIELDS.texts[0],
    "ConsentEdge": CONSENTS.edges[0],
    "ConsentConnection": CONSENTS,
    "ConsentRequest": consent_request(),
    "ConsentField": ConsentField(
        subject=SITI, classification=Classification.FINANCE, field="TaxBill.year", scope=Scope.TAX, description="Year."
    ),
    "ConsentAnswer": ConsentAnswer(subject=SITI, consent=SITIS_FIELDS, return_to="https://bank.example"),
    "Consenting": Consenting(subject=SITI, consent=consent(client="another bank"), preferences=DataPreferences()),
    "Verification": Verification(
        subject=SITI, name=Match.MATCH, birth_date=Match.MATCH, birth_place=Match.MATCH, mother_name=Match.MATCH
    ),
    "DataRequest": ASKED,
    "DataRequestEvent": REFUSED,
    "DataRequestEdge": REQUESTS.edges[0],
    "DataRequestConnection": REQUESTS,
    "Restriction": restriction(Purpose.PAYMENT),
    "CommandReceipt": receipt(),
    "Export": Export(subject=SITI, url="/me/export", parts=("identity",)),
    "Coordinates": Coordinates(latitude=-6.1, longitude=106.8),
    "Region": REGIONS["31.71"],  # type: ignore[index]  # a code like any
    "SystemCode": REGIONS["31.71"].codes[0],  # type: ignore[index]  # a code like any
    "Market": MARKET,
    "Price": PRICE,
    "Commodity": COMMODITY,
    "NearbyPlace": replace(build_sample(NearbyPlace), kind="MARKET", record=MARKET),
    "Trend": Trend(
        commodity_id="1",
        year=2026,
        month=11,
        average_price=Rupiah(1),
        highest_price=Rupiah(1),
        lowest_price=Rupiah(1),
        points=(POINT,),
    ),
    "TrendPoint": POINT,
    "PaymentIntent": replace(build_sample(PaymentIntent), payer=SITI),
    "Coverage": replace(build_sample(Coverage), participant=SITI),
    "Case": CASE,
    "OwnService": replace(build_sample(OwnService), person=SITI),
    "CaseStep": CASE.next_step,
    "CaseClock": CASE.clock,
    "CaseActivity": CASE.activities[0],
    "CaseAction": CASE.actions[0],
    "CaseEdge": CASES.edges[0],
    "CaseConnection": CASES,
}
"""Siti's record of every type."""
for _record in list_published_records(import_types(types_of_the_graph)):
    if _record.__name__ not in RECORDS:
        RECORDS[_record.__name__] = build_sample(_record)
