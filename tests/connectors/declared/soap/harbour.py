"""A SOAP 1.2 service with WS-Security that checks each envelope, and a domain that it answers."""

from __future__ import annotations

import asyncio
import hashlib
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

from lxml import etree

from connectors.declared.connector import DeclaredConnector, build_declared_connector
from connectors.declared.driver_families import DRIVER_FAMILIES
from connectors.declared.driver_family import CallLimits, DriverParts
from connectors.drivers.long_work import LongWork
from connectors.drivers.soap.driver import SoapDriver
from connectors.resilience.agency_terms import AgencyTerms, BreakerEntry
from connectors.resilience.gate import Gate
from records.calls.answers import Answers
from records.calls.call import Call
from records.identifiers import Nik, Rupiah
from records.record import record
from tests.connectors.declared.tables import parse_tables
from tests.connectors.drivers.byte_server import ByteServer, ReceivedRequest, reply, serve_bytes

SITI, BUDI = Nik("3171010101900001"), Nik("3171010101900002")
SOAP_12: Final = "http://www.w3.org/2003/05/soap-envelope"
_SERVICE: Final = "urn:pelabuhan"
_WSSE: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_WSU: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_TOKEN: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#"
PASSWORD: Final = "sandi-<&é>"


@record
class Berth:
    number: str
    since: date | None


@record
class Mooring:
    id: str
    owner: Nik
    length: int | None
    berths: tuple[Berth, ...]


@record
class HarbourRate:
    grade: str
    price: Rupiah


@record
class HarbourRateQuery:
    grade: str
    year: int


class Moorings(Protocol):
    """A domain that no agency has."""

    async def moorings_of(self, niks: Sequence[Nik], call: Call) -> Answers[Nik, Sequence[Mooring]]:
        """The moorings of each person."""

    async def moorings(self, ids: Sequence[str], call: Call) -> Answers[str, Mooring]:
        """Moorings by number."""

    async def rates(self, queries: Sequence[HarbourRateQuery], call: Call) -> Answers[HarbourRateQuery, HarbourRate]:
        """Rates by grade and year."""


WIRE: dict[str, Any] = {
    "driver": "soap",
    "wsdl": "harbour.wsdl",
    "version": "1.2",
    "user": "simpul",
    "password": PASSWORD,
    "user_token": {"timestamp": 300},
    "headers": {"aplikasi": {"kunci": "{user}", "kota": "Jakarta <Utara>"}, "jejak": {"asal": "hub"}},
}
TABLES: dict[str, Any] = {
    "trouble": {
        "code": "status.kode",
        "success": "OK",
        "absent": "NIHIL",
        "unavailable": "GALAT.*",
        "refused": "TOLAK",
        "faults": {"absent": r"Client\.TidakAda", "unavailable": r"Client\.Sibuk", "refused": r"Server\.Kuota"},
    },
    "reads": {
        "moorings_of": {
            "operation": "TambatanByPemilik",
            "arguments": {"pencarian": {"nik": "{key}", "halaman": "1"}},
            "key_pattern": "[0-9]{16}",
            "rows": "hasil.tambatan",
            "key": "pemilik",
        },
        "moorings": {
            "operation": "TambatanByNomor",
            "arguments": {"daftar": {"nomor": "{keys}"}},
            "key_pattern": ".*",
            "rows": "tambatan",
            "key": "nomor",
        },
        "rates": {
            "operation": "TarifByKelas",
            "arguments": {"kelas": "K-{grade}", "tahun": "{year:04}"},
            "key_pattern": {"grade": "[A-Z ]+"},
        },
    },
    "records": {
        "Mooring": {
            "id": "nomor",
            "owner": "pemilik",
            "length": "ukuran.panjang",
            "berths": {"from": "petak", "sort": "number"},
        },
        "Berth": {"number": "nomor", "since": "sejak"},
        "HarbourRate": {"grade": "kelas", "price": "harga"},
    },
    "probe": {"read": "moorings", "key": "X"},
}


def build_row(number: str = "A-001", owner: object = SITI, length: str = "12.00", berths: str = "") -> str:
    """A mooring as the service writes it."""
    nil = 'xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"'
    of = f"<t:pemilik {nil}/>" if owner is None else f"<t:pemilik>{owner}</t:pemilik>"
    return f"<t:nomor>{number}</t:nomor>{of}<t:ukuran><t:panjang>{length}</t:panjang></t:ukuran>{berths}"


def build_answer(operation: str, content: str, *, code: str = "OK") -> str:
    """The answer of an operation."""
    return (
        f'<p:{operation}Jawaban xmlns:p="{_SERVICE}" xmlns:t="urn:pelabuhan:tipe"><status><kode>{code}</kode></status>'
        f"{content}</p:{operation}Jawaban>"
    )


def build_fault(code: str, subcode: str | None = None, detail: str = "") -> str:
    """A fault of SOAP 1.2."""
    inner = "" if subcode is None else f"<s:Subcode><s:Value>m:{subcode}</s:Value></s:Subcode>"
    return (
        f'<s:Fault xmlns:m="{_SERVICE}"><s:Code><s:Value>s:{code}</s:Value>{inner}</s:Code>'
        f'<s:Reason><s:Text xml:lang="id">x</s:Text></s:Reason><s:Detail>{detail}</s:Detail></s:Fault>'
    )


Answer = str | bytes | Callable[[etree._Element], str]


@dataclass
class Harbour:
    """The service. It accepts only envelopes with its header parts and a user token that is new."""

    answers: Sequence[Answer]
    """One after another; the last one for all further calls. A text is the content of a body."""
    password_type: str = "PasswordDigest"
    arguments: list[etree._Element] = field(default_factory=list)
    """The bodies of the accepted calls."""
    nonces: list[str] = field(default_factory=list)
    _next: int = 0

    async def serve(self, asked: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        """Answer one call."""
        envelope = etree.fromstring(asked.body)
        operation = envelope.find(f"{{{SOAP_12}}}Body/*")
        assert operation is not None
        problem = self._find_problem(asked, envelope, etree.QName(operation).localname)
        if problem is not None:
            writer.write(self._wrap(build_fault("Sender", "Salah", problem), 400))
            return
        self.arguments.append(operation)
        answer = self.answers[min(self._next, len(self.answers) - 1)]
        self._next += 1
        content = answer(operation) if callable(answer) else answer
        if isinstance(content, bytes):
            writer.write(reply(200, content))
            return
        status = 200 if "s:Fault" not in content else 400 if "s:Sender" in content else 500
        writer.write(self._wrap(content, status))

    def _find_problem(self, asked: ReceivedRequest, envelope: etree._Element, operation: str) -> str | None:
        """What is wrong with an envelope."""
        if envelope.tag != f"{{{SOAP_12}}}Envelope" or "soapaction" in asked.headers:
            return "version"
        if asked.headers["content-type"] != f'application/soap+xml; charset=utf-8; action="{_SERVICE}#{operation}"':
            return "content type"
        header = f"{{{SOAP_12}}}Header/"
        names = ("Aplikasi/kunci", "Aplikasi/kota", "Jejak/asal")
        parts = [envelope.findtext(f"{header}{{{_SERVICE}}}{each}") for each in names]
        if parts != ["simpul", "Jakarta <Utara>", None if operation == "TarifByKelas" else "hub"]:
            return "header parts"
        security = envelope.find(f"{header}{{{_WSSE}}}Security")
        if security is None or security.get(f"{{{SOAP_12}}}mustUnderstand") != "1":
            return "security"
        return self._find_token_problem(security)

    def _find_token_problem(self, security: etree._Element) -> str | None:
        token = f"{{{_WSSE}}}UsernameToken/"
        password = security.find(f"{token}{{{_WSSE}}}Password")
        if password is None or password.get("Type") != _TOKEN + self.password_type:
            return "password type"
        if security.findtext(f"{token}{{{_WSSE}}}Username") != "simpul":
            return "user"
        if self.password_type == "PasswordText":
            return None if password.text == PASSWORD else "password"
        nonce = security.findtext(f"{token}{{{_WSSE}}}Nonce") or ""
        created = security.findtext(f"{token}{{{_WSU}}}Created") or ""
        digest = hashlib.sha1(b64decode(nonce) + created.encode() + PASSWORD.encode()).digest()  # noqa: S324 - of the profile
        if password.text != b64encode(digest).decode() or len(b64decode(nonce)) < 16 or nonce in self.nonces:
            return "digest"
        self.nonces.append(nonce)
        stamps = [security.findtext(f"{{{_WSU}}}Timestamp/{{{_WSU}}}{each}") or "" for each in ("Created", "Expires")]
        at, begins, ends = (datetime.fromisoformat(each) for each in (created, *stamps))
        now = datetime.now(UTC)
        is_new = created.endswith("Z") and now - timedelta(seconds=60) < at <= now
        return None if is_new and begins <= now < ends == begins + timedelta(seconds=300) else "time"

    @staticmethod
    def _wrap(content: str, status: int) -> bytes:
        body = f'<s:Envelope xmlns:s="{SOAP_12}"><s:Body>{content}</s:Body></s:Envelope>'
        return reply(status, body.encode())


def open_gate(**terms: Any) -> Gate:  # noqa: ANN401 - terms
    """A gate whose breaker opens at the first failure."""
    given: dict[str, Any] = {"deadline": 5.0, "max_concurrency": 4, "breaker": BreakerEntry(failures=1, pause=10.0)}
    return Gate("pelabuhan", AgencyTerms(**given | terms))


def open_driver(url: str = "http://127.0.0.1:9", gate: Gate | None = None, **wire: Any) -> SoapDriver:  # noqa: ANN401 - TOML
    """The driver of the manifest's table `[wire]`, with changes; None removes a key."""
    family = DRIVER_FAMILIES["soap"]
    given = {name: each for name, each in (WIRE | {"url": url} | wire).items() if each is not None}
    parts = DriverParts(gate=gate or open_gate(), work=LongWork(), city=Path(__file__).parent)
    driver = family.build_driver(family.wire.model_validate(given), parts)
    assert isinstance(driver, SoapDriver)
    return driver


def build(
    driver: SoapDriver, tables: Mapping[str, Any] = TABLES, *, max_batch_size: int | None = None
) -> DeclaredConnector:
    """The connector of the manifest."""
    limits = CallLimits(max_batch_size=max_batch_size, max_concurrency=4)
    return build_declared_connector(Moorings, parse_tables("soap", tables), driver, agency="pelabuhan", limits=limits)


@asynccontextmanager
async def serve(
    *answers: Answer,
    gate: Gate | None = None,
    password_type: str = "PasswordDigest",
    tables: Mapping[str, Any] = TABLES,
    wire: Mapping[str, Any] | None = None,
) -> AsyncIterator[tuple[DeclaredConnector, Harbour, ByteServer]]:
    """The service with these answers, and the connector to it."""
    harbour = Harbour(answers, password_type=password_type)
    async with serve_bytes(harbour.serve) as server:
        driver = open_driver(server.url, gate, **(wire or {}))
        try:
            yield build(driver, tables), harbour, server
        finally:
            await driver.close()


def change(read: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - TOML
    """The tables with changes of one read; None removes a key."""
    table = {name: each for name, each in (TABLES["reads"][read] | changes).items() if each is not None}
    return TABLES | {"reads": TABLES["reads"] | {read: table}}


def change_record(name: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - TOML
    """The tables with changes of one record."""
    return TABLES | {"records": TABLES["records"] | {name: TABLES["records"][name] | changes}}
