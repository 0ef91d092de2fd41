"""A partner reads what a person consented to while the consent is in force, and nothing else."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from auth.caller import Caller, CallerKind
from auth.policy.rules import Rule
from records.hub.consenting import Match, Verification
from records.hub.consents import Consent
from records.hub.data_preferences import DataPreferences, Restriction
from records.identifiers import Nik
from records.purposes import Purpose, Scope
from schema.declarations.publishing import get_publication
from schema.types.consenting import ConsentingType, VerificationType
from schema.types.population import CitizenType
from tests.fakes.clients import build_client
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import AYU, BUDI, CONSENT, NOW, SITI, consent
from tests.schema.requests import get_codes, get_reasons, run

BANK = Caller(
    kind=CallerKind.PARTNER,
    client=build_client("bank"),
    scopes=frozenset(each.value for each in Scope),
    purpose=Purpose.CREDIT_ASSESSMENT.name,
    case="KPR/1",
)
OTHER = "d" * 32
LAND = f'{{ consented(consent: "{CONSENT}") {{ taxObjects {{ address }} }} }}'
CLAIMS = 'name: "PERSON 1", birthDate: "1990-06-05", birthPlace: "jakarta", motherName: "Ayah"'
WHO = f'{{ consented(consent: "{CONSENT}") {{ verify({CLAIMS}) {{ name birthDate birthPlace motherName }} }} }}'


def city_of(*consents: Consent, nik: Nik = SITI, restrictions: tuple[Restriction, ...] = ()) -> SmallCity:
    return SmallCity(preferences={nik: DataPreferences(consents=consents, restrictions=restrictions)})


async def test_a_partner_reads_the_granted_data_with_one_load_of_the_consent() -> None:
    city = city_of(consent())
    query = f"""{{ consented(consent: "{CONSENT}") {{
        consent {{ id client partner scopes purpose state revokedAt }}
        taxObjects {{ address bills {{ year payments {{ amount }} }} }}
    }} }}"""
    response = await run(query, caller=BANK, city=city)
    assert response.errors == []
    found = (response.data or {})["consented"]
    assert found["consent"] == {
        "id": CONSENT,
        "client": build_client("bank"),
        "partner": "Bank Betawi",
        "scopes": ["TAX", "IDENTITY"],
        "purpose": "CREDIT_ASSESSMENT",
        "state": "GRANTED",
        "revokedAt": None,
    }
    assert found["taxObjects"][0]["address"] == "JL KEBON SIRIH 1"
    assert [each.subject for each in response.reads] == [SITI]
    assert city.consent_queries == [(CONSENT,)]
    assert city.preference_queries == []


async def test_a_scope_that_was_not_granted_is_refused_without_any_agency_call() -> None:
    city = city_of(consent())
    query = f'{{ consented(consent: "{CONSENT}") {{ taxObjects {{ address }} msmes {{ name }} }} }}'
    response = await run(query, caller=BANK, city=city)
    assert (response.data or {})["consented"]["msmes"] is None
    assert get_reasons(response) == [("consented.msmes", "CONSENT_REQUIRED")]
    assert city.list_called_agencies() == {"pbb"}


async def test_two_consents_of_one_person_are_read_side_by_side() -> None:
    both = (consent(), consent(id=OTHER, scopes=(Scope.MSMES,)))
    query = f"""{{
        a: consented(consent: "{CONSENT}") {{ taxObjects {{ address }} }}
        b: consented(consent: "{OTHER}") {{ msmes {{ name }} }}
    }}"""
    response = await run(query, caller=BANK, city=city_of(*both))
    assert response.errors == []
    assert (response.data or {})["b"] == {"msmes": [{"name": "Warung Siti"}]}


async def test_a_wider_consent_does_not_widen_another() -> None:
    wider = consent(id=OTHER, scopes=tuple(Scope))
    narrow = consent(scopes=(Scope.IDENTITY,))
    for both in ((narrow, wider), (wider, narrow)):
        city = city_of(*both)
        response = await run(LAND, caller=BANK, city=city)
        assert response.data == {"consented": {"taxObjects": None}}
        assert get_reasons(response) == [("consented.taxObjects", "CONSENT_REQUIRED")]
        assert city.calls == []
    elsewhere = city_of(consent(purpose=Purpose.PAYMENT), consent(id=OTHER))
    assert get_reasons(await run(LAND, caller=BANK, city=elsewhere)) == [("consented", "CONSENT_REQUIRED")]


@pytest.mark.parametrize(
    ("city", "caller"),
    [
        (SmallCity(), BANK),
        (city_of(consent(client="another bank")), BANK),
        (city_of(consent()), replace(BANK, client=build_client("another bank"))),
        (city_of(consent(id=OTHER)), BANK),
        (city_of(consent(purpose=Purpose.PAYMENT)), BANK),
    ],
    ids=["no such consent", "another partner's", "asked by another partner", "another id", "another purpose"],
)
async def test_every_invalid_consent_gives_the_same_answer_without_any_agency_call(
    city: SmallCity, caller: Caller
) -> None:
    response = await run(LAND, caller=caller, city=city)
    assert response.data == {"consented": None}
    nothing = await run(LAND, caller=BANK, city=SmallCity())
    assert response.errors == nothing.errors
    assert get_reasons(response) == [("consented", "CONSENT_REQUIRED")]
    assert city.calls == []


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"purpose": None}, "PURPOSE_REQUIRED"),
        ({"case": None}, "CASE_REQUIRED"),
        ({"purpose": "TAX_ASSESSMENT"}, "PURPOSE_NOT_ALLOWED"),
    ],
)
async def test_a_partner_that_can_read_nothing_learns_nothing_about_the_consent(
    given: dict[str, Any], reason: str
) -> None:
    city = city_of(consent())
    response = await run(LAND, caller=replace(BANK, **given), city=city)
    assert response.data is None
    assert get_reasons(response) == [("", reason)]
    assert (city.calls, city.consent_queries) == ([], [])


async def test_a_token_without_the_scope_reads_only_the_consent_itself() -> None:
    city = city_of(consent())
    query = f'{{ consented(consent: "{CONSENT}") {{ consent {{ id }} taxObjects {{ address }} }} }}'
    response = await run(query, caller=replace(BANK, scopes=frozenset()), city=city)
    assert response.data == {"consented": {"consent": {"id": CONSENT}, "taxObjects": None}}
    assert get_reasons(response) == [("consented.taxObjects", "SCOPE_REQUIRED")]
    assert city.calls == []


async def test_a_restriction_goes_before_a_consent() -> None:
    city = city_of(consent(), restrictions=(Restriction(subject=SITI, number="HAK-1", purposes=(), since=NOW),))
    response = await run(LAND, caller=BANK, city=city)
    assert response.data == {"consented": None}
    assert get_reasons(response) == [("consented", "RESTRICTED")]
    assert city.calls == []


async def test_a_childs_data_is_neither_read_nor_compared_without_the_consent_of_a_guardian() -> None:
    for query in (LAND, WHO):
        city = city_of(consent(nik=AYU), nik=AYU)
        response = await run(query, caller=BANK, city=city)
        assert response.data == {"consented": None}
        assert get_reasons(response) == [("consented", "GUARDIAN_CONSENT_REQUIRED")]
        assert (city.calls, city.tries_left) == ([], 10)


PUPIL = f'{{ consented(consent: "{CONSENT}") {{ students {{ grade kjp {{ round balance }} }} }} }}'
TEACHER = replace(BANK, purpose=Purpose.EDUCATION.name)


async def test_a_partner_reads_about_a_child_what_a_guardian_granted() -> None:
    given = consent(nik=AYU, scopes=(Scope.EDUCATION,), purpose=Purpose.EDUCATION, by_guardian=True)
    response = await run(PUPIL, caller=TEACHER, city=city_of(given, nik=AYU))
    assert response.errors == []
    assert response.data == {
        "consented": {"students": [{"grade": 5, "kjp": [{"round": "2026-I", "balance": 250_000}]}]}
    }


async def test_a_partner_reads_the_vaccinations_of_a_child_with_the_consent_of_a_guardian_only() -> None:
    doctor = replace(BANK, purpose=Purpose.HEALTHCARE.name)
    query = f'{{ consented(consent: "{CONSENT}") {{ immunizations {{ vaccine }} }} }}'
    for by_guardian in (True, False):
        given = consent(nik=AYU, scopes=(Scope.IMMUNIZATIONS,), purpose=Purpose.HEALTHCARE, by_guardian=by_guardian)
        response = await run(query, caller=doctor, city=city_of(given, nik=AYU))
        codes = [reason for _, reason in get_reasons(response)]
        assert codes == ([] if by_guardian else ["GUARDIAN_CONSENT_REQUIRED"])


@pytest.mark.parametrize(
    "given",
    [
        consent(nik=AYU, scopes=(Scope.EDUCATION,), purpose=Purpose.EDUCATION),
        consent(nik=SITI, scopes=(Scope.EDUCATION,), purpose=Purpose.EDUCATION, by_guardian=True),
    ],
    ids=["of the child", "of a guardian for an adult"],
)
async def test_no_child_consents_and_no_guardian_consents_for_an_adult(given: Consent) -> None:
    city = city_of(given, nik=given.subject)
    response = await run(PUPIL, caller=TEACHER, city=city)
    assert response.data == {"consented": None}
    assert [reason for _, reason in get_reasons(response)] in (["GUARDIAN_CONSENT_REQUIRED"], ["CONSENT_REQUIRED"])
    assert city.calls == []


async def test_a_partner_learns_whether_its_claims_match_the_register() -> None:
    city = city_of(consent())
    response = await run(WHO, caller=BANK, city=city)
    assert response.errors == []
    assert (response.data or {})["consented"]["verify"] == {
        "name": "MATCH",
        "birthDate": "MATCH",
        "birthPlace": "MATCH",
        "motherName": "NO_MATCH",
    }
    [read] = response.reads
    assert (read.subject, read.agencies) == (SITI, ("dukcapil",))
    assert "Verification.motherName" in read.fields
    assert [(agency, question) for agency, question, _ in city.calls] == [("dukcapil", "facets")]


async def test_what_is_not_compared_is_not_read() -> None:
    city = city_of(consent())
    query = f'{{ consented(consent: "{CONSENT}") {{ verify(motherName: "Ibu") {{ name motherName }} }} }}'
    response = await run(query, caller=BANK, city=city)
    assert (response.data or {})["consented"]["verify"] == {"name": None, "motherName": "MATCH"}
    assert [sorted(each.__name__ for each in wanted) for wanted in city.wanted_facets] == [["Parentage"]]


async def test_over_the_daily_limit_nothing_is_compared_and_the_register_is_not_called() -> None:
    city = city_of(consent())
    city.tries_left = 0
    response = await run(WHO, caller=BANK, city=city)
    assert response.data == {"consented": {"verify": None}}
    assert get_codes(response) == [("consented.verify", "VERIFICATION_LIMIT")]
    assert city.calls == []


@pytest.mark.parametrize("arguments", ["name: null", 'name: "' + "x" * 201 + '"'], ids=["nothing", "too long"])
async def test_an_invalid_claim_is_refused_before_it_is_counted(arguments: str) -> None:
    city = city_of(consent())
    query = f'{{ consented(consent: "{CONSENT}") {{ verify({arguments}) {{ name }} }} }}'
    response = await run(query, caller=BANK, city=city)
    assert get_codes(response) == [("consented.verify", "BAD_USER_INPUT")]
    assert city.tries_left == 10


async def test_without_the_identity_scope_nothing_is_compared() -> None:
    city = city_of(consent(scopes=(Scope.TAX,)))
    response = await run(WHO, caller=BANK, city=city)
    assert get_reasons(response) == [("consented.verify", "CONSENT_REQUIRED")]
    assert (city.calls, city.tries_left) == ([], 10)


async def test_while_the_register_is_down_there_is_no_match_and_no_mismatch() -> None:
    city = city_of(consent())
    city.failing_agencies = {"dukcapil"}
    response = await run(WHO, caller=BANK, city=city)
    assert response.data == {"consented": {"verify": None}}
    assert get_codes(response) == [("consented.verify", "AGENCY_UNAVAILABLE")]


def test_a_comparison_returns_only_whether_there_is_a_match() -> None:
    """Comparisons are the partners' only access to the population register (UU 24/2013, article 79)."""
    shown = {each.python_name for each in VerificationType.__strawberry_definition__.fields}  # type: ignore[attr-defined]  # set by Strawberry
    assert shown == {each.name for each in fields(Verification)} - {"subject"}
    for name in shown:
        assert Verification.__annotations__[name].startswith("Annotated[Match | None,")
    assert {each.name for each in Match} == {"MATCH", "NO_MATCH", "UNKNOWN"}


def test_a_partner_and_the_person_reach_the_data_by_the_same_batches() -> None:
    """So the preview, which runs as the person, shows what the partner would read."""
    own = {each.python_name: each for each in CitizenType.__strawberry_definition__.fields}  # type: ignore[attr-defined]  # set by Strawberry
    partners = {each.python_name: each for each in ConsentingType.__strawberry_definition__.fields}  # type: ignore[attr-defined]  # same
    assert set(partners) == {"consent", "tax_objects", "msmes", "verify"}
    for name in ("tax_objects", "msmes"):
        assert partners[name].edge.batch is own[name].edge.batch
        assert partners[name].own_access.rules is Rule.PARTNER
        assert (
            partners[name].own_access.scope is get_publication(partners[name].type.of_type.of_type).guard.access.scope
        )


async def test_only_partners_can_query_by_a_consent() -> None:
    for caller in ("anonymous", "the person", "an official"):
        city = city_of(consent())
        response = await run(LAND, caller=caller, city=city)
        assert response.data is None
        assert (city.calls, city.consent_queries) == ([], [])


async def test_no_answer_contains_the_person_of_a_consent() -> None:
    response = await run(WHO, caller=BANK, city=city_of(consent(nik=BUDI), nik=BUDI))
    assert BUDI not in str(response.data)
