"""`simpul agencies record`: samples of the form of real replies, in which no live value survives."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from auth.caller import CallerKind
from cli.agencies.recording import Recording, record_samples
from cli.agencies.trial import AgencyTrial
from cli.command_error import CommandError
from records.calls.failures import AgencyFailure
from records.calls.subject_reads import RequestInfo, SubjectRead
from sandbox.stand_ins.sources import StandInSource
from settings.city.folder import DEFAULT_CITY
from tests.cli.command_line import ServeProcess, run_simpul
from tests.connectors.agencies.agency_servers import AgencyServer, run_agency_server
from tests.connectors.agencies.sample_cases import TEST_CITIES, find_reads, to_plain
from tests.connectors.failures import make_call

SITI = "3171014506909001"
HTTP_MANIFEST = """
name = { en = "small business office", id = "Dinas UMKM" }
stage = "live"
domain = "msmes"
lacks = ["catalogue_lists"]

[wire]
driver = "http"
url = "${SIMPUL_USAHA_URL}"

[contract]
steward = "Dinas UMKM"
purposes = ["BUSINESS_SUPPORT"]
retention = "The hub keeps nothing of it."

[contract.assessment]
id = "DPIA-0"
decided_on = 2026-09-21
decided_by = "Pejabat"
review_by = 2126-09-20
residual_risk = "low"
classes = ["PERSONAL", "FINANCE"]

[trouble]
code = "status.kode"
success = "2\\\\d\\\\d"

[reads.msmes_of]
path = "v1/usaha/cari"
form = { nik = "{key}", buka = "ya" }
rows = "hasil.usaha"
key = "pemilik.nik"
key_pattern = "[0-9]{16}"

[reads.msmes]
path = "v1/usaha"
body = { nomor = "{keys}", kolom = "{columns}" }
rows = "hasil.usaha"
key = "nomor"
key_type = "number"

[reads.products_of]
path = "v1/usaha/{key}/produk"
query = { halaman = "1", urut = "1", sesudah = "{cursor}" }
rows = "hasil"
key_pattern = "[0-9]{1,6}"
paging = { by = "cursor", at = "lanjut" }

[records.Msme]
id = "nomor"
owner = "pemilik.nik"
nib = "nib"
name = "nama"
industry_code = "kbli"
region_code = "wilayah"

grade = "nilai"
monthly_revenue = "omzet"
registered_on = "tanggal"
phone = { from = "telepon", read = "phone" }
address = "alamat"

[records.Msme.stage]
from = "tahap"
unknown = "null"
values = { daftar = "P1_REGISTRATION", latih = "P3_TRAINING", modal = "P7_CAPITAL" }

[records.Product]
id = "nomor"
msme_id = "usaha"
owner = "nik"
name = "nama"
price = "harga"
in_public_catalogue = { from = "terbuka", values = { true = true, false = false } }

[probe]
read = "msmes"
key = "1"
"""
USAHA = [
    {
        "nomor": 4711, "pemilik": {"nik": SITI, "surel": "siti.rahma@example.id"}, "nib": "9120001234561",
        "nama": "Warung Siti", "kbli": "01079", "wilayah": "31.71.01", "tahap": "daftar", "nilai": "B",
        "omzet": 12345678, "tanggal": "05-06-2021", "telepon": "+62 812-3456-7001", "alamat": "Jl. Melati 5A",
        "catatan": "Tetangga Bu Rina, lunas", "disetujui": "2021-06-07T10:11:12+07:00",
    },
    {
        "nomor": 4712, "pemilik": {"nik": SITI, "surel": None}, "nib": None, "nama": "Katering Siti", "kbli": None,
        "wilayah": None, "tahap": "lain", "nilai": "", "omzet": 0, "tanggal": None, "telepon": None, "alamat": None,
        "catatan": "-", "disetujui": None,
    },
]  # fmt: skip
PRODUK = [
    {"nomor": 1, "usaha": 1, "nik": SITI, "nama": "Nasi Uduk", "harga": 15000, "terbuka": "true"},
    {"nomor": 2, "usaha": 1, "nik": SITI, "nama": "Es Teh", "harga": None, "terbuka": "false"},
]
HTTP_SAMPLES = {
    f"POST v1/usaha/cari buka=ya&nik={SITI}": {
        "status": {"kode": 200, "pesan": "untuk Siti"},
        "hasil": {"usaha": USAHA},
    },
    "GET v1/usaha/1/produk?halaman=1&urut=1": {
        "status": {"kode": 200},
        "hasil": PRODUK[:1],
        "lanjut": "sesudah-nasi-uduk",
    },
    "GET v1/usaha/1/produk?halaman=1&sesudah=sesudah-nasi-uduk&urut=1": {
        "status": {"kode": 200},
        "hasil": PRODUK[1:],
        "lanjut": None,
    },
    'POST v1/usaha {"kolom": ["alamat", "kbli", "nama", "nib", "nilai", "nomor", "omzet", "pemilik", "tahap",'
    ' "tanggal", "telepon", "wilayah"], "nomor": "{keys}"}': {"status": {"kode": 200}, "hasil": {"usaha": USAHA}},
}


@dataclass(frozen=True)
class LiveAgency:
    """An agency whose replies are known, and a read of it."""

    city: Path
    code: str
    read: str
    key: str
    hidden: tuple[str, ...] = ()
    """Personal values and free texts of its reply, as the agency writes them."""


@asynccontextmanager
async def run_live(live: LiveAgency, folder: Path) -> AsyncIterator[AgencyServer]:
    folder.mkdir()  # noqa: ASYNC240 - of a test
    with run_agency_server(StandInSource(live.city, live.code), folder) as server:
        yield server


async def record(
    server: AgencyServer, read: str, key: str, city: Path
) -> tuple[Recording, list[tuple[RequestInfo, Sequence[SubjectRead]]]]:
    recorded: list[tuple[RequestInfo, Sequence[SubjectRead]]] = []

    async def keep(request: RequestInfo, reads: Sequence[SubjectRead]) -> None:
        recorded.append((request, reads))

    manifest = server.load_manifest()
    contract = manifest.manifest.contract
    purpose = None if contract is None else contract.purposes[0].name
    trial = AgencyTrial(manifest=manifest, read=read, key=key, by="Rina", purpose=purpose)
    return await record_samples(trial, city, keep), recorded


def write_city(live: LiveAgency, folder: Path, files: Mapping[str, str]) -> Path:
    """A city with the recorded samples only."""
    city = folder
    (city / "agencies").mkdir(parents=True)
    (city / "samples" / live.code).mkdir(parents=True)
    shutil.copy(live.city / "agencies" / f"{live.code}.toml", city / "agencies")
    if (live.city / "wsdl").exists():
        shutil.copytree(live.city / "wsdl", city / "wsdl")
    for name, text in files.items():
        (city / "samples" / live.code / name).write_text(text)
    return city


@pytest.fixture
def http_city(tmp_path: Path) -> Path:
    city = tmp_path / "hidup"
    (city / "agencies").mkdir(parents=True)
    (city / "samples" / "usaha").mkdir(parents=True)
    (city / "agencies" / "usaha.toml").write_text(HTTP_MANIFEST)
    (city / "samples" / "usaha" / "replies.json").write_text(json.dumps(HTTP_SAMPLES))
    return city


def list_live(tmp: Path) -> list[LiveAgency]:
    muara, usaha = TEST_CITIES / "muara", tmp / "hidup"
    msme = (SITI, "WARUNG BU SITI", "KATERING", "KRAMAT", "220000123456", "1.234.567", "05/06/2021", "3456-9001")
    bill = (SITI, "SITI RAHMAWATI", "KRAMAT", "CIDENG", "421200", "429624", "BKT-0002", "11-11-2025", "30-09-2025")
    soap = (SITI, "Warung Melati", "Katering", "Muara No", "9120001234561", "1234567", "2021-06-05", "0812-0000-9001")
    json_ = (SITI, "Warung Siti", "Katering", "Melati", "9120001234561", "12345678", "05-06-2021", "3456-7001", "Rina")
    return [
        LiveAgency(DEFAULT_CITY, "jakpreneur", "msmes_of", SITI, msme),
        LiveAgency(DEFAULT_CITY, "jakpreneur", "products_of", "1", (SITI, "NASI UDUK", "ES TEH", "Bubur", "15.000")),
        LiveAgency(DEFAULT_CITY, "pbb", "objects_of", SITI, bill),
        LiveAgency(muara, "umkm", "msmes_of", SITI, soap),
        LiveAgency(muara, "umkm", "msmes", "1", soap[:2]),
        LiveAgency(muara, "umkm", "products_of", "1", (SITI, "Nasi Uduk", "Es Teh", "15000")),
        LiveAgency(usaha, "usaha", "msmes_of", SITI, (*json_, "siti.rahma", "untuk Siti", "2021-06-07T10:11:12")),
        LiveAgency(usaha, "usaha", "products_of", "1", (SITI, "Nasi Uduk", "Es Teh", "15000", "sesudah-nasi-uduk")),
        LiveAgency(usaha, "usaha", "msmes", "4711", (*json_, "4711", "siti.rahma")),
    ]


NAMES = [f"{each.code}-{each.read}" for each in list_live(Path())]


@pytest.mark.parametrize("name", NAMES)
async def test_no_live_value_survives_and_the_samples_answer_like_the_agency(
    name: str, tmp_path: Path, http_city: Path
) -> None:
    del http_city
    [live] = [each for each in list_live(tmp_path) if f"{each.code}-{each.read}" == name]
    empty = write_city(live, tmp_path / "kosong", {})
    async with run_live(live, tmp_path / "asli") as server:
        recording, _ = await record(server, live.read, live.key, empty)
        answer = await ask(server, live.read, live.key)
    original = "".join(each.read_text() for each in (live.city / "samples" / live.code).glob("*.json"))
    written = "".join(recording.files.values())
    assert [each for each in live.hidden if each not in original] == [], "the agency does not have the value"
    assert [each for each in live.hidden if each in written] == []

    again = LiveAgency(write_city(live, tmp_path / "tiruan", recording.files), live.code, live.read, recording.key)
    async with run_live(again, tmp_path / "lagi") as server:
        found = await ask(server, live.read, recording.key)
    assert list_nulls(found) == list_nulls(answer)


def list_nulls(answer: Any) -> set[frozenset[str]]:  # noqa: ANN401 - any JSON
    """The fields without a value in each record of an answer, which is no failure; words are those of the manifest."""
    records = answer if isinstance(answer, list) else [answer]
    assert not any("failure" in each for each in records), answer
    return {frozenset(name for name, each in record.items() if each is None and name != "stage") for record in records}


async def ask(server: AgencyServer, read: str, key: str) -> Any:  # noqa: ANN401 - any JSON
    async with server.connect(server.load_manifest()) as bound:
        domain_read, connector = find_reads(server.source)[read], bound.connector
        try:
            found = await getattr(connector, domain_read.name)([key], make_call())
        except AgencyFailure as failure:
            return [to_plain(failure)]
        return to_plain(found.get(key))


async def test_rows_have_the_types_forms_and_nulls_of_the_agency(tmp_path: Path, http_city: Path) -> None:
    live = LiveAgency(http_city, "usaha", "msmes_of", SITI)
    async with run_live(live, tmp_path / "asli") as server:
        recording, recorded = await record(server, "msmes_of", SITI, tmp_path / "kosong")
    [(line, reply)] = json.loads(recording.files["replies.json"]).items()
    assert line == f"POST v1/usaha/cari buka=ya&nik={recording.key}"
    assert reply["status"]["kode"] == 200
    first, second, third = reply["hasil"]["usaha"]
    assert first["pemilik"]["nik"] == recording.key
    assert recording.key.startswith("3171014506909")
    assert [type(each) for each in first.values()] == [type(each) for each in USAHA[0].values()]
    assert [len(first[each]) for each in ("nama", "kbli", "tanggal", "telepon", "alamat", "catatan")] == [
        len(str(USAHA[0][each])) for each in ("nama", "kbli", "tanggal", "telepon", "alamat", "catatan")
    ]
    assert [name for name, each in second.items() if not each] == [name for name, each in USAHA[1].items() if not each]
    assert [each["tahap"] for each in (first, second, third)] == ["daftar", "latih", "modal"]
    assert len({each["nomor"] for each in (first, second, third)}) == 3
    [(request, [read])] = recorded
    assert (request.caller.kind, request.caller.purpose, read.subject) == (
        CallerKind.OPERATOR,
        "BUSINESS_SUPPORT",
        SITI,
    )


async def test_nothing_is_built_if_the_read_cannot_be_recorded(tmp_path: Path, http_city: Path) -> None:
    async def fail(request: RequestInfo, reads: Sequence[SubjectRead]) -> None:
        del request, reads
        raise RuntimeError("no ledger")

    async with run_live(LiveAgency(http_city, "usaha", "msmes_of", SITI), tmp_path / "asli") as server:
        trial = AgencyTrial(manifest=server.load_manifest(), read="msmes_of", key=SITI, by="x", purpose="x")
        with pytest.raises(RuntimeError, match="no ledger"):
            await record_samples(trial, tmp_path, fail)


async def test_what_cannot_be_recorded_is_named(tmp_path: Path) -> None:
    async with run_live(LiveAgency(DEFAULT_CITY, "dukcapil", "households", SITI), tmp_path / "asli") as server:
        with pytest.raises(CommandError, match=r"reads\.households\.statement: it has more than tables and joins"):
            await record(server, "households", SITI, tmp_path)


def test_the_command_writes_samples_and_a_ledger_entry(serve_process: ServeProcess, tmp_path: Path) -> None:
    city = tmp_path / "jakarta"
    shutil.copytree(DEFAULT_CITY, city, ignore=shutil.ignore_patterns("samples"))
    arguments = ("jakpreneur", "msmes_of", SITI, "--city", str(city))
    refused = run_simpul(serve_process.state, "agencies", "record", *arguments)
    assert refused.stderr.startswith("simpul: the agency has personal data: give your name (--by) and a purpose")
    assert not (city / "samples").exists()
    options = ("--by", "Rina", "--purpose", "BUSINESS_SUPPORT", "--json")
    outcome = run_simpul(serve_process.state, "agencies", "record", *arguments, *options)
    assert outcome.returncode == 0, outcome.stderr
    text = (city / "samples" / "jakpreneur" / "umkm.json").read_text()
    assert SITI not in text
    assert {each["nik"] for each in json.loads(text)} == {json.loads(outcome.stdout)["key"]}


async def test_a_request_keeps_what_is_no_key(tmp_path: Path, http_city: Path) -> None:
    async with run_live(LiveAgency(http_city, "usaha", "products_of", "1"), tmp_path / "asli") as server:
        recording, _ = await record(server, "products_of", "1", http_city.parent / "kosong")
    first, second = json.loads(recording.files["replies.json"])
    assert first == f"GET v1/usaha/{recording.key}/produk?halaman=1&urut=1"
    cursor = json.loads(recording.files["replies.json"])[first]["lanjut"]
    assert second == f"GET v1/usaha/{recording.key}/produk?halaman=1&sesudah={cursor}&urut=1"
    assert [len(each) for each in cursor.split("-")] == [7, 4, 4]
