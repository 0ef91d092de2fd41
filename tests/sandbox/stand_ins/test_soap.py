"""A SOAP stand-in for clients that are not the hub: it answers by the WSDL, and refuses what the WSDL does not have."""

from __future__ import annotations

import http.client
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import zeep
from lxml import etree
from zeep.wsse.username import UsernameToken

from sandbox.agency import CannotStartError
from sandbox.stand_ins.soap_replies import SoapReplies
from sandbox.stand_ins.soap_wsdl import SoapDescription
from sandbox.stand_ins.sources import CITY_VARIABLE, StandInSource
from tests.connectors.agencies.sample_cases import TEST_CITIES
from tests.sandbox_agencies import HOST, RunningAgency, run_agency

CITY = TEST_CITIES / "muara"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"
CLIENT: Any = zeep.Client
TOKEN: Any = UsernameToken


@pytest.fixture(scope="module")
def umkm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAgency]:
    environment = {CITY_VARIABLE: str(CITY)}
    with run_agency("umkm", tmp_path_factory.mktemp("umkm"), environment=environment) as running:
        yield running


def open_service(umkm: RunningAgency, password: str) -> Any:  # noqa: ANN401 - zeep has no types
    """zeep as a client, which writes and reads by the same WSDL."""
    stamp = TOKEN(umkm.user, password, use_digest=True, timestamp_token=_build_stamp(), zulu_timestamp=True)
    client = CLIENT(str(CITY / "wsdl" / "umkm.wsdl"), wsse=stamp)
    return client.create_service("{urn:umkm}UmkmBinding", f"http://{HOST}:{umkm.port}/")


def _build_stamp() -> etree._Element:
    wsu = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
    stamp = etree.Element(f"{{{wsu}}}Timestamp")
    for name, moment in (("Created", datetime.now(UTC)), ("Expires", datetime.now(UTC) + timedelta(seconds=60))):
        etree.SubElement(stamp, f"{{{wsu}}}{name}").text = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return stamp


def test_a_client_of_another_make_reads_types_nulls_and_text(umkm: RunningAgency) -> None:
    found = open_service(umkm, umkm.secret).UsahaByNomor(daftar={"nomor": [2, 1]})
    assert [(each.nomor, each.nama, each.omzet, each.telepon) for each in found] == [
        (1, "Warung Melati", 1234567, "0812-0000-9001"),
        (2, "Katering <Melati> & Anak", None, None),
    ]
    assert umkm.count_calls()["UsahaByNomor"] >= 1


def test_a_fault_of_the_samples_has_its_code_and_detail(umkm: RunningAgency) -> None:
    with pytest.raises(zeep.exceptions.Fault) as fault:
        open_service(umkm, umkm.secret).UsahaByNik(nik="3171010101709007")
    assert (fault.value.code, fault.value.subcodes, fault.value.message) == (
        "soap:Receiver",
        [etree.QName("Basis")],
        "Basis data mati",
    )
    assert fault.value.detail.findtext("{urn:umkm}Galat/{urn:umkm}kode") == "91"


def test_a_wrong_password_is_refused(umkm: RunningAgency) -> None:
    with pytest.raises(zeep.exceptions.Fault, match="not allowed"):
        open_service(umkm, "salah").UsahaByNik(nik="3171014506909001")


def ask(umkm: RunningAgency, body: str, *, action: str = "urn:umkm#UsahaByNik", version: str = SOAP_12) -> str:
    """The reason of the fault that an envelope with this body gets."""
    envelope = f'<s:Envelope xmlns:s="{version}" xmlns:u="urn:umkm"><s:Body>{body}</s:Body></s:Envelope>'
    headers = {"Content-Type": f'application/soap+xml; charset=utf-8; action="{action}"'}
    with closing(http.client.HTTPConnection(HOST, umkm.port, timeout=5)) as connection:
        connection.request("POST", "/", envelope.encode(), headers)
        answer = connection.getresponse()
        assert answer.status == 400
        return etree.fromstring(answer.read()).findtext(f".//{{{SOAP_12}}}Text") or ""


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("<u:Hapus/>", "the body holds no operation of the WSDL"),
        ("<u:UsahaByNik/><u:UsahaByNik/>", "the body holds no operation of the WSDL"),
        ("<u:UsahaByNik><u:nama>x</u:nama></u:UsahaByNik>", "'{urn:umkm}UsahaByNik' has no element '{urn:umkm}nama'"),
        ("<u:UsahaByNik><nik>1</nik></u:UsahaByNik>", "'{urn:umkm}UsahaByNik' has no element 'nik'"),
        ("<u:UsahaByNik><u:nik>1</u:nik><u:nik>2</u:nik></u:UsahaByNik>", "'{urn:umkm}nik' does not repeat"),
        ("<u:UsahaByNik><u:nik><x/></u:nik></u:UsahaByNik>", "'{urn:umkm}nik' holds a text, and no elements"),
        ("<u:UsahaByNik/>", "'{urn:umkm}UsahaByNik' lacks the element 'nik'"),
        ("<u:UsahaByNik><u:nik>1</u:nik></u:UsahaByNik>", "not allowed"),
    ],
)
def test_a_request_that_the_wsdl_does_not_describe_is_a_fault_of_the_client(
    umkm: RunningAgency, body: str, problem: str
) -> None:
    assert ask(umkm, body) == problem


def test_another_action_version_or_document_is_a_fault_of_the_client(umkm: RunningAgency) -> None:
    body = "<u:UsahaByNik><u:nik>1</u:nik></u:UsahaByNik>"
    assert ask(umkm, body, action="urn:umkm#Hapus") == "the action is not 'urn:umkm#UsahaByNik'"
    assert ask(umkm, body, version="http://schemas.xmlsoap.org/soap/envelope/") == "this is no envelope of SOAP 1.2"
    assert ask(umkm, "<u:UsahaByNik>").startswith("Opening and ending tag mismatch")


@pytest.mark.parametrize(
    ("replies", "problem"),
    [
        ({"Hapus x=1": {}}, "no operation has this name; there are UsahaByNomor, UsahaByNik, ProdukByUsaha"),
        ({"UsahaByNik nik=1": {"umkm": []}}, "'{urn:umkm}UsahaByNikJawaban' has no element 'umkm'; it has usaha"),
        ({"UsahaByNik nik=1": {"usaha": {}}}, "'usaha' of '{urn:umkm}UsahaByNikJawaban' repeats: write a list"),
        ({"UsahaByNik nik=1": {"usaha": [{"nomor": 1}]}}, "'{urn:umkm}usaha' lacks the element 'nik'"),
        ({"UsahaByNik nik=1": {"usaha": ["x"]}}, "'{urn:umkm}usaha' holds elements: write a table with nomor, nik, "),
        ({"UsahaByNik nik=1": {"usaha": [{"nomor": None}]}}, "'{urn:umkm}nomor' cannot be null; leave it out"),
        (
            {"UsahaByNik *": {"soap:Fault": {"code": "Server", "detail": {"X": {}}}}},
            "no element of the WSDL is called 'X'",
        ),
    ],
)
def test_samples_that_the_wsdl_does_not_describe_are_named(tmp_path: Path, replies: object, problem: str) -> None:
    city = tmp_path / "muara"
    shutil.copytree(CITY, city)
    (city / "samples" / "umkm" / "replies.json").write_text(json.dumps(replies))
    [line] = replies if isinstance(replies, dict) else []
    expected = f"replies.json of umkm: '{line}': {problem}"
    with pytest.raises(CannotStartError, match=f"^{re.escape(expected)}"):
        SoapReplies(StandInSource(city, "umkm"), SoapDescription([city / "wsdl" / "umkm.wsdl"], "1.2"))
