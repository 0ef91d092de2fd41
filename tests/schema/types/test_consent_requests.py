"""The preview of a consent request, and the person's answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from graphql import parse, validate

from auth.caller import Assurance
from records.hub.consents import ConsentGrant, PersonalConsentKey
from records.purposes import Purpose, Scope
from schema.tools.consent_preview import build_preview_document, list_granted_fields
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import AYU, CALLERS, CONSENT, NOW, REQUEST, SITI
from tests.schema.requests import build_engine, get_codes, get_reasons, run, run_for_data

LOOK = f'{{ me {{ consentRequest(id: "{REQUEST}") {{ SELECTED }} }} }}'
CREDIT = Purpose.CREDIT_ASSESSMENT


async def test_a_person_sees_the_partner_the_purpose_and_the_deadline() -> None:
    selected = "id client partner purpose scopes askedAt answerBy wouldExpireAt"
    seen = (await run_for_data(LOOK.replace("SELECTED", selected), caller="the person"))["me"]["consentRequest"]
    assert seen == {
        "id": REQUEST,
        "client": "development/bank",
        "partner": "Bank Betawi",
        "purpose": "CREDIT_ASSESSMENT",
        "scopes": ["TAX", "IDENTITY"],
        "askedAt": "2026-11-23T09:00:00+00:00",
        "answerBy": "2026-11-23T10:00:00+00:00",
        "wouldExpireAt": "2026-12-23T09:00:00+00:00",
    }


async def test_every_field_that_the_partner_would_read_is_shown_with_its_class() -> None:
    selected = "fields { field scope class kind description }"
    seen = (await run_for_data(LOOK.replace("SELECTED", selected), caller="the person"))["me"]["consentRequest"][
        "fields"
    ]
    assert {
        "field": "TaxBill.amount",
        "scope": "TAX",
        "class": "SPECIFIC",
        "kind": "FINANCE",
        "description": "Amount to be paid for the year, without fines.",
    } in seen
    assert {
        "field": "Verification.birthDate",
        "scope": "IDENTITY",
        "class": "PERSONAL",
        "kind": None,
        "description": "The day of birth.",
    } in seen
    assert not [each for each in seen if each["field"].startswith(("Citizen.", "Msme."))]
    assert len({each["field"] for each in seen}) == len(seen) == 38


async def test_the_preview_runs_as_the_person_and_has_every_field_except_comparisons() -> None:
    seen = (await run_for_data(LOOK.replace("SELECTED", "previewDocument fields { field }"), caller="the person"))["me"]
    preview = seen["consentRequest"]["previewDocument"]
    shown = await run_for_data(preview, caller="the person")
    (land,) = shown["me"]["taxObjects"]
    named = {
        each["field"].partition(".")[2] for each in seen["consentRequest"]["fields"] if "TaxObject." in each["field"]
    }
    assert set(land) == named
    assert set(shown["me"]) == {"taxObjects"}
    assert not await assert_hidden_from_officials(preview)


async def assert_hidden_from_officials(preview: str) -> bool:
    """The preview is an ordinary operation: it shows an official no data."""
    return (await run(preview, caller="an official")).data is not None


async def test_fewer_scopes_show_fewer_fields() -> None:
    selected = (
        "a: previewDocument(scopes: [IDENTITY]) b: previewDocument(scopes: []) fields(scopes: [IDENTITY]) { field }"
    )
    seen = (await run_for_data(LOOK.replace("SELECTED", selected), caller="the person"))["me"]["consentRequest"]
    assert (seen["a"], seen["b"]) == (None, None)
    assert [each["field"] for each in seen["fields"]] == [
        "Consenting.verify",
        *(f"Verification.{each}" for each in ("name", "birthDate", "birthPlace", "motherName")),
        "Consenting.verifyIdentity",
        *(f"IdentityCheck.{each}" for each in ("nik", "name", "birthDate", "birthPlace", "motherName")),
    ]


def test_a_scope_opens_nothing_for_a_purpose_that_does_not_cover_it() -> None:
    assert list_granted_fields([Scope.MSMES], Purpose.PAYMENT, None) == []
    assert build_preview_document([Scope.MSMES], Purpose.PAYMENT, None) is None
    assert list_granted_fields([Scope.MSMES], CREDIT, None) != []


def test_fields_outside_the_partners_operations_are_not_shown() -> None:
    reads = {"Consenting.taxObjects", "TaxObject.region", "Region.name", "TaxObject.bills", "TaxBill.year", "Msme.id"}
    assert [each.coordinate for each in list_granted_fields(list(Scope), CREDIT, reads)] == [
        "Consenting.taxObjects",
        "TaxObject.region",
        "TaxObject.bills",
        "TaxBill.year",
    ]
    assert build_preview_document(list(Scope), CREDIT, reads) == (
        "query ConsentPreview {\n  me {\n    taxObjects {\n      region {\n        name\n      }\n"
        "      bills {\n        year\n      }\n    }\n  }\n}"
    )
    assert build_preview_document(list(Scope), CREDIT, set()) is None


def test_every_preview_is_a_valid_operation_within_limits() -> None:
    whole = build_preview_document(list(Scope), CREDIT, None)
    assert whole is not None
    assert validate(build_engine().schema, parse(whole)) == []


async def test_another_persons_request_looks_like_an_unknown_one() -> None:
    for caller, id_ in (("another citizen", REQUEST), ("the person", "b" * 32), ("the person", "no id\u0001")):
        response = await run(
            "query Look($id: ID!) { me { consentRequest(id: $id) { id } } }", {"id": id_}, caller=caller
        )
        assert (response.data, response.errors) == ({"me": {"consentRequest": None}}, [])


async def test_a_person_grants_the_chosen_scopes() -> None:
    city = SmallCity()
    query = f'mutation {{ grantConsent(request: "{REQUEST}", scopes: [TAX]) {{ returnTo consent {{ id }} }} }}'
    response = await run(query, caller="the person", city=city)
    assert response.data == {"grantConsent": {"returnTo": "https://b.example", "consent": {"id": CONSENT}}}
    assert city.consent_changes == [ConsentGrant(subject=SITI, request=REQUEST, scopes=frozenset({Scope.TAX}))]


@pytest.mark.parametrize("scopes", ["", "scopes: []", "scopes: null"])
async def test_granting_no_scope_is_refused(scopes: str) -> None:
    city = SmallCity()
    query = f'mutation {{ grantConsent(request: "{REQUEST}", {scopes}) {{ returnTo }} }}'
    response = await run(query, caller="the person", city=city)
    assert get_codes(response) == [("grantConsent", "BAD_USER_INPUT")]
    assert city.consent_changes == []


async def test_a_person_with_low_assurance_can_refuse_and_revoke_but_not_grant() -> None:
    unsure, city = replace(CALLERS["the person"], assurance=Assurance.LOW), SmallCity()
    granting = f'mutation {{ grantConsent(request: "{REQUEST}", scopes: [TAX]) {{ returnTo }} }}'
    response = await run(granting, caller=unsure, city=city)
    assert get_reasons(response) == [("grantConsent", "ASSURANCE_TOO_LOW")]
    assert city.consent_changes == []
    other = f"""mutation {{
        refuseConsent(request: "{REQUEST}") {{ returnTo }}
        revokeConsent(consent: "{CONSENT}") {{ state revokedAt }}
    }}"""
    response = await run(other, caller=unsure, city=city)
    assert response.errors == []
    assert city.consent_changes == [
        PersonalConsentKey(subject=SITI, id=REQUEST),
        PersonalConsentKey(subject=SITI, id=CONSENT),
    ]


async def test_a_person_under_18_cannot_consent_alone() -> None:
    child, city = replace(CALLERS["the person"], nik=AYU), SmallCity()
    query = f'mutation {{ grantConsent(request: "{REQUEST}", scopes: [TAX]) {{ returnTo }} }}'
    response = await run(query, caller=child, city=city)
    assert get_codes(response) == [("grantConsent", "CONSENT_NOT_OF_AGE")]
    assert (city.consent_changes, city.calls) == ([], [])


async def test_consenting_for_another_person_is_refused() -> None:
    assistant, city = replace(CALLERS["another citizen"], on_behalf_of=SITI), SmallCity()
    query = f'mutation {{ grantConsent(request: "{REQUEST}", scopes: [TAX]) {{ returnTo }} }}'
    response = await run(query, caller=assistant, city=city)
    assert response.data is None
    assert get_reasons(response) == [("", "NOT_YOURS")]
    assert city.consent_changes == []


async def test_consents_are_a_list_in_pages() -> None:
    query = (
        "{ me { consents(first: 1) { nodes { id state texts { language version text } } pageInfo { hasNextPage } } } }"
    )
    page = (await run_for_data(query, caller="the person"))["me"]["consents"]
    assert page["pageInfo"] == {"hasNextPage": True}
    [one] = page["nodes"]
    assert (one["id"], one["state"]) == (CONSENT, "GRANTED")
    assert [each["language"] for each in one["texts"]] == ["INDONESIAN", "ENGLISH"]
    assert "Bank Betawi" in one["texts"][0]["text"]
    for wrong in ("first: 0", 'after: "made up"'):
        response = await run(f"{{ me {{ consents({wrong}) {{ nodes {{ id }} }} }} }}", caller="the person")
        assert get_codes(response) == [("me.consents", "BAD_USER_INPUT")]


FOR_CHILD = f'mutation {{ grantConsent(request: "{REQUEST}", scopes: [TAX], child: "{AYU}") {{ returnTo }} }}'
TAKE_BACK = f'mutation {{ revokeConsent(consent: "{CONSENT}", child: "{AYU}") {{ state }} }}'


async def test_a_guardian_consents_for_a_child_and_revokes_it() -> None:
    city = SmallCity(ayu_born=NOW.date() - timedelta(days=3_700))
    for query in (FOR_CHILD, TAKE_BACK):
        assert (await run(query, caller="the person", city=city)).errors == []
    assert city.consent_changes == [
        ConsentGrant(subject=AYU, guardian=SITI, request=REQUEST, scopes=frozenset({Scope.TAX})),
        PersonalConsentKey(subject=AYU, id=CONSENT),
    ]


@pytest.mark.parametrize(("field", "query"), [("grantConsent", FOR_CHILD), ("revokeConsent", TAKE_BACK)])
async def test_nobody_else_answers_for_a_child(field: str, query: str) -> None:
    for caller, born in (("another citizen", timedelta(days=3_700)), ("the person", timedelta(days=9_000))):
        city = SmallCity(ayu_born=NOW.date() - born)
        response = await run(query, caller=caller, city=city)
        assert get_reasons(response) == [(field, "NOT_YOURS")], caller
        assert city.consent_changes == []


async def test_a_guardian_finds_the_children_and_their_consents() -> None:
    city = SmallCity(ayu_born=NOW.date() - timedelta(days=3_700))
    query = "{ me { children { nik name consents(first: 1) { nodes { partner byGuardian } } } } }"
    response = await run(query, caller="the person", city=city)
    assert response.errors == []
    [child] = (response.data or {})["me"]["children"]
    assert (child["nik"], [each["partner"] for each in child["consents"]["nodes"]]) == (AYU, ["Bank Betawi"])
    grown = SmallCity(ayu_born=NOW.date() - timedelta(days=9_000))
    assert (await run("{ me { children { nik } } }", caller="the person", city=grown)).data == {"me": {"children": []}}
