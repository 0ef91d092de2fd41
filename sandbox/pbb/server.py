"""The property tax agency of the sandbox city: SOAP 1.1, document/literal, ISO-8859-1 (`docs/agencies/pbb.md`)."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sandbox.agency import LOOPBACK, AgencySpec
from sandbox.agency_server import serve
from sandbox.control import REFUSED, AgencyControl, AgencyMode, Latency
from sandbox.pbb import soap_messages as answers
from sandbox.pbb.tax_roll import PbbTaxObject, TaxRoll, build_tax_roll
from sandbox.population.city_population import build_population
from sandbox.request_body import read_body

PATH = "/services/pbb"
WSDL = Path(__file__).with_name("pbb.wsdl")
TYPICAL_LATENCY = Latency(600, 1500)
NIK_DIGITS, NOP_DIGITS = 16, 18

SUCCESS = ("00", "SUKSES")
NOT_FOUND = ("14", "DATA TIDAK DITEMUKAN")
INVALID_NIK, INVALID_NOP = ("15", "NIK TIDAK VALID"), ("15", "NOP TIDAK VALID")
CLOSED = ("68", "SISTEM SEDANG TUTUP")


def run(spec: AgencySpec) -> None:
    """Serve the agency until a stop signal."""
    hours = OpeningHours()
    latency = TYPICAL_LATENCY if spec.latency else Latency(0, 0)
    regions = HeldRegions()
    routes = [
        Route("/hours", hours.serve_setting, methods=["GET", "PUT"]),
        Route("/regions", regions.serve_setting, methods=["GET", "PUT"]),
    ]
    control = AgencyControl(spec.name, latency, routes=routes)
    service = PbbService(spec, control, hours, regions, build_tax_roll(build_population()))
    serve(spec, control, service.build_app())


class OpeningHours:
    """Whether the agency is open. The real one closes at night and around New Year; here the control API decides."""

    def __init__(self) -> None:
        self.open = True

    async def serve_setting(self, request: Request) -> JSONResponse:
        """`GET|PUT /hours` with `{"open": true|false}`."""
        if request.method == "PUT":
            values = await request.json()
            if not isinstance(values, dict) or not isinstance(values.get("open"), bool):
                return JSONResponse({"error": 'hours are {"open": true} or {"open": false}.'}, status_code=400)
            self.open = values["open"]
        return JSONResponse({"open": self.open})


class HeldRegions:
    """The regions whose tax objects this office holds; the whole city unless the control API limits it."""

    def __init__(self) -> None:
        self.codes: list[str] = []

    def holds(self, record: PbbTaxObject) -> bool:
        """Whether the office holds a tax object."""
        return not self.codes or any(record.village.code.startswith(f"{each}.") for each in self.codes)

    async def serve_setting(self, request: Request) -> JSONResponse:
        """`GET|PUT /regions` with `{"codes": ["31.71", ...]}`."""
        if request.method == "PUT":
            values = await request.json()
            codes = values.get("codes") if isinstance(values, dict) else None
            if not isinstance(codes, list) or not all(isinstance(each, str) for each in codes):
                return JSONResponse({"error": 'regions are {"codes": ["31.71", ...]}.'}, status_code=400)
            self.codes = codes
        return JSONResponse({"codes": self.codes})


@dataclass(frozen=True, slots=True)
class PbbService:
    """The SOAP endpoint and its WSDL."""

    spec: AgencySpec
    control: AgencyControl
    hours: OpeningHours
    regions: HeldRegions
    roll: TaxRoll

    def build_app(self) -> Starlette:
        """The application of the agency's port."""
        return Starlette(
            routes=[
                Route(PATH, self.serve_wsdl, methods=["GET"]),
                Route(PATH, self.serve_call, methods=["POST"]),
            ]
        )

    async def serve_wsdl(self, request: Request) -> Response:
        """The WSDL at `?wsdl`, with this server's address."""
        if "wsdl" not in request.query_params:
            return PlainTextResponse(f"SOAP 1.1 service; its description is at {PATH}?wsdl", status_code=404)
        text = WSDL.read_text(encoding="utf-8")
        own = f"http://{LOOPBACK}:{self.spec.port}{PATH}"
        return Response(text.replace("http://pbb.invalid/services/pbb", own), media_type="text/xml")

    async def serve_call(self, request: Request) -> Response:
        """One call: check the credential, run the operation, and return the answer or a fault."""
        envelope = answers.parse_envelope(await read_body(request) or b"")
        if envelope is None:
            return _fault_response(answers.build_unreadable_fault("isi permintaan tidak dapat dibaca"))
        operation = answers.parse_operation(envelope)
        handle = self._list_operations().get(operation.name) if operation else None
        if operation is None or handle is None:
            return _fault_response(answers.build_unreadable_fault("operasi tidak dikenal"))
        if not self._is_valid_credential(answers.read_credential(envelope)):
            self.control.count_call(REFUSED)
            return _fault_response(answers.build_fault("Client", "401", "PENGGUNA ATAU KATA SANDI SALAH"))
        await self.control.begin_call(operation.name)
        if self.control.mode is AgencyMode.ERROR:
            return _fault_response(answers.build_fault("Server", "500", "KESALAHAN PADA SISTEM"))
        if not self.hours.open:
            return _response(answers.build_result(operation.name, *CLOSED))
        answer = answers.add_relates_to(handle(operation.argument), answers.read_message_id(envelope))
        return _response(answer[: len(answer) // 2] if self.control.mode is AgencyMode.RUBBISH else answer)

    def _list_operations(self) -> Mapping[str, Callable[[str], bytes]]:
        return {"GetObjekByNik": self._find_objects, "GetTagihan": self._find_bills}

    def _find_objects(self, nik: str) -> bytes:
        if not _is_number(nik, NIK_DIGITS):
            return answers.build_result("GetObjekByNik", *INVALID_NIK)
        objects = [each for each in self.roll.by_nik.get(nik, ()) if self.regions.holds(each)]
        if not objects:
            return answers.build_result("GetObjekByNik", *NOT_FOUND)
        return answers.build_result("GetObjekByNik", *SUCCESS, [answers.build_tax_object(one) for one in objects])

    def _find_bills(self, nop: str) -> bytes:
        digits = nop.translate({ord(mark): None for mark in ".- "})
        if not _is_number(digits, NOP_DIGITS):
            return answers.build_result("GetTagihan", *INVALID_NOP)
        tax_object: PbbTaxObject | None = self.roll.by_nop.get(digits)
        if tax_object is None:
            return answers.build_result("GetTagihan", *NOT_FOUND)
        return answers.build_result(
            "GetTagihan", *SUCCESS, [answers.build_bill("tagihan", one) for one in tax_object.bills]
        )

    def _is_valid_credential(self, credential: tuple[str, str]) -> bool:
        if self.control.mode is AgencyMode.REFUSE:
            return False
        user, secret = (text.encode() for text in credential)
        known = secrets.compare_digest(user, self.spec.user.encode())
        return secrets.compare_digest(secret, self.spec.secret.encode()) and known


def _is_number(text: str, digits: int) -> bool:
    return len(text) == digits and text.isascii() and text.isdigit()


def _response(body: bytes) -> Response:
    return Response(body, headers={"Content-Type": "text/xml; charset=ISO-8859-1"})


def _fault_response(body: bytes) -> Response:
    """A fault; SOAP 1.1, section 6.2, requires HTTP status 500."""
    return Response(body, status_code=500, headers={"Content-Type": "text/xml; charset=ISO-8859-1"})
