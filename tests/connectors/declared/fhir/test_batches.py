"""Batches of searches, and the outcomes that a FHIR server reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from connectors.resilience.breaker import BreakerState
from records.calls.failures import AgencyFailure, AgencyMalformed, AgencyRefused, AgencyUnavailable
from tests.connectors.declared.fhir.clinic import (
    SITI,
    ClinicServer,
    Dose,
    batch,
    bundle,
    dose,
    entry,
    fhir,
    outcome,
    part,
    run_clinic,
)
from tests.connectors.drivers.byte_server import reply
from tests.connectors.failures import assert_reveals_nothing, make_call

REFUSED, UNAVAILABLE, MALFORMED = AgencyRefused.code, AgencyUnavailable.code, AgencyMalformed.code


def found(id_: str, of: str) -> Mapping[str, Any]:
    return part("200 OK", bundle(entry(dose(id_, f"Patient/{of}")), total=1))


async def ask(clinic: ClinicServer, *ids: str) -> dict[str, Any]:
    return dict(await clinic.connector.doses_of(list(ids), make_call()))


async def get_failure(clinic: ClinicServer, *ids: str) -> AgencyFailure:
    with pytest.raises(AgencyFailure) as failed:
        await ask(clinic, *ids)
    assert_reveals_nothing(failed.value, SITI)
    return failed.value


async def test_several_keys_are_one_call_with_a_search_for_each() -> None:
    async with run_clinic(batch(found("1", "P1"), part("200", bundle(total=0)), found("3", "P3"))) as clinic:
        assert await ask(clinic, "P1", "P2", "P3") == {"P1": (Dose(id="1"),), "P3": (Dose(id="3"),)}
        [asked] = clinic.asked
    assert (asked.method, asked.target) == ("POST", "/fhir")
    assert asked.headers["content-type"] == "application/fhir+json"
    url = "Immunization?patient={}&_include=Immunization%3Alocation&_count=100"
    assert orjson.loads(asked.body) == {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [{"request": {"method": "GET", "url": url.format(each)}} for each in ("P1", "P2", "P3")],
    }


async def test_each_entry_of_a_batch_has_its_own_status() -> None:
    entries = [
        found("1", "P1"),
        part("429 Too Many Requests", outcome("throttled")),
        {"response": {"status": "500", "outcome": outcome("exception")}},
        part("404", outcome("not-found")),
        part("403 Forbidden", outcome("forbidden")),
        part("404"),
        found("7", "P1"),
        part("200 OK", outcome("transient", "fatal")),
    ]
    async with run_clinic(batch(*entries)) as clinic:
        answers = await ask(clinic, *(f"P{number}" for number in range(1, 9)))
        assert clinic.gate.breaker_state is BreakerState.CLOSED
    codes = {key: each.code for key, each in answers.items() if isinstance(each, AgencyFailure)}
    refused = dict.fromkeys(("P2", "P4", "P5", "P6"), REFUSED)
    assert codes == {**refused, "P3": UNAVAILABLE, "P7": MALFORMED, "P8": UNAVAILABLE}
    assert answers["P1"] == (Dose(id="1"),)
    assert answers["P2"].retry_after == 5.0


async def test_a_reply_may_leave_out_what_r4_lets_it_leave_out() -> None:
    """As Medplum writes them: entries with an outcome that says all is well, and no links, addresses or modes."""
    well = {"status": "200", "outcome": outcome("informational", "information")}
    searchset = {"resourceType": "Bundle", "type": "searchset"}
    matches = {**searchset, "entry": [{"resource": dose("1", "Patient/P1")}], "total": 1}
    entries = [{"response": well, "resource": matches}, {"response": well, "resource": {**searchset, "total": 0}}]
    async with run_clinic(batch(*entries)) as clinic:
        assert await ask(clinic, "P1", "P2") == {"P1": (Dose(id="1"),)}


async def test_the_pages_of_an_entry_are_read_as_those_of_a_search() -> None:
    first = part("200", bundle(entry(dose("1", "Patient/P1")), total=2, link="?_getpages=9"))
    pages = [batch(first, found("5", "P2")), fhir(bundle(entry(dose("2", "Patient/P1")), total=2))]
    async with run_clinic(*pages) as clinic:
        assert await ask(clinic, "P1", "P2") == {"P1": (Dose(id="1"), Dose(id="2")), "P2": (Dose(id="5"),)}
        assert clinic.asked[1].target == "/fhir?_getpages=9"


async def test_a_page_that_fails_is_the_failure_of_its_key() -> None:
    first = part("200", bundle(entry(dose("1", "Patient/P1")), link="?_getpages=9"))
    async with run_clinic(batch(first, found("5", "P2")), fhir(outcome("exception"), 503)) as clinic:
        answers = await ask(clinic, "P1", "P2")
    assert (answers["P1"].code, answers["P2"]) == (UNAVAILABLE, (Dose(id="5"),))


@pytest.mark.parametrize(
    ("reply_bytes", "code"),
    [
        (batch(found("1", "P2"), found("2", "P1")), MALFORMED),
        (batch(found("1", "P1")), MALFORMED),
        (batch(part("ok"), part("200")), MALFORMED),
        (batch(part("500"), part("500")), UNAVAILABLE),
        (batch(part("429"), part("429")), REFUSED),
        (fhir(bundle(total=0)), MALFORMED),
        (fhir(outcome("not-supported"), 405), REFUSED),
        (fhir(outcome("not-supported")), REFUSED),
    ],
    ids=["swapped", "too few", "no status", "all broken", "all throttled", "a searchset", "no batches", "an outcome"],
)
async def test_a_reply_that_is_no_batch_fails_for_all_keys(reply_bytes: bytes, code: str) -> None:
    async with run_clinic(reply_bytes) as clinic:
        assert (await get_failure(clinic, "P1", "P2")).code == code
        assert (clinic.gate.breaker_state is BreakerState.OPEN) == (code != REFUSED)


@pytest.mark.parametrize(
    ("status", "code", "expected", "detail"),
    [
        (400, "invalid", REFUSED, "HTTP 400 invalid"),
        (400, "business-rule", REFUSED, "HTTP 400 business-rule"),
        (422, "processing", REFUSED, "HTTP 422 processing"),
        (404, "not-supported", REFUSED, "HTTP 404 not-supported"),
        (404, "not-found", REFUSED, "HTTP 404 not-found"),
        (410, "deleted", REFUSED, "HTTP 410 deleted"),
        (400, "transient", UNAVAILABLE, "HTTP 400 transient"),
        (409, SITI, REFUSED, "HTTP 409"),
        (401, "login", REFUSED, "HTTP 401"),
        (403, "forbidden", REFUSED, "HTTP 403"),
        (500, "exception", UNAVAILABLE, "HTTP 500"),
        (200, "throttled", REFUSED, "OperationOutcome throttled"),
        (200, "timeout", UNAVAILABLE, "OperationOutcome timeout"),
        (200, "security", REFUSED, "OperationOutcome security"),
    ],
)
async def test_an_outcome_has_the_code_of_its_issue(status: int, code: str, expected: str, detail: str) -> None:
    async with run_clinic(fhir(outcome(code), status)) as clinic:
        failure = await get_failure(clinic, "P1")
        assert (failure.code, failure.detail) == (expected, detail)
        assert (clinic.gate.breaker_state is BreakerState.OPEN) == (expected == UNAVAILABLE)


async def test_a_server_that_is_busy_says_for_how_long() -> None:
    async with run_clinic(fhir(outcome("throttled"), 429, Retry_After="7")) as clinic:
        failure = await get_failure(clinic, "P1")
        assert (failure.code, failure.detail, failure.retry_after) == (REFUSED, "HTTP 429", 7.0)
        again = await get_failure(clinic, "P1")  # the gate pauses, without a call
        assert again.code == REFUSED
        assert len(clinic.asked) == 1


async def test_a_page_of_a_proxy_is_malformed() -> None:
    async with run_clinic(reply(200, b"<html>Service Unavailable</html>", Content_Type="text/html")) as clinic:
        assert (await get_failure(clinic, "P1")).code == MALFORMED
