"""Searches of a FHIR server at the bytes: what is sent, pages, references, and resources that must not be used."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from connectors.declared.tables import NotDeclarableError
from connectors.resilience.breaker import BreakerState
from records.calls.failures import AgencyFailure, AgencyMalformed
from tests.connectors.declared.fhir.clinic import (
    BUDI,
    NIK_SYSTEM,
    OUTSIDE,
    SITI,
    ClinicPatient,
    ClinicServer,
    Dose,
    bundle,
    dose,
    entry,
    fhir,
    location,
    outcome,
    patient,
    run_clinic,
)
from tests.connectors.failures import make_call

SITIS = entry(patient("P1", SITI))
BUDIS = entry(patient("P2", BUDI))


async def ask_patients(clinic: ClinicServer, *niks: str) -> dict[str, Any]:
    return dict(await clinic.connector.patients(list(niks), make_call()))


async def ask_doses(clinic: ClinicServer, *ids: str) -> dict[str, Any]:
    return dict(await clinic.connector.doses_of(list(ids), make_call()))


async def get_detail(clinic: ClinicServer, *niks: str) -> str:
    """What the hub saw in a malformed reply."""
    with pytest.raises(AgencyMalformed) as failed:
        await ask_patients(clinic, *niks)
    return failed.value.detail


def is_missing_include(answers: dict[str, Any]) -> bool:
    """Whether the one patient failed because a location is not in the Bundle."""
    failure = answers["P1"]
    detail = "not readable as the Location of a reference, by `_include` (Dose.place)"
    return isinstance(failure, AgencyMalformed) and failure.detail == detail


async def test_people_are_asked_for_in_one_list_in_a_form_and_never_in_an_address() -> None:
    async with run_clinic(fhir(bundle(SITIS, BUDIS, total=2))) as clinic:
        assert await ask_patients(clinic, SITI, BUDI) == {
            SITI: ClinicPatient(id="P1", nik=SITI),
            BUDI: ClinicPatient(id="P2", nik=BUDI),
        }
        [asked] = clinic.asked
    assert (asked.method, asked.target) == ("POST", "/fhir/Patient/_search")
    assert asked.headers["accept"].startswith("application/fhir+json")
    assert asked.headers["prefer"] == "handling=strict"
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert clinic.read_form(0) == {"identifier": [f"{NIK_SYSTEM}|{SITI},{NIK_SYSTEM}|{BUDI}"], "_count": ["2"]}


async def test_nobody_found_is_a_bundle_without_entries() -> None:
    async with run_clinic(fhir(bundle(total=0))) as clinic:
        assert await ask_patients(clinic, SITI) == {}


async def test_keys_of_another_form_cost_no_call() -> None:
    async with run_clinic() as clinic:
        assert await ask_patients(clinic, f"{SITI},{BUDI}", "*", f"{SITI}|") == {}
        assert clinic.asked == []


@pytest.mark.parametrize(
    "rows",
    [
        [SITIS, BUDIS],
        [entry(patient("P9"))],
        [entry(patient("P1", SITI.replace("9001", "9876")))],
        [entry({"resourceType": "Patient", "id": "P1", "identifier": [{"system": "urn:other", "value": SITI}]})],
    ],
    ids=["everybody", "without a number", "another number", "another system"],
)
async def test_a_server_that_ignores_the_parameter_is_malformed_and_hands_on_nothing(
    rows: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with run_clinic(fhir(bundle(*rows))) as clinic:
        assert await get_detail(clinic, SITI) == "a resource for a key that was not requested"
        assert (clinic.gate.counts.mismatches, clinic.gate.breaker_state) == (1, BreakerState.OPEN)
    assert SITI not in caplog.text


async def test_one_patient_of_two_people_is_given_to_neither() -> None:
    async with run_clinic(fhir(bundle(entry(patient("P1", SITI, BUDI))))) as clinic:
        answers = await ask_patients(clinic, SITI, BUDI)
    assert {each.code for each in answers.values()} == {"AGENCY_MALFORMED"}


async def test_two_patients_of_one_person_are_a_failure_unless_one_replaced_the_other() -> None:
    merged = patient("P7", SITI, link=[{"other": {"reference": "Patient/P1"}, "type": "replaced-by"}])
    two = [fhir(bundle(SITIS, entry(patient("P7", SITI)))), fhir(bundle(SITIS, entry(merged), total=2))]
    async with run_clinic(*two) as clinic:
        [failure] = (await ask_patients(clinic, SITI)).values()
        assert isinstance(failure, AgencyMalformed)
        assert await ask_patients(clinic, SITI) == {SITI: ClinicPatient(id="P1", nik=SITI)}


class TestBundlePages:
    @pytest.mark.parametrize("link", ["{own}?_getpages=7&_o=2", f"{OUTSIDE}?_getpages=7&_o=2", "?_getpages=7&_o=2"])
    async def test_the_next_page_is_read_at_each_name_of_the_server(self, link: str) -> None:
        def first(_asked: object) -> bytes:
            return fhir(bundle(SITIS, total=2, link=link.replace("{own}", clinic.address)))

        async with run_clinic(first, fhir(bundle(BUDIS, total=2))) as clinic:
            assert set(await ask_patients(clinic, SITI, BUDI)) == {SITI, BUDI}
            assert [(each.method, each.target) for each in clinic.asked[1:]] == [("GET", "/fhir?_getpages=7&_o=2")]

    async def test_a_link_with_the_number_of_a_person_becomes_a_search_by_post(self) -> None:
        link = f"{OUTSIDE}/Patient?identifier={NIK_SYSTEM}%7C{SITI}%2C{NIK_SYSTEM}%7C{BUDI}&_page=2&_count=1"
        async with run_clinic(fhir(bundle(SITIS, link=link)), fhir(bundle(BUDIS))) as clinic:
            assert set(await ask_patients(clinic, SITI, BUDI)) == {SITI, BUDI}
            assert [each.target for each in clinic.asked] == ["/fhir/Patient/_search"] * 2
            assert clinic.read_form(1) == {
                "identifier": [f"{NIK_SYSTEM}|{SITI},{NIK_SYSTEM}|{BUDI}"],
                "_page": ["2"],
                "_count": ["1"],
            }

    @pytest.mark.parametrize(
        ("link", "problem"),
        [
            ("http://169.254.169.254/fhir?page=2", "a link to a page at the same origin"),
            ("https://fhir.example.evil/r4?page=2", "a link to a page at the same origin"),
            (f"{OUTSIDE}/pages/{SITI}", "a link without the number of a person"),
            (f"{OUTSIDE}/Other?identifier={SITI}", "a link without the number of a person"),
            (f"{OUTSIDE}?{'x' * 5_000}", "a link with at most 4000 characters"),
        ],
    )
    async def test_other_links_are_not_followed(self, link: str, problem: str) -> None:
        async with run_clinic(fhir(bundle(SITIS, link=link))) as clinic:
            assert await get_detail(clinic, SITI, BUDI) == f"not readable as {problem}"
            assert len(clinic.asked) == 1

    async def test_pages_without_an_end_are_malformed(self) -> None:
        same = fhir(bundle(SITIS, link="?page=2"))
        async with run_clinic(same, same) as clinic:
            assert await get_detail(clinic, SITI) == "a link to a page that was read already"
        pages = [fhir(bundle(SITIS, link=f"?page={number}")) for number in range(5)]
        async with run_clinic(*pages, changes={"patients": {"max_pages": 3}}) as clinic:
            assert await get_detail(clinic, SITI) == "a list of more than 3 pages"
            assert len(clinic.asked) == 3

    async def test_too_many_resources_are_malformed(self) -> None:
        pages = [fhir(bundle(entry(dose("1", "Patient/P1")), entry(dose("2", "Patient/P1")), link="?p=2"))]
        pages += [fhir(bundle(entry(dose("3", "Patient/P1"))))]
        async with run_clinic(*pages, changes={"doses_of": {"max_rows": 2}}) as clinic:
            with pytest.raises(AgencyMalformed, match="cannot read") as failed:
                await ask_doses(clinic, "P1")
            assert failed.value.detail == "a list of more than 2 resources"

    async def test_fewer_matches_than_the_total_are_malformed(self) -> None:
        async with run_clinic(fhir(bundle(SITIS, total=2))) as clinic:
            assert await get_detail(clinic, SITI, BUDI) == "a list of 2 resources: the pages hold 1"

    async def test_overlapping_pages_count_a_resource_once(self) -> None:
        first, second = entry(dose("1", "Patient/P1")), entry(dose("2", "Patient/P1"))
        pages = [fhir(bundle(first, second, link="?p=2")), fhir(bundle(second, entry(dose("3", "Patient/P1"))))]
        async with run_clinic(*pages) as clinic:
            [doses] = (await ask_doses(clinic, "P1")).values()
        assert [each.id for each in doses] == ["1", "2", "3"]


class TestReferences:
    @pytest.mark.parametrize(
        "reference", ["Patient/P1", f"{OUTSIDE}/Patient/P1", "Patient/P1/_history/3", "{own}/Patient/P1"]
    )
    async def test_a_patient_is_known_by_each_form_of_a_reference(self, reference: str) -> None:
        def only(_asked: object) -> bytes:
            return fhir(bundle(entry(dose("1", reference.replace("{own}", clinic.address)))))

        async with run_clinic(only) as clinic:
            assert await ask_doses(clinic, "P1") == {"P1": (Dose(id="1"),)}

    @pytest.mark.parametrize(
        "reference", ["https://other.example/fhir/Patient/P1", "Practitioner/P1", "#P1", "P1", "Patient/P10"]
    )
    async def test_a_resource_of_another_server_or_type_is_not_the_patient(self, reference: str) -> None:
        async with run_clinic(fhir(bundle(entry(dose("1", reference))))) as clinic:
            with pytest.raises(AgencyMalformed):
                await ask_doses(clinic, "P1")

    @pytest.mark.parametrize("mode", ["include", None])
    async def test_an_included_resource_is_no_row_and_answers_references(self, mode: str | None) -> None:
        at = {"location": {"reference": f"{OUTSIDE}/Location/L1"}}
        found = bundle(entry(dose("1", "Patient/P1", **at)), entry(location("L1", "Puskesmas"), mode), total=1)
        async with run_clinic(fhir(found)) as clinic:
            assert await ask_doses(clinic, "P1") == {"P1": (Dose(id="1", place="Puskesmas"),)}
        assert clinic.read_form(0)["_include"] == ["Immunization:location"]

    async def test_a_contained_resource_and_one_by_urn_answer_references(self) -> None:
        inside = dose("1", "Patient/P1", contained=[location("a", "Posyandu")], location={"reference": "#a"})
        by_urn = dose("2", "Patient/P1", location={"reference": "urn:uuid:7"})
        other = {"fullUrl": "urn:uuid:7", "resource": location("L7", "Klinik"), "search": {"mode": "include"}}
        async with run_clinic(fhir(bundle(entry(inside), entry(by_urn), other))) as clinic:
            [doses] = (await ask_doses(clinic, "P1")).values()
        assert [each.place for each in doses] == ["Posyandu", "Klinik"]

    async def test_a_resource_of_another_server_with_the_same_id_answers_no_relative_reference(self) -> None:
        near, far = dose("1", "Patient/P1", location={"reference": "Location/L1"}), "https://other.example/fhir"
        async with run_clinic(fhir(bundle(entry(near), entry(location("L1", "Lain"), "include", far)))) as clinic:
            assert is_missing_include(await ask_doses(clinic, "P1"))

    async def test_a_server_that_ignores_the_include_fails_the_record_and_leaves_no_place_empty(self) -> None:
        alone = dose("1", "Patient/P1", location={"reference": "Location/L1"})
        async with run_clinic(fhir(bundle(entry(alone)))) as clinic:
            assert is_missing_include(await ask_doses(clinic, "P1"))

    async def test_a_reference_to_a_type_that_the_path_does_not_want_needs_no_resource(self) -> None:
        practitioner = dose("1", "Patient/P1", location={"reference": "Practitioner/N1"})
        async with run_clinic(fhir(bundle(entry(practitioner)))) as clinic:
            assert await ask_doses(clinic, "P1") == {"P1": (Dose(id="1"),)}

    async def test_without_an_include_a_reference_to_a_resource_elsewhere_is_an_empty_place(self) -> None:
        alone = dose("1", "Patient/P1", location={"reference": "Location/L1"})
        changes = {"doses_of": {"parameters": {"patient": "{key}"}}}
        async with run_clinic(fhir(bundle(entry(alone))), changes=changes) as clinic:
            assert await ask_doses(clinic, "P1") == {"P1": (Dose(id="1"),)}


async def test_an_entry_made_in_error_is_left_out() -> None:
    wrong = dose("1", "Patient/P1", status="entered-in-error")
    async with run_clinic(fhir(bundle(entry(wrong), entry(dose("2", "Patient/P1")), total=2))) as clinic:
        assert await ask_doses(clinic, "P1") == {"P1": (Dose(id="2"),)}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1990", "1990"),
        ("1990-06", "1990-06"),
        ("1990-06-05", "1990-06-05"),
        ("2026-08-20T18:30:00Z", "2026-08-21"),
        ("2015-02-07T13:28:17.239+02:00", "2015-02-07"),
        (None, None),
    ],
)
async def test_a_date_is_as_exact_as_the_server_knows_it(written: str | None, read: str | None) -> None:
    more = {} if written is None else {"occurrenceDateTime": written}
    async with run_clinic(fhir(bundle(entry(dose("1", "Patient/P1", **more))))) as clinic:
        [[found]] = (await ask_doses(clinic, "P1")).values()
    assert found.given_on == read


@pytest.mark.parametrize("written", ["1990-13", "yesterday", "1990-6-5-1", 7.5, {"value": "1990"}])
async def test_a_date_that_is_none_fails_for_its_key_alone(written: object) -> None:
    broken, whole = dose("1", "Patient/P1", occurrenceDateTime=written), dose("2", "Patient/P2")
    changes = {"doses_of": {"many": "list"}}
    async with run_clinic(fhir(bundle(entry(broken), entry(whole))), changes=changes) as clinic:
        answers = await ask_doses(clinic, "P1", "P2")
    assert isinstance(answers["P1"], AgencyMalformed)
    assert "1990" not in answers["P1"].detail
    assert answers["P2"] == (Dose(id="2"),)


@pytest.mark.parametrize(
    "value",
    [
        {"resourceType": "Patient", "id": "P1"},
        {"resourceType": "Bundle", "type": "collection", "entry": []},
        {"resourceType": "Bundle", "type": "searchset", "entry": {}},
        {"resourceType": "Bundle", "type": "searchset", "entry": [{"fullUrl": "x"}]},
        {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": {"resourceType": "Patient"}}]},
        bundle(entry(patient("P1", SITI)), entry(location("L1", "x"), "match")),
        {**bundle(SITIS), "total": "1"},
        {**bundle(SITIS), "link": [{"relation": "next"}]},
        [],
        None,
    ],
)
async def test_anything_but_a_searchset_is_malformed_and_counts_at_the_breaker(value: object) -> None:
    async with run_clinic(fhir(value)) as clinic:
        await get_detail(clinic, SITI)
        assert clinic.gate.breaker_state is BreakerState.OPEN


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"patients": {"method": "GET"}}, "reads.patients.method: addresses stay in logs"),
        ({"patients": {"parameters": {"active": "true"}}}, "reads.patients.parameters: write {key} once"),
        ({"patients": {"parameters": {"identifier": "{nik}"}}}, "reads.patients.parameters.identifier: write {key}"),
        ({"patients": {"parameters": {"_count": "{key}"}}}, "'_count' is not a parameter"),
        ({"patients": {"key": "identifier.max()"}}, "a function that the hub does not know"),
        ({"patients": {"key": "a..b"}}, "is not a path"),
        ({"patients": {"key_type": "number"}}, "a search is for keys that are texts"),
    ],
)
async def test_a_search_that_cannot_be_sent_prevents_the_start(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(NotDeclarableError) as refused:
        async with run_clinic(changes=changes):
            pass
    assert problem in str(refused.value)


async def test_a_server_without_search_by_post_can_be_asked_by_get() -> None:
    async with run_clinic(
        fhir(bundle(entry(dose("1", "Patient/P1")))), changes={"doses_of": {"method": "GET"}}
    ) as clinic:
        assert await ask_doses(clinic, "P1") == {"P1": (Dose(id="1"),)}
        [asked] = clinic.asked
    assert (asked.method, asked.target) == (
        "GET",
        "/fhir/Immunization?patient=P1&_include=Immunization:location&_count=100",
    )


async def test_an_outcome_in_a_searchset_is_a_failure_only_if_it_is_an_error() -> None:
    noted = entry(outcome("not-supported", "warning"), "outcome")
    failed = entry(outcome("exception"), "outcome")
    async with run_clinic(fhir(bundle(SITIS, noted, total=1)), fhir(bundle(SITIS, failed))) as clinic:
        assert set(await ask_patients(clinic, SITI)) == {SITI}
        with pytest.raises(AgencyFailure) as failure:
            await ask_patients(clinic, SITI)
    assert (failure.value.code, failure.value.detail) == ("AGENCY_UNAVAILABLE", "OperationOutcome exception")
