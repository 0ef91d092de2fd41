"""The complaint desk of the sandbox city: Open311 GeoReport v2 in JSON (`docs/agencies/crm.md`)."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from sandbox import crm_answers as answers
from sandbox.agency import AgencySpec
from sandbox.body import LIMIT_BYTES, body_of
from sandbox.control import REFUSED, Control, Latency, Mode
from sandbox.crm_data import Desk, desk
from sandbox.crm_search import Search, UnclearError, found, search_of
from sandbox.crm_services import SERVICES
from sandbox.people import people
from sandbox.serving import serve

BASE = "/open311/v2"
TYPICAL = Latency(150, 500)

Given = Mapping[str, str]


def run(spec: AgencySpec) -> None:
    """Serves the agency until it is told to stop."""
    control = Control(spec.name, TYPICAL if spec.latency else Latency(0, 0))
    serve(spec, control, ComplaintDesk(spec, control, desk(people())).app())


@dataclass(frozen=True, slots=True)
class ComplaintDesk:
    """The Open311 endpoints over the complaints of the city."""

    spec: AgencySpec
    control: Control
    desk: Desk

    def app(self) -> Starlette:
        """The application of the agency's port."""
        return Starlette(
            routes=[
                self._route("GET", "/services.json", self._services),
                self._route("GET", "/services/{code}.json", self._definition),
                self._route("GET", "/requests.json", self._requests),
                self._route("POST", "/requests/search.json", self._requests),
                self._route("GET", "/requests/{id}.json", self._request),
            ],
            exception_handlers={404: _nothing_here, 405: _nothing_here},
        )

    def _route(self, method: str, path: str, answer: Callable[[Given], Response]) -> Route:
        """One endpoint: key, counting and mode first, then `answer` on all parameters of path, query and form."""

        async def endpoint(request: Request) -> Response:
            given = await _given(request)
            if given is None:
                return _refused(413, f"a form has at most {LIMIT_BYTES} bytes")
            if not self._welcome(given):
                self.control.count(REFUSED)
                return _forbidden("api_key is not valid")
            await self.control.before(f"{method} {BASE}{path}")
            if self.control.mode is Mode.ERROR:
                return _refused(500, "internal error")
            if self.control.mode is Mode.RUBBISH:
                return HTMLResponse("<!doctype html><title>Pemeliharaan</title><p>Sistem sedang dalam pemeliharaan.")
            return answer(given)

        return Route(f"{BASE}{path}", endpoint, methods=[method])

    def _services(self, _: Given) -> Response:
        return JSONResponse(answers.services())

    def _definition(self, given: Given) -> Response:
        code = given["code"]
        service = SERVICES.get(int(code)) if _is_number(code) else None
        if service is None:
            return _refused(404, "service_code was not found")
        return JSONResponse(answers.definition(service))

    def _requests(self, given: Given) -> Response:
        search = _search(given)
        if isinstance(search, Response):
            return search
        if search.reporters and not _key(given):
            return _forbidden("reporter needs an api_key")
        return JSONResponse(answers.requests(found(self.desk, search, trusted=bool(_key(given))), search))

    def _request(self, given: Given) -> Response:
        search = _search({"extensions": given.get("extensions", "")})
        if isinstance(search, Response):
            return search
        complaint = self.desk.by_id.get(int(given["id"])) if _is_number(given["id"]) else None
        if complaint is None or not (complaint.public or _key(given)):
            return _refused(404, "service_request_id was not found")
        return JSONResponse([answers.request(complaint, search)])

    def _welcome(self, given: Given) -> bool:
        """Whether the key is right; who shows none may come in and sees what is public."""
        if not (key := _key(given)):
            return True
        right = secrets.compare_digest(key.encode(), self.spec.secret.encode())
        return right and self.control.mode is not Mode.REFUSE


async def _given(request: Request) -> Given | None:
    """Parameters of form, query and path, the later over the earlier, the key of the header among them."""
    form: dict[str, str] = {}
    if request.method == "POST":
        body = await body_of(request)
        if body is None:
            return None
        form = dict(parse_qsl(body.decode(errors="replace")))
    key = request.headers.get("x-api-key")
    return {**form, **request.query_params, **request.path_params, **({"api_key": key} if key else {})}


def _key(given: Given) -> str:
    return given.get("api_key", "")


def _search(given: Given) -> Search | Response:
    try:
        return search_of(given)
    except UnclearError as error:
        return _refused(400, str(error))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19  # noqa: PLR2004 - what a 64-bit column holds


def _refused(code: int, description: str) -> Response:
    """An error as the standard writes it: a list."""
    return JSONResponse([{"code": code, "description": description}], status_code=code)


def _forbidden(message: str) -> Response:
    """The gateway in front of the desk writes its own kind of error."""
    return JSONResponse({"type": "Forbidden", "code": 403, "message": message}, status_code=403)


async def _nothing_here(_request: Request, _error: Exception) -> Response:
    return _refused(404, "not found")
