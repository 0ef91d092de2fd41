"""Proposed manifests: they start, and answer from their own samples."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest

from cli.agencies.onboarding.documents import read_csv, read_openapi, read_wsdl
from cli.agencies.onboarding.manifest_text import write_manifest
from cli.agencies.onboarding.proposals import Proposal, Proposer
from cli.agencies.onboarding.services import inspect_resource
from cli.agencies.onboarding.shapes import AgencyInterface
from cli.agencies.onboarding.synthetic_samples import write_samples
from cli.command_error import CommandError
from connectors.declared.connector import build_declared_connector
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.service import HttpLimits, HttpService
from records.calls.answers import Answers
from records.calls.call import Call
from records.identifiers import Nik, Rupiah
from records.record import record
from resolvers.tax import Tax
from sandbox.stand_ins.sources import CITY_VARIABLE
from settings.city.folder import DEFAULT_CITY
from tests.connectors.declared.tables import parse_tables
from tests.connectors.drivers.byte_server import reply, serve_bytes
from tests.connectors.failures import make_call
from tests.sandbox_agencies import RunningAgency, run_agency


@record
class KioskPermit:
    id: str
    owner: Nik
    name: str
    fee: Rupiah | None
    colour: str | None


@record
class KioskPermitQuery:
    search: str = ""


class KioskPermits(Protocol):
    """A domain that no agency has."""

    async def permits(self, ids: Sequence[str], call: Call) -> Answers[str, KioskPermit]:
        """KioskPermits by identifier."""

    async def permit_lists(
        self, queries: Sequence[KioskPermitQuery], call: Call
    ) -> Answers[KioskPermitQuery, Sequence[KioskPermit]]:
        """KioskPermits by name."""


PERMIT = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "pemilik": {"type": "object", "properties": {"nik": {"type": "string"}}},
        "nama": {"type": "string"},
        "fee": {"type": "number"},
        "lampiran": {"type": "array", "items": {"type": "string"}},
    },
}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.0",
    "servers": [{"url": "https://izin.example/v1"}],
    "components": {
        "schemas": {"Izin": PERMIT},
        "securitySchemes": {"kunci": {"type": "apiKey", "in": "header", "name": "X-Kunci"}},
    },
    "paths": {
        "/izin": {
            "get": {
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {
                                "schema": {
                                    "properties": {
                                        "data": {"type": "array", "items": {"$ref": "#/components/schemas/Izin"}}
                                    }
                                }
                            }
                        }
                    }
                }
            }
        },
        "/izin/{nomor}": {
            "parameters": [{"name": "nomor", "in": "path"}],
            "get": {
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Izin"}}}}
                }
            },
            "delete": {"responses": {}},
        },
    },
}


def write_document(folder: Path, document: object = DOCUMENT) -> Path:
    path = folder / "openapi.json"
    path.write_text(json.dumps(document))
    return path


@contextmanager
def serve(folder: Path, interface: AgencyInterface, proposal: Proposal) -> Iterator[tuple[RunningAgency, Any]]:
    """The stand-in of a proposal as it is written, and its manifest."""
    text = write_manifest("izin", "permits", interface, proposal)
    (folder / "agencies").mkdir()
    (folder / "agencies" / "izin.toml").write_text(text)
    (folder / "samples" / "izin").mkdir(parents=True)
    for name, sample in write_samples(interface, proposal).items():
        (folder / "samples" / "izin" / name).write_text(sample)
    with run_agency("izin", folder / "state", environment={CITY_VARIABLE: str(folder)}) as running:
        yield running, tomllib.loads(text)


async def test_a_manifest_from_openapi_answers_from_its_samples(tmp_path: Path) -> None:
    interface = read_openapi(write_document(tmp_path))
    proposal = Proposer(KioskPermits, interface).propose()
    (tmp_path / "state").mkdir()
    with serve(tmp_path, interface, proposal) as (running, manifest):
        assert manifest["stage"] == "draft"
        assert manifest["wire"]["credential"] == {"headers": {"X-Kunci": "${SIMPUL_IZIN_KEY}"}}
        service = HttpService("izin", f"http://127.0.0.1:{running.port}", headers={"X-Kunci": running.secret})
        http = HttpDriver(service, HttpLimits(deadline=5, connections=2, max_bytes=100_000))
        connector = build_declared_connector(
            KioskPermits,
            parse_tables("http", {key: manifest[key] for key in ("reads", "records", "probe")}),
            http,
            agency="izin",
        )
        found = await connector.permits(["2"], make_call())
        lists = await connector.permit_lists([KioskPermitQuery(search="nama 3")], make_call())
        await http.close()
    second = KioskPermit(id="2", owner=Nik("3171014506909002"), name="NAMA 2", fee=Rupiah(250_000), colour=None)
    assert found == {"2": second}
    assert [each.id for each in lists[KioskPermitQuery(search="nama 3")]] == ["3"]


def test_a_domain_with_personal_data_gets_a_contract_to_fill_in(tmp_path: Path) -> None:
    interface = read_openapi(write_document(tmp_path))
    text = write_manifest("izin", "permits", interface, Proposer(KioskPermits, interface).propose())
    assert "# [contract.assessment]\n" in text
    assert "# The agency has personal data: agree on a contract" in text


@pytest.mark.parametrize(
    ("scheme", "credential"),
    [
        ({"type": "apiKey", "in": "query", "name": "key"}, {"query": {"key": "${SIMPUL_IZIN_KEY}"}}),
        ({"type": "http", "scheme": "bearer"}, {"headers": {"Authorization": "Bearer ${SIMPUL_IZIN_KEY}"}}),
        (
            {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "https://a/token", "scopes": {"baca": ""}}}},
            {
                "oauth2": {
                    "token_url": "https://a/token",
                    "client_id": "${SIMPUL_IZIN_CLIENT}",
                    "client_secret": "${SIMPUL_IZIN_SECRET}",
                    "scope": "baca",
                }
            },
        ),
    ],
)
def test_the_credential_follows_from_the_security_scheme(
    tmp_path: Path, scheme: Mapping[str, Any], credential: Mapping[str, Any]
) -> None:
    components = {**DOCUMENT["components"], "securitySchemes": {"x": scheme}}
    interface = read_openapi(write_document(tmp_path, {**DOCUMENT, "components": components}))
    text = write_manifest("izin", "permits", interface, Proposer(KioskPermits, interface).propose())
    assert tomllib.loads(text)["wire"]["credential"] == credential


def test_a_csv_file_gives_columns_delimiter_and_encoding_and_no_value(tmp_path: Path) -> None:
    path = tmp_path / "izin.csv"
    path.write_bytes("ID;NIK;NAMA;BIAYA\n7;3171014506900001;WARUNG É RAHASIA;5000\n".encode("windows-1252"))
    interface = read_csv(path)
    proposal = Proposer(KioskPermits, interface).propose()
    text = write_manifest("izin", "permits", interface, proposal)
    manifest = tomllib.loads(text)
    assert manifest["snapshots"]["all"]["rows"] == {"file": "izin.csv", "delimiter": ";", "encoding": "windows-1252"}
    assert manifest["reads"] == {
        "permits": {"snapshot": "all", "key": "id"},
        "permit_lists": {"snapshot": "all"},
    }
    assert manifest["snapshots"]["all"]["remove_after"] == "7 d"  # a NIK is in it
    [open_point] = (each for each in proposal.open_points if each.startswith("reads."))
    assert open_point == "reads.permit_lists: a copy of personal data is found by one key only: ask the agency"
    assert manifest["records"]["KioskPermit"] == {"id": "ID", "owner": "NIK", "name": "NAMA", "fee": [], "colour": []}
    samples = write_samples(interface, proposal)
    assert [list(each) for each in json.loads(samples["all.json"])] == [["ID", "NIK", "NAMA", "BIAYA"]] * 3
    assert "RAHASIA" not in f"{text}{samples}"
    assert "3171014506900001" not in f"{text}{samples}"


async def test_a_portal_is_asked_for_columns_only() -> None:
    fields = [{"id": "_id", "type": "int"}, {"id": "nomor", "type": "int4"}, {"id": "nama", "type": "text"}]
    body = json.dumps({"success": True, "result": {"fields": fields, "records": []}}).encode()
    async with serve_bytes(reply(200, body)) as server:
        interface = await inspect_resource(f"{server.url}#wifi-1")
    [asked] = server.asked
    assert (asked.target, json.loads(asked.body)) == (
        "/api/3/action/datastore_search",
        {"resource_id": "wifi-1", "limit": 0},
    )
    [shape] = interface.shapes
    assert shape.columns == {"nomor": "number", "nama": "text"}
    reads = Proposer(KioskPermits, interface).propose().reads
    assert reads["permits"] == {"resource": "wifi-1", "key": "nomor", "key_type": "number"}


def test_a_wsdl_gives_operations_arguments_rows_and_samples_that_fit_it(tmp_path: Path) -> None:
    (tmp_path / "wsdl").mkdir()
    shutil.copy(DEFAULT_CITY / "wsdl" / "property_tax.wsdl", tmp_path / "wsdl")
    interface = read_wsdl(tmp_path / "wsdl" / "property_tax.wsdl")
    proposal = Proposer(Tax, interface).propose()
    (tmp_path / "state").mkdir()
    with serve(tmp_path, interface, proposal):  # the stand-in starts with samples that the WSDL describes only
        [name] = (tmp_path / "samples" / "izin").iterdir()
    assert [line.partition("=")[0] for line in json.loads(name.read_text())] == ["GetObjekByNik nik"] * 3
    assert proposal.reads["objects_of"] == {
        "operation": "GetObjekByNik",
        "arguments": {"nik": "{key}"},
        "rows": "objek",
    }


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ("openapi: 3.0.0", "is not an OpenAPI document in JSON"),
        ("{}", "has no paths"),
        ('{"paths": {"/x": {"post": {}}}}', "no GET operation returns JSON objects"),
    ],
)
def test_a_document_that_gives_nothing_is_named(tmp_path: Path, document: str, problem: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(document)
    with pytest.raises(CommandError, match=problem):
        read_openapi(path)


@pytest.mark.parametrize("content", [b"satu kolom\n1\n", b"a;a\n1;2\n"])
def test_a_file_without_named_columns_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(CommandError, match="does not name the columns"):
        read_csv(path)
