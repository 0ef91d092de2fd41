"""The property tax agency speaks SOAP 1.1 as `docs/agencies/pbb.md` says."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path

import pytest
import zeep
from lxml import etree

from sandbox.pbb.tax_roll import build_tax_roll, compute_fine, compute_tax
from sandbox.population.city_population import SAMPLES, build_population
from tests.sandbox.agency_requests import AgencyAnswer, ask, ask_soap, temporary_setting
from tests.sandbox_agencies import HOST, RunningAgency, run_agency

SITI, DEWI, AGUS = (SAMPLES[name].nik for name in ("siti", "dewi", "agus"))
SITIS_HOME = "317302000300300410"
NS = {
    "soap": "http://schemas.xmlsoap.org/soap/envelope/",
    "env": "http://www.w3.org/2003/05/soap-envelope",
    "pbb": "urn:bapenda-jakarta:pbb:v1",
    "op": "urn:bapenda-jakarta:sismiop:v1",
}
NOP_COLUMNS = ("KD_PROPINSI", "KD_DATI2", "KD_KECAMATAN", "KD_KELURAHAN", "KD_BLOK", "NO_URUT", "KD_JNS_OP")


@pytest.fixture
def quiet(pbb: RunningAgency) -> Iterator[RunningAgency]:
    """The agency with its counters at 0."""
    pbb.reset_calls()
    yield pbb
    pbb.set_mode("normal")


def texts(answer: AgencyAnswer, path: str) -> list[str | None]:
    return [found.text for found in etree.fromstring(answer.body).iterfind(path, NS)]


def code(answer: AgencyAnswer) -> list[str | None]:
    return texts(answer, ".//pbb:kode") + texts(answer, ".//pbb:keterangan")


def nop(row: etree._Element) -> str:
    return "".join(row.findtext(f"op:{column}", "", NS) for column in NOP_COLUMNS)


def test_the_wsdl_is_enough_for_a_soap_client(quiet: RunningAgency) -> None:
    client = zeep.Client(f"http://{HOST}:{quiet.port}/services/pbb?wsdl")  # type: ignore[no-untyped-call]  # zeep has no types
    element = client.get_element(f"{{{NS['pbb']}}}Otentikasi")  # type: ignore[no-untyped-call]  # zeep has no types
    header = element(pengguna=quiet.user, kata_sandi=quiet.secret)

    answer = client.service.GetObjekByNik(nik=SITI, _soapheaders={"otentikasi": header})

    assert (answer.kode, answer.keterangan) == ("00", "SUKSES")
    assert [tax_object.NM_KELURAHAN_OP for tax_object in answer.objek] == ["GAMBIR", "RAWAMANGUN"]
    assert [bill.NJOP_BNG_SPPT for bill in answer.objek[1].SPPT] == [None] * 6
    assert quiet.count_calls() == {"GetObjekByNik": 1}


def test_one_call_returns_every_object_of_a_nik_with_all_bills_and_payments(quiet: RunningAgency) -> None:
    answer = ask_soap(quiet, "GetObjekByNik", SITI)

    rows = etree.fromstring(answer.body).findall(".//pbb:objek", NS)
    assert [nop(row) for row in rows] == [SITIS_HOME, "317210000701102070"]
    assert [row.findtext("op:KD_KEMENDAGRI", "", NS) for row in rows] == ["31.71.01.1001", "31.75.02.1005"]
    years = [str(year) for year in range(2021, 2027)]
    assert [[bill.findtext("op:THN_PAJAK_SPPT", "", NS) for bill in row.findall("op:SPPT", NS)] for row in rows] == [
        years,
        years,
    ]


def test_siti_has_one_bill_to_pay_and_one_overdue(quiet: RunningAgency) -> None:
    answer = ask_soap(quiet, "GetObjekByNik", SITI)

    bills = etree.fromstring(answer.body).findall(".//op:SPPT", NS)
    unpaid = [bill for bill in bills if bill.findtext("op:STATUS_PEMBAYARAN_SPPT", "", NS) == "0"]
    assert [bill.findtext("op:TGL_JATUH_TEMPO_SPPT", "", NS) for bill in unpaid] == ["31-12-2026", "30-09-2025"]
    assert [bill.findall("op:PEMBAYARAN", NS) for bill in unpaid] == [[], []]


def test_dewi_has_paid_everything(quiet: RunningAgency) -> None:
    assert set(texts(ask_soap(quiet, "GetObjekByNik", DEWI), ".//op:STATUS_PEMBAYARAN_SPPT")) == {"1"}


def test_the_bills_of_a_nop_are_returned_without_the_owner(quiet: RunningAgency) -> None:
    printed = "31.73.020.003.003-0041.0"

    plain, with_marks = ask_soap(quiet, "GetTagihan", SITIS_HOME), ask_soap(quiet, "GetTagihan", printed)

    assert texts(plain, ".//op:PBB_YG_HARUS_DIBAYAR_SPPT") == [
        "1700850",
        "1752294",
        "1803738",
        "1855272",
        "1906716",
        "1958160",
    ]
    assert with_marks.body == plain.body
    assert quiet.count_calls() == {"GetTagihan": 2}


def test_the_body_is_latin_1_and_declared_so(quiet: RunningAgency) -> None:
    answer = ask_soap(quiet, "GetObjekByNik", SITI)

    assert answer.headers["content-type"] == "text/xml; charset=ISO-8859-1"
    assert answer.body.startswith(b"<?xml version='1.0' encoding='ISO-8859-1'?>")
    assert "JL. CAFÉ NO. 8".encode("latin-1") in answer.body


def test_an_unknown_day_is_the_first_of_january_1900(quiet: RunningAgency) -> None:
    assert texts(ask_soap(quiet, "GetTagihan", SITIS_HOME), ".//op:TGL_TERBIT_SPPT")[0] == "01-01-1900"


@pytest.mark.parametrize(
    ("operation", "value", "code_and_remark"),
    [
        ("GetObjekByNik", AGUS, ["14", "DATA TIDAK DITEMUKAN"]),
        ("GetObjekByNik", "3171", ["15", "NIK TIDAK VALID"]),
        ("GetObjekByNik", "", ["15", "NIK TIDAK VALID"]),
        ("GetTagihan", "1" * 18, ["14", "DATA TIDAK DITEMUKAN"]),
        ("GetTagihan", "1" * 17, ["15", "NOP TIDAK VALID"]),
    ],
)
def test_a_wrong_request_is_reported_inside_a_200(
    quiet: RunningAgency, operation: str, value: str, code_and_remark: list[str]
) -> None:
    answer = ask_soap(quiet, operation, value)

    assert answer.status == 200
    assert code(answer) == code_and_remark


def test_outside_its_hours_the_agency_answers_that_it_is_closed(quiet: RunningAgency) -> None:
    with temporary_setting(quiet, "/hours", {"open": False}, back={"open": True}):
        closed = ask_soap(quiet, "GetObjekByNik", SITI)

    assert (closed.status, code(closed)) == (200, ["68", "SISTEM SEDANG TUTUP"])
    assert code(ask_soap(quiet, "GetObjekByNik", SITI)) == ["00", "SUKSES"]


@pytest.mark.parametrize("secret", ["salah", "", "é"])
def test_a_wrong_password_is_a_client_fault_and_no_operation(quiet: RunningAgency, secret: str) -> None:
    answer = ask_soap(quiet, "GetObjekByNik", SITI, secret=secret)

    assert answer.status == 500
    assert texts(answer, ".//soap:Fault/faultcode") == ["soap:Client"]
    assert texts(answer, ".//detail/pbb:Kesalahan/pbb:kode") == ["401"]
    assert b"CAF" not in answer.body
    assert quiet.count_calls() == {"refused": 1}


def test_in_mode_refuse_the_right_password_is_wrong(quiet: RunningAgency) -> None:
    with quiet.in_mode("refuse"):
        assert texts(ask_soap(quiet, "GetObjekByNik", SITI), ".//faultcode") == ["soap:Client"]


def test_in_mode_error_it_answers_a_server_fault(quiet: RunningAgency) -> None:
    with quiet.in_mode("error"):
        answer = ask_soap(quiet, "GetTagihan", SITIS_HOME)

    assert answer.status == 500
    assert texts(answer, ".//soap:Fault/faultcode") == ["soap:Server"]
    assert texts(answer, ".//detail/pbb:Kesalahan/pbb:kode") == ["500"]


def test_in_mode_rubbish_the_xml_is_truncated(quiet: RunningAgency) -> None:
    with quiet.in_mode("rubbish"):
        answer = ask_soap(quiet, "GetObjekByNik", SITI)

    assert answer.status == 200
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(answer.body)


def test_a_stop_signal_during_a_held_answer_ends_the_agency_in_order_and_silently(tmp_path: Path) -> None:
    with run_agency("pbb", tmp_path) as pbb, ThreadPoolExecutor() as elsewhere:
        pbb.set_mode("slow")
        waiting = elsewhere.submit(ask_soap, pbb, "GetTagihan", SITIS_HOME)
        until = time.monotonic() + 10
        while pbb.count_calls() != {"GetTagihan": 1} and time.monotonic() < until:
            time.sleep(0.01)
        assert not waiting.done()

        assert pbb.stop() == 0
        assert waiting.result().status == 200
    assert (tmp_path / "pbb.stderr").read_text() == ""


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<s:Envelope",
        b"<html/>",
        b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body/></s:Envelope>',
        b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><x/></s:Body></s:Envelope>',
        b"<a>" + b"x" * 70_000 + b"</a>",
    ],
    ids=["nothing", "not XML", "no envelope", "no operation", "foreign operation", "too long"],
)
def test_an_unreadable_request_is_answered_with_a_fault_in_soap_1_2_form(quiet: RunningAgency, body: bytes) -> None:
    answer = ask(quiet, "POST", "/services/pbb", body=body)

    assert answer.status == 500
    assert texts(answer, "soap:Body/soap:Fault/env:Code/env:Value") == ["env:Sender"]
    assert quiet.count_calls() == {}


def test_external_entities_are_not_resolved(quiet: RunningAgency) -> None:
    body = soap_with_entity(quiet.user, quiet.secret)

    answer = ask(quiet, "POST", "/services/pbb", body=body)

    assert b"root:" not in answer.body
    assert code(answer) == ["15", "NIK TIDAK VALID"]


def soap_with_entity(user: str, secret: str) -> bytes:
    return f"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:p="urn:bapenda-jakarta:pbb:v1"><s:Header>
<p:Otentikasi><p:pengguna>{user}</p:pengguna><p:kata_sandi>{secret}</p:kata_sandi></p:Otentikasi></s:Header>
<s:Body><p:GetObjekByNik><p:nik>&e;</p:nik></p:GetObjekByNik></s:Body></s:Envelope>""".encode()


def test_every_bill_adds_up() -> None:
    roll = build_tax_roll(build_population())

    bills = [bill for tax_object in roll.by_nop.values() for bill in tax_object.bills]
    assert len(bills) == 6 * len(roll.by_nop)
    for bill in bills:
        assert bill.tax == compute_tax(bill.value)
        valid = [payment for payment in bill.payments if not payment.cancelled]
        assert bill.paid == (bool(valid) or bill.payable == 0)
        for payment in valid:
            assert payment.paid_on is not None
            assert payment.amount == bill.payable + compute_fine(bill.payable, bill.due_on, payment.paid_on)


def test_every_object_has_a_unique_nop_and_an_owner_in_the_city() -> None:
    city, roll = build_population(), build_tax_roll(build_population())

    tax_objects = [one for objects in roll.by_nik.values() for one in objects]
    assert len(tax_objects) == len(roll.by_nop) == 405
    assert {one.owner_nik for one in tax_objects} <= set(city.by_nik)
    assert all(len(number) == 18 for number in roll.by_nop)


def test_the_city_part_of_a_nop_follows_bps() -> None:
    cities = {
        (tax_object.village.code[:5], tax_object.nop.city)
        for tax_object in build_tax_roll(build_population()).by_nop.values()
    }

    assert cities <= {
        ("31.01", "01"),
        ("31.71", "73"),
        ("31.72", "75"),
        ("31.73", "74"),
        ("31.74", "71"),
        ("31.75", "72"),
    }
    assert len(cities) >= 5


@pytest.mark.parametrize(
    ("value", "tax"),
    [(15_000_000, 0), (100_000_000, 8_500), (200_000_000, 185_000), (2_000_000_000, 3_970_000), (10**10, 29_955_000)],
)
def test_the_rate_depends_on_the_value_and_the_first_15_million_are_free(value: int, tax: int) -> None:
    assert compute_tax(value) == tax


@pytest.mark.parametrize(
    ("paid", "fine"),
    [
        ("2025-09-30", 0),
        ("2025-10-01", 10_000),
        ("2025-10-30", 10_000),
        ("2025-10-31", 20_000),
        ("2030-01-01", 240_000),
    ],
)
def test_a_fine_grows_by_one_per_cent_a_month_begun_up_to_24(paid: str, fine: int) -> None:
    assert compute_fine(1_000_000, date(2025, 9, 30), datetime.fromisoformat(paid).date()) == fine


def test_before_2024_a_fine_was_two_per_cent_a_month() -> None:
    assert compute_fine(1_000_000, date(2023, 9, 30), date(2023, 11, 1)) == 40_000
