"""The decision table as a test: every field of every type and of the roots, for every kind of caller.

A caller who may read a field gets the answer. For any other it is null with FORBIDDEN, and no agency is asked. The
expectations are those of the table that is checked in (`docs/frontend/decision-table.md`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from tests.schema.decision_table import can_read, is_public, load_decision_table
from tests.schema.graph_fields import ARGUMENTS, ROOTS, FieldPlace, build_engines, list_fields, list_root_fields, types
from tests.schema.requests import get_codes, list_agency_calls, run

CONSENT_CHANGES = ("grantConsent", "refuseConsent", "revokeConsent")
NULL_BY_MEANING = {
    "SystemCode.unknownBecause",
    "Complaint.hoursLeft",
    "DataRequest.hoursLeft",
    "CityService.handoverUrl",
    "CityService.opensAt",
    "Query.payment",
    "ServiceMeasure.service",
}
"""Fields that are null in these records though nothing is refused."""


async def read(place: FieldPlace, caller: str | Caller, city: SmallCity) -> GraphQLResponse:
    query = f"{{ it {{ {place.selected} }} }}"
    return await run(query, caller=caller, city=city, engines=build_engines(place.type_name))


def test_every_type_of_the_graph_is_in_the_table() -> None:
    assert set(types()) == {*RECORDS, *ROOTS}
    assert {str(place) for place in [*list_fields(), *list_root_fields()]} == set(load_decision_table())
    assert len(list_fields()) > 100


@pytest.mark.parametrize("place", list_fields(), ids=str)
async def test_a_field_is_readable_as_in_the_table_and_a_refusal_calls_no_agency(place: FieldPlace) -> None:
    for caller in CALLERS:
        city = SmallCity()
        response = await read(place, caller, city)
        value = (response.data or {})["it"][place.field]
        if not can_read(str(place), caller):
            assert value is None, caller
            assert get_codes(response) == [(f"it.{place.field}", "FORBIDDEN")], caller
            assert list_agency_calls(city, CALLERS[caller]) == [], caller
        else:
            assert get_codes(response) == [], caller
            assert value is not None or str(place) in NULL_BY_MEANING, caller


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("place", list_root_fields(), ids=str)
async def test_a_root_field_is_readable_as_in_the_table_and_a_refusal_calls_no_agency(
    place: FieldPlace, caller: str
) -> None:
    city = SmallCity()
    response = await run(f"{ROOTS[place.type_name]} {{ {place.selected} }}", caller=caller, city=city)
    if place.field in CONSENT_CHANGES and caller == "another citizen":  # may answer, but not what is another's
        assert response.data == {place.field: None}
        assert get_codes(response) == [(place.field, "CONSENT_UNKNOWN")]
        assert city.consent_changes == []
    elif (place.field, caller) == ("markCasesSeen", "another citizen"):  # may mark, but not what is another's
        assert (response.data, get_codes(response)) == ({place.field: [None]}, [(f"{place.field}.0", "FORBIDDEN")])
        assert (city.calls, city.case_marks) == ([], {})
    elif can_read(str(place), caller, about_caller=not ARGUMENTS.get(str(place), "").startswith("(nik")):
        assert get_codes(response) == []
        assert (response.data or {})[place.field] is not None or str(place) in NULL_BY_MEANING
    elif (place.field, caller) == ("citizen", "another citizen"):  # may be a guardian: it is the person that decides
        assert response.data == {"citizen": None}
        assert get_codes(response) == [("citizen", "FORBIDDEN")]
        assert list_agency_calls(city, CALLERS[caller]) == []
    else:
        assert response.data is None
        assert get_codes(response) == [("", "FORBIDDEN")]
        assert city.calls == []
        assert city.consent_changes == []


PARTS_OF_COMPLAINTS: Mapping[str, Callable[[Complaint], Any]] = {
    "Complaint": lambda found: found,
    "ComplaintEvent": lambda found: found.events[0],
    "ComplaintComment": lambda found: found.comments[0],
    "ComplaintPhoto": lambda found: found.photos[0],
}
PUBLIC_COMPLAINT = [place for place in list_fields() if place.type_name in PARTS_OF_COMPLAINTS]


@pytest.mark.parametrize("place", PUBLIC_COMPLAINT, ids=str)
async def test_every_field_of_a_public_complaint_is_readable_by_everybody(
    place: FieldPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    public: Complaint = complaint(PUBLIC, public=True, rating=5, resolved_at=RECORDS["Complaint"].read_at)
    monkeypatch.setitem(RECORDS, place.type_name, PARTS_OF_COMPLAINTS[place.type_name](public))
    for caller in CALLERS:
        response = await read(place, caller, SmallCity())
        assert get_codes(response) == [], caller
        assert (response.data or {})["it"][place.field] is not None or str(place) in NULL_BY_MEANING, caller


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("place", [place for place in list_fields() if place.type_name == "Product"], ids=str)
async def test_every_field_of_a_product_in_the_public_catalogue_is_readable_by_everybody(
    place: FieldPlace, caller: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RECORDS, "Product", sold("Nasi", public=True))
    assert get_codes(await read(place, caller, SmallCity())) == []


def complaints_without_reporter() -> list[tuple[str, Any]]:
    unknown = complaint(PRIVATE, public=False, reporter=None)
    return [(name, get_part(unknown)) for name, get_part in PARTS_OF_COMPLAINTS.items()]


@pytest.mark.parametrize("caller", ["anonymous", "the person", "another citizen"])
@pytest.mark.parametrize(("type_name", "record"), complaints_without_reporter(), ids=PARTS_OF_COMPLAINTS)
async def test_a_private_complaint_of_an_unknown_reporter_is_readable_by_no_citizen(
    type_name: str, record: object, caller: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RECORDS, type_name, record)
    guarded = [place for place in list_fields() if place.type_name == type_name and not is_public(str(place))]
    for place, city in product(guarded, [SmallCity()]):
        assert get_codes(await read(place, caller, city)) == [(f"it.{place.field}", "FORBIDDEN")]
        assert list_agency_calls(city, CALLERS[caller]) == []


async def test_a_family_card_shows_only_its_own_data_to_its_members() -> None:
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
