"""The complaint system of the sandbox city: Open311 GeoReport v2 in JSON (`docs/agencies/crm.md`)."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from sandbox.agency import AgencySpec
from sandbox.agency_server import serve
from sandbox.control import REFUSED, AgencyControl, AgencyMode, Latency
from sandbox.crm import open311_json as answers
from sandbox.crm.actions import KINDS, NOT_FOUND, ComplaintActions, RefusedActionError, action_to_json, apply_actions
from sandbox.crm.categories import SERVICES
from sandbox.crm.complaints import ComplaintData, CrmComplaint, PendingReport, build_complaint_data
from sandbox.crm.form import Form, read_form
from sandbox.crm.search import InvalidParameterError, Open311Search, find_page, parse_search
from sandbox.crm.submissions import (
    LIST_SEPARATOR,
    ComplaintSubmissions,
    InvalidSubmissionError,
    SubmittedPhoto,
    parse_submission,
)
from sandbox.population.city_population import build_population
from sandbox.request_body import MAX_BODY_BYTES

BASE = "/open311/v2"
TYPICAL_LATENCY = Latency(150, 500)

MEDIA_FIELD = "media"
MEDIA_TEXT_FIELD = "media_text"

Parameters = Mapping[str, str]


def run(spec: AgencySpec) -> None:
    """Serve the agency until a stop signal."""
    complaints = build_complaint_data(build_population(), spec.today)
    submitted = ComplaintSubmissions(spec.state)
    actions = ComplaintActions(spec.state)

    async def resolve(request: Request) -> Response:
        """Do what the staff does: resolve the complaint with this number."""
        number = (await request.json())["number"]
        known = complaints.extended_with(submitted.list_all()).by_id.values()
        actions.resolve(next(each for each in known if each.number == number))
        return Response(status_code=204)

    latency = TYPICAL_LATENCY if spec.latency else Latency(0, 0)
    control = AgencyControl(spec.name, latency, routes=[Route("/resolutions", resolve, methods=["POST"])])
    serve(spec, control, Open311Service(spec, control, complaints, submitted, actions).build_app())


@dataclass(frozen=True, slots=True)
class Open311Service:
    """The Open311 endpoints over the complaints of the city."""

    spec: AgencySpec
    control: AgencyControl
    complaints: ComplaintData
    submitted: ComplaintSubmissions
    actions: ComplaintActions

    def build_app(self) -> Starlette:
        """The application of the agency's port."""
        return Starlette(
            routes=[
                self._route("GET", "/services.json", self._list_services),
                self._route("GET", "/services/{code}.json", self._get_definition),
                self._route("GET", "/requests.json", self._list_requests),
                self._route("POST", "/requests.json", self._submit),
                self._route("POST", "/requests/search.json", self._list_requests),
                self._route("POST", "/actions/search.json", self._find_actions),
                *(self._route("POST", f"/requests/{{id}}/{kind}.json", partial(self._act, kind)) for kind in KINDS),
                self._route("GET", "/requests/{id}.json", self._get_request),
                self._route("GET", "/media/{id}/{number}.jpg", self._get_photo),
            ],
            exception_handlers={404: _not_found, 405: _not_found},
        )

    def _route(self, method: str, path: str, answer: Callable[[Parameters, Form], Response]) -> Route:
        """One endpoint: check the key, count, apply the mode, then call `answer` with all parameters."""

        async def endpoint(request: Request) -> Response:
            form = await read_form(request) if request.method == "POST" else Form({})
            if form is None:
                return _error_response(413, f"a form has at most {MAX_BODY_BYTES} bytes, photos apart")
            parameters = _join_parameters(request, form)
            if not self._is_allowed(parameters):
                self.control.count_call(REFUSED)
                return _gateway_error("api_key is not valid")
            await self.control.begin_call(f"{method} {BASE}{path}")
            if self.control.mode is AgencyMode.ERROR:
                return _error_response(500, "internal error")
            if self.control.mode is AgencyMode.RUBBISH:
                return HTMLResponse("<!doctype html><title>Pemeliharaan</title><p>Sistem sedang dalam pemeliharaan.")
            return answer(parameters, form)

        return Route(f"{BASE}{path}", endpoint, methods=[method])

    def _list_services(self, _: Parameters, __: Form) -> Response:
        return JSONResponse(answers.services_to_json())

    def _get_definition(self, parameters: Parameters, _: Form) -> Response:
        code = parameters["code"]
        service = SERVICES.get(int(code)) if _is_number(code) else None
        if service is None:
            return _error_response(404, "service_code was not found")
        return JSONResponse(answers.definition_to_json(service))

    def _submit(self, parameters: Parameters, form: Form) -> Response:
        """POST Service Request: answers the new id."""
        if not _api_key(parameters):
            return _gateway_error("a new request needs an api_key")
        try:
            id_ = self.submitted.add(parse_submission(parameters, _list_photos(form)))
        except InvalidSubmissionError as error:
            return _error_response(400, str(error))
        return JSONResponse([{"service_request_id": id_, "service_notice": None}])

    def _list_requests(self, parameters: Parameters, _: Form) -> Response:
        search = _parse_search(parameters)
        if isinstance(search, Response):
            return search
        if (search.reporters or search.references or search.everything) and not _api_key(parameters):
            return _gateway_error("reporter, reference and scope need an api_key")
        if search.references:
            known = self._load().by_id
            stored = self.submitted.find_by_reference(search.references)
            found: Sequence[CrmComplaint | PendingReport] = [known[each.id] for each in stored]
        else:
            found = find_page(self._load(), search, trusted=bool(_api_key(parameters)))
        return JSONResponse(answers.requests_to_json(found, search))

    def _get_request(self, parameters: Parameters, _: Form) -> Response:
        search = _parse_search({"extensions": parameters.get("extensions", "")})
        if isinstance(search, Response):
            return search
        complaint = self._find(parameters["id"])
        if complaint is None or not (complaint.public or _api_key(parameters)):
            return _error_response(404, "service_request_id was not found")
        return JSONResponse([answers.request_to_json(complaint, search)])

    def _act(self, kind: str, parameters: Parameters, _: Form) -> Response:
        """Something that a person does with a complaint: answers the new id of it."""
        if not _api_key(parameters):
            return _gateway_error("an action needs an api_key")
        complaint = self._find(parameters["id"])
        if complaint is None:
            return _error_response(NOT_FOUND, "service_request_id was not found")
        try:
            return JSONResponse({"action_id": self.actions.add(kind, complaint, parameters)}, status_code=201)
        except RefusedActionError as error:
            return _error_response(error.status, str(error))

    def _find_actions(self, parameters: Parameters, _: Form) -> Response:
        if not _api_key(parameters):
            return _gateway_error("reference needs an api_key")
        found = self.actions.find_by_reference(parameters.get("reference", ""))
        return JSONResponse([action_to_json(each) for each in found])

    def _load(self) -> ComplaintData:
        """All complaints as they are now."""
        return apply_actions(self.complaints.extended_with(self.submitted.list_all()), self.actions.list_all())

    def _find(self, id_: str) -> CrmComplaint | None:
        return self._load().by_id.get(int(id_)) if _is_number(id_) else None

    def _get_photo(self, parameters: Parameters, _: Form) -> Response:
        """A photo of a complaint; of a private one with the key only."""
        number = parameters["number"]
        complaint = self._find(parameters["id"]) if _is_number(number) else None
        if complaint is None or not (complaint.public or _api_key(parameters)):
            return _error_response(404, "media was not found")
        content = self.submitted.load_photo(complaint.id, int(number))
        if content is None:
            return _error_response(404, "media was not found")
        return Response(content, media_type="image/jpeg")

    def _is_allowed(self, parameters: Parameters) -> bool:
        """Whether the key is valid; callers without a key are allowed and see public data."""
        if not (key := _api_key(parameters)):
            return True
        right = secrets.compare_digest(key.encode(), self.spec.secret.encode())
        return right and self.control.mode is not AgencyMode.REFUSE


def _join_parameters(request: Request, form: Form) -> Parameters:
    """Parameters of form, query and path, with the header's key; later ones override earlier ones."""
    fields = {
        name: LIST_SEPARATOR.join(values) if name.endswith("[]") else values[-1] for name, values in form.fields.items()
    }
    key = request.headers.get("x-api-key")
    return {**fields, **request.query_params, **request.path_params, **({"api_key": key} if key else {})}


def _list_photos(form: Form) -> Sequence[SubmittedPhoto]:
    """The photos of a form, with their texts, which are in the same order."""
    texts = form.fields.get(MEDIA_TEXT_FIELD, ())
    contents = [content for name, content in form.files if name == MEDIA_FIELD]
    return [
        SubmittedPhoto(content, texts[number] if number < len(texts) else "") for number, content in enumerate(contents)
    ]


def _api_key(parameters: Parameters) -> str:
    return parameters.get("api_key", "")


def _parse_search(parameters: Parameters) -> Open311Search | Response:
    try:
        return parse_search(parameters)
    except InvalidParameterError as error:
        return _error_response(400, str(error))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19  # noqa: PLR2004 - what a 64-bit column holds


def _error_response(code: int, description: str) -> Response:
    """An error in the standard's format: a list."""
    return JSONResponse([{"code": code, "description": description}], status_code=code)


def _gateway_error(message: str) -> Response:
    """An error in the format of the gateway, which differs from the standard's."""
    return JSONResponse({"type": "Forbidden", "code": 403, "message": message}, status_code=403)


async def _not_found(_request: Request, _error: Exception) -> Response:
    return _error_response(404, "not found")
