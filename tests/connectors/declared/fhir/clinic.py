"""A domain that no agency has: the doses of patients of a clinic with a FHIR server, whose replies a test writes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qs

import orjson

from connectors.declared.connector import DeclaredConnector, build_declared_connector
from connectors.declared.driver_families import DRIVER_FAMILIES
from connectors.declared.driver_family import DriverParts
from connectors.drivers.long_work import LongWork
from connectors.resilience.agency_terms import AgencyTerms, BreakerEntry
from connectors.resilience.gate import Gate
from records.calls.answers import Answers
from records.calls.call import Call
from records.identifiers import Nik, PartialDate
from records.record import record
from settings.city.folder import DEFAULT_CITY
from tests.connectors.declared.tables import parse_tables
from tests.connectors.drivers.byte_server import ReceivedRequest, reply, serve_bytes

SITI, BUDI = Nik("3171014506909001"), Nik("3171021708889002")
NIK_SYSTEM = "https://fhir.kemkes.go.id/id/nik"
OUTSIDE = "https://fhir.example/r4"
"""An address that the server also gives itself."""


@record
class ClinicPatient:
    id: str
    nik: Nik


@record
class Dose:
    id: str
    given_on: PartialDate | None = None
    place: str | None = None


class Clinics(Protocol):
    """Doses of patients."""

    async def patients(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, ClinicPatient]:
        """The patient of each person."""

    async def doses_of(self, patients: Sequence[str], call: Call) -> Answers[str, Sequence[Dose]]:
        """The doses of each patient."""


TABLES: dict[str, Any] = {
    "reads": {
        "patients": {
            "resource": "Patient",
            "parameters": {"identifier": f"{NIK_SYSTEM}|{{key}}"},
            "key": f"identifier.where(system = '{NIK_SYSTEM}').value",
            "size": 2,
        },
        "doses_of": {
            "resource": "Immunization",
            "parameters": {"patient": "{key}", "_include": "Immunization:location"},
            "key": "patient.getReferenceKey(Patient)",
            "many": "batch",
            "max_pages": 3,
        },
    },
    "records": {
        "ClinicPatient": {"id": "id", "nik": f"identifier.where(system = '{NIK_SYSTEM}').value"},
        "Dose": {"id": "id", "given_on": "occurrenceDateTime", "place": "location.resolve().ofType(Location).name"},
    },
    "probe": {"read": "doses_of", "key": "P0"},
}


@dataclass
class ClinicServer:
    """Answers the requests in turn, and keeps them."""

    replies: list[bytes | Callable[[ReceivedRequest], bytes]]
    connector: DeclaredConnector = field(init=False)
    gate: Gate = field(init=False)
    address: str = ""
    asked: list[ReceivedRequest] = field(default_factory=list)

    def read_form(self, index: int) -> Mapping[str, list[str]]:
        """The form of a request."""
        return parse_qs(self.asked[index].body.decode(), keep_blank_values=True)

    async def answer(self, asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        self.asked.append(asked)
        given = self.replies[len(self.asked) - 1]
        writer.write(given if isinstance(given, bytes) else given(asked))


@asynccontextmanager
async def run_clinic(
    *replies: bytes | Callable[[ReceivedRequest], bytes], changes: Mapping[str, Mapping[str, Any]] | None = None
) -> AsyncIterator[ClinicServer]:
    """The connector of a server with these replies; `changes` are keys of reads that differ."""
    clinic = ClinicServer(list(replies))
    reads = {name: {**each, **(changes or {}).get(name, {})} for name, each in TABLES["reads"].items()}
    async with serve_bytes(clinic.answer) as server:
        family = DRIVER_FAMILIES["fhir"]
        clinic.address = f"{server.url}/fhir"
        wire = family.wire.model_validate({"driver": "fhir", "url": clinic.address, "bases": [OUTSIDE]})
        clinic.gate = Gate(
            "klinik", AgencyTerms(deadline=5, max_concurrency=4, breaker=BreakerEntry(failures=1, pause=10))
        )
        driver = family.build_driver(wire, DriverParts(gate=clinic.gate, work=LongWork(), city=DEFAULT_CITY))
        tables = parse_tables("fhir", {**TABLES, "reads": reads})
        clinic.connector = build_declared_connector(Clinics, tables, driver, agency="klinik")
        try:
            yield clinic
        finally:
            await driver.close()
            await clinic.gate.close()


def patient(id_: str, *niks: str, **more: object) -> dict[str, Any]:
    identifiers = [{"system": "https://fhir.kemkes.go.id/id/kk", "value": "3171010203149001"}]
    identifiers += [{"use": "official", "system": NIK_SYSTEM, "value": each} for each in niks]
    return {"resourceType": "Patient", "id": id_, "identifier": identifiers, **more}


def dose(id_: str, patient_reference: str, **more: object) -> dict[str, Any]:
    reference = {"reference": patient_reference}
    return {"resourceType": "Immunization", "id": id_, "status": "completed", "patient": reference, **more}


def location(id_: str, name: str) -> dict[str, Any]:
    return {"resourceType": "Location", "id": id_, "name": name}


def entry(resource: Mapping[str, Any], mode: str | None = "match", base: str | None = OUTSIDE) -> dict[str, Any]:
    url = {} if base is None else {"fullUrl": f"{base}/{resource['resourceType']}/{resource.get('id', '')}"}
    return {**url, "resource": resource, **({} if mode is None else {"search": {"mode": mode}})}


def bundle(*entries: Mapping[str, Any], total: int | None = None, link: str | None = None) -> dict[str, Any]:
    """A searchset; an empty one has no member `entry`, as R4 wants it."""
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        **({} if total is None else {"total": total}),
        "link": [{"relation": "self", "url": f"{OUTSIDE}/x"}, *([{"relation": "next", "url": link}] if link else [])],
        **({"entry": list(entries)} if entries else {}),
    }


def outcome(code: str, severity: str = "error") -> dict[str, Any]:
    issue = {"severity": severity, "code": code, "diagnostics": f"NIK {SITI} {code}"}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def batch(*entries: Mapping[str, Any]) -> bytes:
    return fhir({"resourceType": "Bundle", "type": "batch-response", "entry": list(entries)})


def part(status: str, resource: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """An entry of the reply to a batch."""
    return {"response": {"status": status}, **({} if resource is None else {"resource": resource})}


def fhir(value: object, status: int = 200, **headers: str) -> bytes:
    return reply(status, orjson.dumps(value), Content_Type="application/fhir+json;charset=utf-8", **headers)
