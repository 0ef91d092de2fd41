"""The property tax agency of the sandbox city: SOAP 1.1, document/literal, ISO-8859-1 (`docs/agencies/pbb.md`)."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sandbox import pbb_answers as answers
from sandbox.agency import LOOPBACK, AgencySpec
from sandbox.body import body_of
from sandbox.control import REFUSED, Control, Latency, Mode
from sandbox.pbb_data import TaxObject, TaxRoll, tax_roll
from sandbox.people import people
from sandbox.serving import serve

PATH = "/services/pbb"
WSDL = Path(__file__).with_name("pbb.wsdl")
TYPICAL = Latency(600, 1500)
NIK_DIGITS, NOP_DIGITS = 16, 18

SUCCESS = ("00", "SUKSES")
NOT_FOUND = ("14", "DATA TIDAK DITEMUKAN")
INVALID_NIK, INVALID_NOP = ("15", "NIK TIDAK VALID"), ("15", "NOP TIDAK VALID")
CLOSED = ("68", "SISTEM SEDANG TUTUP")


def run(spec: AgencySpec) -> None:
    """Serves the agency until it is told to stop."""
    hours = Hours()
    latency = TYPICAL if spec.latency else Latency(0, 0)
    control = Control(spec.name, latency, routes=[Route("/hours", hours.endpoint, methods=["GET", "PUT"])])
    serve(spec, control, TaxService(spec, control, hours, tax_roll(people())).app())


class Hours:
    """Whether the agency is open. The real one closes at night and around New Year; here the control API decides."""

    def __init__(self) -> None:
        self.open = True

    async def endpoint(self, request: Request) -> JSONResponse:
        """`GET|PUT /hours` with `{"open": true|false}`."""
        if request.method == "PUT":
            asked = await request.json()
            if not isinstance(asked, dict) or not isinstance(asked.get("open"), bool):
                return JSONResponse({"error": 'hours are {"open": true} or {"open": false}.'}, status_code=400)
            self.open = asked["open"]
        return JSONResponse({"open": self.open})


@dataclass(frozen=True, slots=True)
class TaxService:
    """The SOAP endpoint and its description."""

    spec: AgencySpec
    control: Control
    hours: Hours
    roll: TaxRoll

    def app(self) -> Starlette:
        """The application of the agency's port."""
        return Starlette(
            routes=[
                Route(PATH, self.describe, methods=["GET"]),
                Route(PATH, self.call, methods=["POST"]),
            ]
        )

    async def describe(self, request: Request) -> Response:
        """The WSDL at `?wsdl`, with the address at which this server can be reached."""
        if "wsdl" not in request.query_params:
            return PlainTextResponse(f"SOAP 1.1 service; its description is at {PATH}?wsdl", status_code=404)
        text = WSDL.read_text(encoding="utf-8")
        own = f"http://{LOOPBACK}:{self.spec.port}{PATH}"
        return Response(text.replace("http://pbb.invalid/services/pbb", own), media_type="text/xml")

    async def call(self, request: Request) -> Response:
        """One operation: who asks, what is asked, and the agency's answer or fault."""
        envelope = answers.parsed(await body_of(request) or b"")
        if envelope is None:
            return _fault(answers.unreadable_fault("isi permintaan tidak dapat dibaca"))
        operation = answers.operation_of(envelope)
        handle = self._operations().get(operation.name) if operation else None
        if operation is None or handle is None:
            return _fault(answers.unreadable_fault("operasi tidak dikenal"))
        if not self._knows(answers.credential_of(envelope)):
            self.control.count(REFUSED)
            return _fault(answers.fault("Client", "401", "PENGGUNA ATAU KATA SANDI SALAH"))
        await self.control.before(operation.name)
        if self.control.mode is Mode.ERROR:
            return _fault(answers.fault("Server", "500", "KESALAHAN PADA SISTEM"))
        if not self.hours.open:
            return _answer(answers.result(operation.name, *CLOSED))
        answer = answers.related(handle(operation.argument), answers.name_of(envelope))
        return _answer(answer[: len(answer) // 2] if self.control.mode is Mode.RUBBISH else answer)

    def _operations(self) -> Mapping[str, Callable[[str], bytes]]:
        return {"GetObjekByNik": self._objects_by_nik, "GetTagihan": self._bills}

    def _objects_by_nik(self, nik: str) -> bytes:
        if not _is_number(nik, NIK_DIGITS):
            return answers.result("GetObjekByNik", *INVALID_NIK)
        held = self.roll.by_nik.get(nik)
        if held is None:
            return answers.result("GetObjekByNik", *NOT_FOUND)
        return answers.result("GetObjekByNik", *SUCCESS, [answers.tax_object(one) for one in held])

    def _bills(self, nop: str) -> bytes:
        digits = nop.translate({ord(mark): None for mark in ".- "})
        if not _is_number(digits, NOP_DIGITS):
            return answers.result("GetTagihan", *INVALID_NOP)
        held: TaxObject | None = self.roll.by_nop.get(digits)
        if held is None:
            return answers.result("GetTagihan", *NOT_FOUND)
        return answers.result("GetTagihan", *SUCCESS, [answers.bill("tagihan", one) for one in held.bills])

    def _knows(self, credential: tuple[str, str]) -> bool:
        if self.control.mode is Mode.REFUSE:
            return False
        user, secret = (text.encode() for text in credential)
        known = secrets.compare_digest(user, self.spec.user.encode())
        return secrets.compare_digest(secret, self.spec.secret.encode()) and known


def _is_number(text: str, digits: int) -> bool:
    return len(text) == digits and text.isascii() and text.isdigit()


def _answer(body: bytes) -> Response:
    return Response(body, headers={"Content-Type": "text/xml; charset=ISO-8859-1"})


def _fault(body: bytes) -> Response:
    """A fault; SOAP 1.1 section 6.2 wants HTTP status 500 for every one."""
    return Response(body, status_code=500, headers={"Content-Type": "text/xml; charset=ISO-8859-1"})
