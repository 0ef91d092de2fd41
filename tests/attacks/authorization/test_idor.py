"""A key alone opens no other person's data: every personal field and root field, for every wrong caller.

The expectations come from the checked-in graph (`@access`, `@classified`), so a new field is tested automatically.
"""

from __future__ import annotations

import pytest

from auth.caller import CallerKind, Representation
from records.hub.data_preferences import DataPreferences
from tests.attacks.authorization.denied_callers import DENIED_CALLERS
from tests.fakes.graph_records import RECORDS
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import AYU, CONSENT, NOP, PRIVATE, SITI, consent
from tests.schema.declared_access import load_declared_access
from tests.schema.graph_fields import CHANGES, FieldPlace, build_engines, types
from tests.schema.requests import IDS, get_reasons, list_agency_calls, run


def personal(type_name: str) -> list[FieldPlace]:
    places = (FieldPlace(type_name, field) for field in types()[type_name].fields)
    return [place for place in places if "PUBLIC" not in load_declared_access()[str(place)].rules]


PERSONAL_TYPES = [name for name in RECORDS if personal(name)]
PERSONAL_ROOTS = [
    *("me", "citizen", "citizens", "consented", "dataRequests", "accessEntries", "accessEntriesOf"),
    *("overdueComplaints", "business", "verifyIdentity", "payment"),
]
OVERSEEN_ROOTS = ["accessEntries", "accessEntriesOf"]
ANSWERS = ["grantConsent", "refuseConsent", "revokeConsent"]
"""Mutations of consents; those of data requests, and commands, are in `CHANGES`."""


def test_the_tests_cover_all_personal_types_and_root_fields_of_the_graph() -> None:
    assert set(PERSONAL_TYPES) == {
        "Citizen",
        "Residence",
        "CivilStatus",
        "Parentage",
        "Household",
        "HouseholdMember",
        "TaxObject",
        "TaxBill",
        "TaxPayment",
        "Msme",
        "Product",
        "Student",
        "KjpAccount",
        "AssistanceRecord",
        "AidEntitlement",
        "AidPayment",
        "Complaint",
        "ComplaintEvent",
        "ComplaintPhoto",
        "ComplaintComment",
        "AccessLogEntry",
        "AccessEntry",
        "Consent",
        "ConsentText",
        "ConsentRequest",
        "ConsentField",
        "ConsentAnswer",
        "Consenting",
        "Verification",
        "DataRequest",
        "DataRequestEvent",
        "Restriction",
        "CommandReceipt",
        "Export",
        "PaymentIntent",
        "Coverage",
        "Case",
        "OwnService",
        "BusinessActivity",
        "BusinessLicence",
        "Business",
        "IdentityCheck",
        "Immunization",
        "VaccinationAppointment",
    }
    assert {place.field for place in personal("Query")} == set(PERSONAL_ROOTS)
    assert {place.field for place in personal("Mutation")} == {*ANSWERS, *CHANGES, "answerDataRequest"}
    assert set(load_declared_access()) == {
        f"{name}.{field}" for name, type_ in types().items() for field in type_.fields
    }


@pytest.mark.parametrize("type_name", PERSONAL_TYPES)
async def test_a_field_of_a_record_is_refused_with_its_reason_and_no_agency_is_called(type_name: str) -> None:
    for name, wrong in DENIED_CALLERS.items():
        city = SmallCity()
        expected = {place: wrong.reason(load_declared_access()[str(place)]) for place in personal(type_name)}
        refused = {place: reason for place, reason in expected.items() if reason is not None}
        if not refused:
            continue
        query = f"{{ it {{ {' '.join(place.selected for place in refused)} }} }}"
        response = await run(query, caller=wrong.caller, city=city, engines=build_engines(type_name))
        assert response.data == {"it": {place.field: None for place in refused}}, name
        reasons = sorted((f"it.{place.field}", reason) for place, reason in refused.items())
        assert sorted(get_reasons(response)) == reasons, name
        assert list_agency_calls(city, wrong.caller) == [], name


@pytest.mark.parametrize("name", DENIED_CALLERS)
@pytest.mark.parametrize("field", ["citizen", "citizens", "overdueComplaints", "verifyIdentity"])
async def test_a_person_named_at_the_root_is_refused_with_the_reason_and_no_agency_is_called(
    field: str, name: str
) -> None:
    wrong, city = DENIED_CALLERS[name], SmallCity()
    place = FieldPlace("Query", field)
    reason = wrong.reason(load_declared_access()[str(place)])
    response = await run(f"{{ {place.selected} }}", caller=wrong.caller, city=city)
    if reason is None:  # a person about themself and an official with a purpose: the tests above cover their fields
        assert response.errors == []
        return
    assert (response.data or {}).get(field) is None
    assert [each for _, each in get_reasons(response)] == [reason]
    assert list_agency_calls(city, wrong.caller) == []


@pytest.mark.parametrize("name", DENIED_CALLERS)
async def test_a_consent_opens_nothing_to_another_partner(name: str) -> None:
    wrong, city = (
        DENIED_CALLERS[name],
        SmallCity(preferences={SITI: DataPreferences(consents=(consent(client="another bank"),))}),
    )
    response = await run(
        f'{{ consented(consent: "{CONSENT}") {{ consent {{ id }} }} }}', caller=wrong.caller, city=city
    )
    assert (response.data or {}).get("consented") is None
    assert [each for _, each in get_reasons(response)] == [wrong.reason(load_declared_access()["Query.consented"])]
    assert city.calls == []


@pytest.mark.parametrize("field", ANSWERS)
async def test_a_person_cannot_answer_for_another_and_nothing_changes(field: str) -> None:
    place = FieldPlace("Mutation", field)
    for name, wrong in DENIED_CALLERS.items():
        if name == "the person, unsure":
            continue
        city = SmallCity()
        response = await run(f"mutation {{ {place.selected} }}", caller=wrong.caller, city=city)
        assert (response.data or {}).get(field) is None, name
        if wrong.caller.nik is not None and wrong.caller.on_behalf_of is None:  # for themself they may answer a request
            assert {each["extensions"]["code"] for each in response.errors} <= {"CONSENT_UNKNOWN", "FORBIDDEN"}, name
        else:
            reason = wrong.reason(load_declared_access()[str(place)])
            assert [each for _, each in get_reasons(response)] == [reason], name
        assert city.consent_changes == [], name
        assert city.calls == [], name


@pytest.mark.parametrize("name", [name for name in DENIED_CALLERS if "citizen" not in name and "person" not in name])
async def test_me_is_refused_for_callers_who_are_no_citizens(name: str) -> None:
    wrong, city = DENIED_CALLERS[name], SmallCity()
    if wrong.caller.on_behalf_of is not None:  # an assistant reads about the person they assist
        return
    response = await run("{ me { nik name } }", caller=wrong.caller, city=city)
    assert response.data is None
    assert [each for _, each in get_reasons(response)] == [wrong.reason(load_declared_access()["Query.me"])]
    assert city.calls == []


@pytest.mark.parametrize("name", DENIED_CALLERS)
@pytest.mark.parametrize("field", OVERSEEN_ROOTS)
async def test_ledger_entries_are_refused_to_all_but_overseers_without_reading_the_ledger(
    field: str, name: str
) -> None:
    wrong, city = DENIED_CALLERS[name], SmallCity()
    place = FieldPlace("Query", field)
    reason = wrong.reason(load_declared_access()[str(place)])
    selected = place.selected
    if reason == "NOT_YOUR_AGENCY":  # they may see their own agency's, so another agency's is needed
        selected = 'accessEntries(filter: { agency: "dukcapil" }) { __typename }'
    response = await run(f"{{ {selected} }}", caller=wrong.caller, city=city)
    if reason is None:
        assert response.errors == []
        return
    assert (response.data or {}).get(field) is None
    assert [each for _, each in get_reasons(response)] == [reason]
    assert city.calls == []


@pytest.mark.parametrize("field", CHANGES)
async def test_only_a_citizen_for_themself_changes_anything(field: str) -> None:
    place = FieldPlace("Mutation", field)
    for name, wrong in DENIED_CALLERS.items():
        if wrong.caller.representation is Representation.SELF and wrong.caller.kind is CallerKind.CITIZEN:
            continue
        city = SmallCity()
        response = await run(f"mutation {{ {place.selected} }}", caller=wrong.caller, city=city)
        assert (response.data or {}).get(field) is None, name  # an assistant may have a permission for another person
        reason = wrong.reason(load_declared_access()[str(place)])
        assert [each for _, each in get_reasons(response)] == [reason], name
        assert (city.filed_requests, city.withdrawn_requests, city.accepted_commands) == ([], [], []), name
        assert city.calls == [], name


@pytest.mark.parametrize("name", DENIED_CALLERS)
@pytest.mark.parametrize(("root", "field"), [("Query", "dataRequests"), ("Mutation", "answerDataRequest")])
async def test_only_officials_with_purpose_and_case_see_or_answer_data_requests(
    root: str, field: str, name: str
) -> None:
    wrong, city = DENIED_CALLERS[name], SmallCity()
    place = FieldPlace(root, field)
    response = await run(f"{root.lower()} {{ {place.selected} }}", caller=wrong.caller, city=city)
    assert response.data is None
    assert [each for _, each in get_reasons(response)] == [wrong.reason(load_declared_access()[str(place)])]
    assert (city.waiting_queries, city.answered_requests, city.calls) == ([], [], [])


NODES = {
    "Citizen": IDS.seal("Citizen", SITI),
    "TaxObject": IDS.seal("TaxObject", f"{SITI}:{NOP}"),
    "Msme": IDS.seal("Msme", f"{SITI}:M-1"),
}


@pytest.mark.parametrize("type_name", NODES)
async def test_a_node_of_another_person_is_refused_and_no_agency_is_called(type_name: str) -> None:
    access = load_declared_access()[f"{type_name}.{'nik' if type_name == 'Citizen' else 'address'}"]
    node = NODES[type_name]
    query = f'{{ node(id: "{node}") {{ id }} nodes(ids: ["{node}"]) {{ id }} }}'
    for name, wrong in DENIED_CALLERS.items():
        city, reason = SmallCity(), wrong.reason(access)
        if reason is None:
            continue
        response = await run(query, caller=wrong.caller, city=city)
        assert response.data == {"node": None, "nodes": [None]}, name
        assert sorted(get_reasons(response)) == [("node", reason), ("nodes.0", reason)], name
        assert list_agency_calls(city, wrong.caller) == [], name


@pytest.mark.parametrize("name", [name for name in DENIED_CALLERS if not name.startswith("an official")])
async def test_a_private_complaint_is_unknown_to_callers_who_may_not_see_it(name: str) -> None:
    wrong = DENIED_CALLERS[name]
    if wrong.caller.nik == SITI:
        return
    node = IDS.seal("Complaint", PRIVATE)
    response = await run(f'{{ node(id: "{node}") {{ id }} }}', caller=wrong.caller)
    assert response.data == {"node": None}
    assert response.errors == []


@pytest.mark.parametrize("name", [name for name in DENIED_CALLERS if name.startswith("an official")])
async def test_an_official_without_the_purpose_sees_no_field_of_a_private_complaint(name: str) -> None:
    wrong = DENIED_CALLERS[name]
    reason = wrong.reason(load_declared_access()["Complaint.description"])
    if reason is None:
        return
    node = IDS.seal("Complaint", PRIVATE)
    response = await run(f'{{ node(id: "{node}") {{ ... on Complaint {{ description }} }} }}', caller=wrong.caller)
    assert (response.data or {})["node"] in (None, {"description": None})
    assert [each for _, each in get_reasons(response)] in ([], [reason])


async def test_a_claimed_guardianship_proves_nothing() -> None:
    """A parent asks for a child of another household."""
    city = SmallCity()
    response = await run(
        f'{{ citizen(nik: "{AYU}") {{ name }} }}', caller=DENIED_CALLERS["another citizen"].caller, city=city
    )
    assert response.data == {"citizen": None}
    assert get_reasons(response) == [("citizen", "NOT_YOURS")]
    assert list_agency_calls(city, DENIED_CALLERS["another citizen"].caller) == []
