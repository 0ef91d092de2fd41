"""SOAP services of older frameworks: data sets of .NET, whose rows no WSDL describes, and arrays of SOAP encoding."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest

from connectors.declared.connector import DeclaredConnector, build_declared_connector
from connectors.declared.tables import NotDeclarableError
from connectors.drivers.soap.driver import SoapDriver
from connectors.drivers.soap.wsdl import Wsdl, WsdlError
from records.calls.answers import Answers
from records.calls.call import Call
from records.calls.failures import AgencyFailure, AgencyMalformed
from records.identifiers import Nik, Rupiah
from records.record import record
from tests.connectors.declared.soap.harbour import SITI, open_driver
from tests.connectors.declared.tables import parse_tables
from tests.connectors.drivers.byte_server import ByteServer, reply, serve_bytes
from tests.connectors.failures import make_call

FOLDER = Path(__file__).parent / "wsdl"
PLAIN: dict[str, Any] = {"version": "1.1", "user": None, "password": None, "user_token": None, "headers": {}}


@record
class MarketLevy:
    number: str
    amount: Rupiah


class MarketLevies(Protocol):
    """A domain that no agency has."""

    async def levies_of(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[MarketLevy]]:
        """The levies of each person."""


READS = {
    "dataset.wsdl": ("GetRetribusi", "GetRetribusiResult.diffgram.NewDataSet.Table"),
    "array.wsdl": ("cari", "return.item"),
}
ENVELOPE = '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{}</s:Body></s:Envelope>'
ROW = "<nomor>{}</nomor><nik>{}</nik><jumlah>{}</jumlah>"


def build_tables(wsdl: str, **changes: object) -> dict[str, Any]:
    operation, rows = READS[wsdl]
    read = {
        "operation": operation,
        "arguments": {"nik": "{key}"},
        "key_pattern": "[0-9]{16}",
        "rows": rows,
        "key": "nik",
    }
    return {
        "reads": {"levies_of": read | changes},
        "records": {"MarketLevy": {"number": "nomor", "amount": "jumlah"}},
        "probe": {"read": "levies_of", "key": "0" * 16},
    }


def build(driver: SoapDriver, wsdl: str, **changes: object) -> DeclaredConnector:
    return build_declared_connector(
        MarketLevies, parse_tables("soap", build_tables(wsdl, **changes)), driver, agency="retribusi"
    )


def as_dataset(*rows: str) -> str:
    tables = "".join(f'<Table d:id="Table{n}">{each}</Table>' for n, each in enumerate(rows, start=1))
    inner = f'<NewDataSet xmlns="">{tables}</NewDataSet>' if rows else ""
    return ENVELOPE.format(
        '<GetRetribusiResponse xmlns="http://tempuri.org/"><GetRetribusiResult>'
        '<xs:schema id="NewDataSet" xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="Table"/></xs:schema>'
        f'<d:diffgram xmlns:d="urn:schemas-microsoft-com:xml-diffgram-v1">{inner}</d:diffgram>'
        "</GetRetribusiResult></GetRetribusiResponse>"
    )


def as_array(*rows: str) -> str:
    items = "".join(f'<item x:type="t:Retribusi">{each}</item>' for each in rows)
    return ENVELOPE.format(
        '<r:cariResponse xmlns:r="urn:retribusi" xmlns:x="http://www.w3.org/2001/XMLSchema-instance">'
        f'<return x:type="e:Array">{items}</return></r:cariResponse>'
    )


SERVICES = pytest.mark.parametrize(("wsdl", "write"), [("dataset.wsdl", as_dataset), ("array.wsdl", as_array)])


@asynccontextmanager
async def serve(wsdl: str, body: str) -> AsyncIterator[tuple[DeclaredConnector, ByteServer]]:
    async with serve_bytes(reply(200, body.encode())) as server:
        driver = open_driver(server.url, **PLAIN, wsdl=wsdl)
        try:
            yield build(driver, wsdl), server
        finally:
            await driver.close()


@SERVICES
@pytest.mark.parametrize("count", [0, 1, 2])
async def test_rows_that_no_wsdl_describes_are_read(wsdl: str, write: Any, count: int) -> None:  # noqa: ANN401 - either
    rows = [ROW.format(number, SITI, "1.500") for number in range(count)]
    async with serve(wsdl, write(*rows)) as (connector, server):
        found = await connector.levies_of([SITI], make_call())
    assert found == {SITI: tuple(MarketLevy(number=str(each), amount=Rupiah(1500)) for each in range(count))}
    assert SITI.encode() in server.asked[0].body


@SERVICES
@pytest.mark.parametrize(
    "rows",
    [
        [ROW.format(1, "3171010101900002", 5)],
        ["<nomor>1</nomor><jumlah>5</jumlah>"],
        [f"<nomor>1</nomor><nik>{SITI}</nik><nik>{SITI}</nik><jumlah>5</jumlah>"],
        ["text"],
        [ROW.format(1, SITI, 5), "<nomor/>"],
    ],
    ids=["another person", "no person", "a person twice", "a text", "an incomplete row"],
)
async def test_such_rows_are_checked_like_others(wsdl: str, write: Any, rows: list[str]) -> None:  # noqa: ANN401 - either
    async with serve(wsdl, write(*rows)) as (connector, _):
        answer = (await connector.levies_of([SITI], make_call()))[SITI]
    assert type(answer) is AgencyMalformed


async def test_a_text_in_place_of_a_data_set_is_malformed() -> None:
    body = as_dataset().replace("</d:diffgram>", "rusak</d:diffgram>")
    async with serve("dataset.wsdl", body) as (connector, _):
        answer = (await connector.levies_of([SITI], make_call()))[SITI]
    assert isinstance(answer, AgencyFailure)


def test_what_is_around_such_rows_must_be_in_the_wsdl() -> None:
    with pytest.raises(NotDeclarableError, match="has no element 'Hasil' here; it has GetRetribusiResult"):
        build(open_driver(**PLAIN, wsdl="dataset.wsdl"), "dataset.wsdl", rows="Hasil.diffgram")


def test_a_service_of_both_versions_is_called_by_the_declared_one() -> None:
    for version in ("1.1", "1.2"):
        build(open_driver(**PLAIN | {"version": version}, wsdl="dataset.wsdl"), "dataset.wsdl")


def test_a_document_of_a_network_is_taken_from_beside_the_wsdl(tmp_path: Path) -> None:
    text = (FOLDER / "harbour.wsdl").read_text().replace("harbour.xsd", "https://pelabuhan.invalid/skema/harbour.xsd")
    (tmp_path / "harbour.wsdl").write_text(text)
    with pytest.raises(WsdlError, match=r"^harbour\.xsd is in a network; keep a copy of it beside the WSDL$"):
        Wsdl(tmp_path / "harbour.wsdl", "1.2")
    (tmp_path / "harbour.xsd").write_text((FOLDER / "harbour.xsd").read_text())
    assert sorted(Wsdl(tmp_path / "harbour.wsdl", "1.2").operations) == [
        "TambatanByNomor",
        "TambatanByPemilik",
        "TarifByKelas",
    ]
