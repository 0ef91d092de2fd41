"""Who may see each field of the graph: a table that is generated from the schema, so that no field can be forgotten.

For every field of every published type, every field of the root, and every kind of caller: the answer, or null with
FORBIDDEN and no agency asked. What is expected is read off the three lists below and nothing else.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from auth.caller import Caller
from engine.request import GraphQLResponse
from records.complaints import Complaint
from tests.fakes.graph_records import RECORDS
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import CALLERS, PRIVATE, PUBLIC, SITI, complaint, household
from tests.fakes.small_records import product as sold
from tests.schema.graph_fields import CHANGES, ROOTS, FieldPlace, build_engines, list_fields, list_root_fields, types
from tests.schema.requests import get_codes, list_agency_calls, run

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
NULL_BY_MEANING = {"SystemCode.unknownBecause", "Complaint.hoursLeft", "DataRequest.hoursLeft"}
"""Fields that are null in these records though nothing is refused."""


def is_guarded(place: FieldPlace) -> bool:
    return place.type_name not in PUBLIC_TYPES and str(place) not in PUBLIC_FIELDS


def get_readers(place: FieldPlace) -> set[str]:
    if place.type_name in ALSO_THE_PROTECTION_OFFICER:
        return THE_PERSON_AND_OFFICIALS | {"the protection officer"}
    if place.type_name in OVERSEERS_ALONE:
        return {"a supervisor", "the protection officer"}
    if place.type_name in PARTNERS_ALONE:
        return set()
    return {"the person"} if {place.type_name, str(place)} & THE_PERSON_ALONE else THE_PERSON_AND_OFFICIALS


async def read(place: FieldPlace, caller: str | Caller, city: SmallCity) -> GraphQLResponse:
    query = f"{{ it {{ {place.selected} }} }}"
    return await run(query, caller=caller, city=city, engines=build_engines(place.type_name))


def test_every_type_of_the_graph_stands_in_the_table() -> None:
    assert set(types()) == {*RECORDS, *ROOTS}
    assert set(RECORDS) >= PUBLIC_TYPES
    assert {str(place) for place in list_fields()} >= PUBLIC_FIELDS
    assert {place.field for place in list_root_fields()} >= set(GUARDED_ROOTS)
    assert len(list_fields()) > 100


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("place", list_fields(), ids=str)
async def test_a_field_is_read_by_those_who_may_and_refused_before_anybody_is_asked(
    place: FieldPlace, caller: str
) -> None:
    city = SmallCity()
    response = await read(place, caller, city)
    value = (response.data or {})["it"][place.field]
    if is_guarded(place) and caller not in get_readers(place):
        assert value is None
        assert get_codes(response) == [(f"it.{place.field}", "FORBIDDEN")]
        assert list_agency_calls(city, CALLERS[caller]) == []
    else:
        assert get_codes(response) == []
        assert value is not None or str(place) in NULL_BY_MEANING


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("place", list_root_fields(), ids=str)
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
        assert list_agency_calls(city, CALLERS[caller]) == []
    elif place.field in CONSENT_CHANGES and caller == "another citizen":  # may answer, but not what is another's
        assert response.data == {place.field: None}
        assert get_codes(response) == [(place.field, "CONSENT_UNKNOWN")]
        assert city.consent_changes == []
    else:
        assert response.data is None
        assert get_codes(response) == [("", "FORBIDDEN")]
        assert city.calls == []
        assert city.consent_changes == []


PUBLIC_COMPLAINT = [place for place in list_fields() if place.type_name in ("Complaint", "ComplaintEvent")]


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("place", PUBLIC_COMPLAINT, ids=str)
async def test_every_field_of_a_public_complaint_is_readable_by_everybody(
    place: FieldPlace, caller: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    public: Complaint = complaint(PUBLIC, public=True, rating=5, resolved_at=RECORDS["Complaint"].read_at)
    monkeypatch.setitem(RECORDS, place.type_name, public if place.type_name == "Complaint" else public.events[0])
    response = await read(place, caller, SmallCity())
    assert get_codes(response) == []
    assert (response.data or {})["it"][place.field] is not None or str(place) in NULL_BY_MEANING


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("place", [place for place in list_fields() if place.type_name == "Product"], ids=str)
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
    guarded = [place for place in list_fields() if place.type_name == type_name and is_guarded(place)]
    for place, city in product(guarded, [SmallCity()]):
        assert get_codes(await read(place, caller, city)) == [(f"it.{place.field}", "FORBIDDEN")]
        assert list_agency_calls(city, CALLERS[caller]) == []


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
