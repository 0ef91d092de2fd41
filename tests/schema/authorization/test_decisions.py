"""Who may see each field of the graph: a table that is generated from the schema, so that no field can be forgotten.

For every field of every published type, every field of the root, and every kind of caller: the answer, or null with
FORBIDDEN and no agency asked. What is expected is read off the three lists below and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import Any

import pytest
from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema, get_named_type, is_leaf_type
from strawberry.schema.schema_converter import GraphQLCoreConverter

from auth.caller import Caller
from auth.policy.rules import Classification, Rule
from engine.batch import batch
from engine.engine import Engine
from engine.reporting.run_reporting import RunReporting
from engine.request import GraphQLResponse
from records.calls.answers import Answers
from records.complaints import Complaint
from records.hub.consenting import Consenting, Match, Verification
from records.hub.consents import ConsentAnswer
from records.hub.data_preferences import DataPreferences
from records.hub.data_requests import DataRequestRefusal, DataRequestState
from records.hub.exports import Export
from records.identifiers import Rupiah
from records.places import Coordinates
from records.population import Citizen, CivilStatus, Parentage, Residence
from records.prices import Trend, TrendPoint
from records.purposes import Purpose, Scope
from records.tax import BillStatus
from resolvers.batch_context import HubBatchContext
from schema.declarations.fields import root
from schema.declarations.relay import PageInfo, build_connection
from schema.types.access_entries import AccessEntryConnectionType
from schema.types.access_log import AccessLogConnectionType
from schema.types.complaints import ComplaintConnectionType
from schema.types.consent_requests import ConsentField
from schema.types.consents import ConsentConnectionType
from schema.types.data_requests import DataRequestConnectionType
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import (
    BUDI,
    CALLERS,
    CATEGORY,
    COMMODITY,
    CONSENT,
    MARKET,
    NOW,
    PRICE,
    PRIVATE,
    PUBLIC,
    REGIONS,
    REQUEST,
    SITI,
    access_entry,
    access_log_entry,
    bill,
    complaint,
    consent,
    consent_request,
    data_request,
    facets,
    household,
    msme,
    payment,
    restriction,
    tax_object,
)
from tests.fakes.small_records import product as sold
from tests.schema.requests import IDS, build_engine, build_request_context, get_codes, run

PUBLIC_TYPES = {
    "Region",
    "SystemCode",
    "Market",
    "Price",
    "Commodity",
    "Trend",
    "TrendPoint",
    "ComplaintCategory",
    "ComplaintConnection",
    "ComplaintEdge",
    "PageInfo",
    "Coordinates",
    "AccessLogConnection",
    "AccessLogEdge",
    "AccessEntryConnection",
    "AccessEntryEdge",
    "ConsentConnection",
    "ConsentEdge",
    "DataRequestConnection",
    "DataRequestEdge",
}
"""Types of which every field is readable by everybody."""
PUBLIC_FIELDS = {"Citizen.id", "TaxObject.id", "Msme.id", "Complaint.id"}
"""Readable by everybody who has come as far as the object."""
CHANGES = (
    "requestCorrection",
    "requestErasure",
    "requestAccessCopy",
    "objectToDecision",
    "restrictProcessing",
    "endRestriction",
    "withdrawDataRequest",
)
"""Fields of the root of changes."""
CONSENT_CHANGES = ("grantConsent", "refuseConsent", "revokeConsent")
GUARDED_ROOTS = {
    "me": {"the person", "another citizen"},
    "citizen": {"the person", "an official"},
    "citizens": {"an official"},
    "accessEntries": {"a supervisor", "the protection officer"},
    "accessEntriesOf": {"the protection officer"},
    "consented": set(),
    "grantConsent": {"the person"},
    "refuseConsent": {"the person"},
    "revokeConsent": {"the person"},
    **{change: {"the person", "another citizen"} for change in CHANGES},
    "dataRequests": {"an official", "the protection officer"},
    "answerDataRequest": {"an official", "the protection officer"},
}
"""Fields of the roots that not everybody may read, and who may."""

THE_PERSON_AND_OFFICIALS = {"the person", "an official"}
THE_PERSON_ALONE = {
    "Citizen.accessLog",
    "AccessLogEntry",
    "Citizen.consents",
    "Citizen.consentRequest",
    "Consent",
    "ConsentText",
    "ConsentRequest",
    "ConsentField",
    "ConsentAnswer",
    "Citizen.dataRequests",
    "Citizen.restrictions",
    "Citizen.export",
    "Restriction",
    "Export",
}
"""Fields, and types whole, that officials may not read either."""
OVERSEERS_ALONE = {"AccessEntry"}
PARTNERS_ALONE = {"Consenting", "Verification"}
"""What none of these callers reads; partners do, in test_consenting.py."""
ALSO_THE_PROTECTION_OFFICER = {"DataRequest", "DataRequestEvent"}
PAGE_INFO = PageInfo(has_next_page=True, has_previous_page=True, start_cursor="a", end_cursor="b")
SITIS = complaint(PRIVATE, public=False, reporter=SITI, resolved_at=None)
COMPLAINTS = build_connection(
    ComplaintConnectionType, (complaint(PUBLIC, public=True),), cursor=lambda _: "a", has_more=True, arguments={}
)
ENTRY = access_log_entry()
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
    "Complaint": replace(SITIS, resolved_at=SITIS.read_at),
    "ComplaintEvent": SITIS.events[0],
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
    "Export": Export(subject=SITI, url="/me/export", parts=("identity",)),
    "Coordinates": Coordinates(latitude=-6.1, longitude=106.8),
    "Region": REGIONS["31.71"],  # type: ignore[index]  # a code like any
    "SystemCode": REGIONS["31.71"].codes[0],  # type: ignore[index]  # a code like any
    "Market": MARKET,
    "Price": PRICE,
    "Commodity": COMMODITY,
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
}
"""Siti's record of every type."""
ROOTS = {"Query": "query", "Mutation": "mutation"}
"""The types of the roots, and the operations that begin there."""
NULL_BY_MEANING = {"SystemCode.unknownBecause", "Complaint.hoursLeft", "DataRequest.hoursLeft"}
"""Fields that are null in these records though nothing is refused."""

REGION_ID = IDS.seal("Region", "31.71")
ARGUMENTS = {
    "Query.citizen": f'(nik: "{SITI}")',
    "Query.citizens": f'(niks: ["{SITI}", "{BUDI}"])',
    "Query.accessEntriesOf": f'(nik: "{SITI}")',
    "Query.region": '(code: "31.71")',
    "Query.node": f'(id: "{REGION_ID}")',
    "Query.nodes": f'(ids: ["{REGION_ID}"])',
    "Query.consented": f'(consent: "{CONSENT}")',
    "Mutation.grantConsent": f'(request: "{REQUEST}", scopes: [TAX])',
    "Mutation.refuseConsent": f'(request: "{REQUEST}")',
    "Mutation.revokeConsent": f'(consent: "{CONSENT}")',
    "Citizen.consentRequest": f'(id: "{REQUEST}")',
    "Consenting.verify": '(name: "Siti")',
    "Commodity.trend": "(year: 2026, month: 11)",
    "Mutation.requestCorrection": '(field: "Residence.address", says: "RT", wanted: "RT 2", key: "1")',
    "Mutation.answerDataRequest": '(number: "HAK-2026-22222222", state: DONE)',
    "Mutation.requestErasure": '(says: "Hapus", key: "2")',
    "Mutation.requestAccessCopy": '(key: "3")',
    "Mutation.objectToDecision": '(says: "Mesin", key: "4")',
    "Mutation.restrictProcessing": '(key: "5")',
    "Mutation.endRestriction": '(number: "HAK-2026-22222222")',
    "Mutation.withdrawDataRequest": '(number: "HAK-2026-22222222")',
}


@dataclass(frozen=True)
class FieldPlace:
    """A field of a type."""

    type_name: str
    field: str

    def __str__(self) -> str:
        return f"{self.type_name}.{self.field}"

    @property
    def guarded(self) -> bool:
        return self.type_name not in PUBLIC_TYPES and str(self) not in PUBLIC_FIELDS

    @property
    def readers(self) -> set[str]:
        if self.type_name in ALSO_THE_PROTECTION_OFFICER:
            return THE_PERSON_AND_OFFICIALS | {"the protection officer"}
        if self.type_name in OVERSEERS_ALONE:
            return {"a supervisor", "the protection officer"}
        if self.type_name in PARTNERS_ALONE:
            return set()
        return {"the person"} if {self.type_name, str(self)} & THE_PERSON_ALONE else THE_PERSON_AND_OFFICIALS

    @property
    def selected(self) -> str:
        leaf = is_leaf_type(get_named_type(types()[self.type_name].fields[self.field].type))
        return f"{self.field}{ARGUMENTS.get(str(self), '')}{'' if leaf else ' { __typename }'}"


@cache
def types() -> dict[str, GraphQLObjectType]:
    return {
        name: type_
        for name, type_ in build_engine().schema.type_map.items()
        if isinstance(type_, GraphQLObjectType) and not name.startswith("__")
    }


def places() -> list[FieldPlace]:
    return [FieldPlace(name, field) for name, type_ in types().items() if name not in ROOTS for field in type_.fields]


def roots() -> list[FieldPlace]:
    return [FieldPlace(name, field) for name in ROOTS for field in types()[name].fields]


@cache
def build_engines(type_name: str) -> tuple[Engine, Engine]:
    """The published type with a root of its own that hands out whatever record the context holds.

    Past the rules on the way to it, since each field must hold by itself: there may be another way tomorrow.
    """

    @root(record_of, returns=str, rule=Rule.PUBLIC)
    def handed_out() -> str:
        return type_name

    it = GraphQLField(
        types()[type_name],
        resolve=lambda *_: RECORDS[type_name],
        extensions={GraphQLCoreConverter.DEFINITION_BACKREF: handed_out},
    )
    schema = GraphQLSchema(GraphQLObjectType("Root", {"it": it}))
    return Engine(schema, build_engine().rules, use_plans=False, reporting=RunReporting(track_reads=True)), Engine(
        schema, build_engine().rules, reporting=RunReporting(track_reads=True)
    )


@batch(agency=None)
async def record_of(type_names: Sequence[str], _context: HubBatchContext) -> Answers[str, Any]:
    """The same, for plans."""
    return {name: RECORDS[name] for name in type_names}


async def read(place: FieldPlace, caller: str | Caller, city: SmallCity) -> GraphQLResponse:
    query = f"{{ it {{ {place.selected} }} }}"
    return await run(query, caller=caller, city=city, engines=build_engines(place.type_name))


def test_every_type_of_the_graph_stands_in_the_table() -> None:
    assert set(types()) == {*RECORDS, *ROOTS}
    assert set(RECORDS) >= PUBLIC_TYPES
    assert {str(place) for place in places()} >= PUBLIC_FIELDS
    assert {place.field for place in roots()} >= set(GUARDED_ROOTS)
    assert len(places()) > 100


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("place", places(), ids=str)
async def test_a_field_is_read_by_those_who_may_and_refused_before_anybody_is_asked(
    place: FieldPlace, caller: str
) -> None:
    city = SmallCity()
    response = await read(place, caller, city)
    value = (response.data or {})["it"][place.field]
    if place.guarded and caller not in place.readers:
        assert value is None
        assert get_codes(response) == [(f"it.{place.field}", "FORBIDDEN")]
        assert build_request_context(city, CALLERS[caller]) == []
    else:
        assert get_codes(response) == []
        assert value is not None or str(place) in NULL_BY_MEANING


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("place", roots(), ids=str)
async def test_a_root_field_is_read_by_those_who_may_and_refused_before_anybody_is_asked(
    place: FieldPlace, caller: str
) -> None:
    city = SmallCity()
    response = await run(f"{ROOTS[place.type_name]} {{ {place.selected} }}", caller=caller, city=city)
    if caller in GUARDED_ROOTS.get(place.field, CALLERS):
        assert get_codes(response) == []
        assert (response.data or {})[place.field] is not None
    elif (place.field, caller) == ("citizen", "another citizen"):  # may be a guardian: it is the person that decides
        assert response.data == {"citizen": None}
        assert get_codes(response) == [("citizen", "FORBIDDEN")]
        assert build_request_context(city, CALLERS[caller]) == []
    elif place.field in CONSENT_CHANGES and caller == "another citizen":  # may answer, but not what is another's
        assert response.data == {place.field: None}
        assert get_codes(response) == [(place.field, "CONSENT_UNKNOWN")]
        assert city.consent_changes == []
    else:
        assert response.data is None
        assert get_codes(response) == [("", "FORBIDDEN")]
        assert city.calls == []
        assert city.consent_changes == []


PUBLIC_COMPLAINT = [place for place in places() if place.type_name in ("Complaint", "ComplaintEvent")]


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("place", PUBLIC_COMPLAINT, ids=str)
async def test_every_field_of_a_public_complaint_is_readable_by_everybody(
    place: FieldPlace, caller: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    public: Complaint = complaint(PUBLIC, public=True, rating=5, resolved_at=SITIS.read_at)
    monkeypatch.setitem(RECORDS, place.type_name, public if place.type_name == "Complaint" else public.events[0])
    response = await read(place, caller, SmallCity())
    assert get_codes(response) == []
    assert (response.data or {})["it"][place.field] is not None or str(place) in NULL_BY_MEANING


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("place", [place for place in places() if place.type_name == "Product"], ids=str)
async def test_every_field_of_a_product_in_the_public_catalogue_is_readable_by_everybody(
    place: FieldPlace, caller: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RECORDS, "Product", sold("Nasi", public=True))
    assert get_codes(await read(place, caller, SmallCity())) == []


def complaints_without_reporter() -> list[tuple[str, Any]]:
    unknown = complaint(PRIVATE, public=False, reporter=None)
    return [("Complaint", unknown), ("ComplaintEvent", unknown.events[0])]


@pytest.mark.parametrize("caller", ["anonymous", "the person", "another citizen"])
@pytest.mark.parametrize(("type_name", "record"), complaints_without_reporter(), ids=["Complaint", "ComplaintEvent"])
async def test_a_private_complaint_of_an_unknown_reporter_is_readable_by_no_citizen(
    type_name: str, record: object, caller: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RECORDS, type_name, record)
    guarded = [place for place in places() if place.type_name == type_name and place.guarded]
    for place, city in product(guarded, [SmallCity()]):
        assert get_codes(await read(place, caller, city)) == [(f"it.{place.field}", "FORBIDDEN")]
        assert build_request_context(city, CALLERS[caller]) == []


async def test_the_household_card_shows_its_members_to_each_other_and_what_is_not_on_it_to_nobody_else() -> None:
    city = SmallCity()
    response = await run(
        "{ me { household { members { nik name citizen { id name taxObjects { nop } } } } } }",
        caller="the person",
        city=city,
    )
    members = (response.data or {})["me"]["household"]["members"]
    assert [member["nik"] for member in members] == list(household().on_the_card)
    assert members[0]["citizen"]["name"] == "Person 1"
    assert members[1]["citizen"] == {"id": members[1]["citizen"]["id"], "name": None, "taxObjects": None}
    assert get_codes(response) == [
        ("me.household.members.1.citizen.name", "FORBIDDEN"),
        ("me.household.members.1.citizen.taxObjects", "FORBIDDEN"),
    ]
    assert [(agency, question, keys) for agency, question, keys in city.calls if question != "households"] == [
        ("dukcapil", "facets", (SITI,)),
        ("pbb", "objects_of", (SITI,)),
    ]
