"""The replies of a stand-in of a FHIR R4 server, from samples: a JSON list of resources a file.

It answers searches by GET and by `_search`, batches of them, and reads of one resource. Like a server behind a gateway,
it gives itself the first address of `wire.bases`, in links and in `fullUrl`. The links to further pages hold no
parameters. It refuses parameters that it does not know, as for `Prefer: handling=strict`.
See https://hl7.org/fhir/R4/search.html.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from sandbox.agency import CannotStartError
from sandbox.stand_ins.replies import SampleReply
from sandbox.stand_ins.sources import StandInSource

_MEDIA_TYPE: Final = "application/fhir+json"
_REQUEST: Final = re.compile(
    r"(?P<method>GET|POST) (?P<below>[^ ?]*?)(?:/(?P<type>[A-Z][A-Za-z]+)(?:/(?P<id>[^/? ]+))?)?(?:\?(?P<query>[^ ]*))?"
    r"(?: (?P<sent>.*))?",
    re.DOTALL,
)
_MAX_SIZE: Final = 1_000
_DEFAULT_SIZE: Final = 10
_PREFIX: Final = re.compile(r"(eq|ge|gt|le|lt)?(\d{4}.*)")
_PAGES: Final = "_getpages"
Resource = Mapping[str, Any]
Pairs = Sequence[tuple[str, str]]


class UnknownParameterError(Exception):
    """A search has a parameter that the server does not support."""


class FhirReplies:
    """The replies of the server. Raises `CannotStartError` for samples that are no lists of resources."""

    def __init__(self, source: StandInSource) -> None:
        self._base = next(iter(source.manifest["wire"].get("bases", [])), "")
        self._resources: dict[str, dict[str, Resource]] = {}
        self._pages: dict[str, tuple[str, Sequence[Resource], Pairs]] = {}
        self._numbers = count(1)
        for name, listed in source.read_json():
            if not isinstance(listed, list) or not all("resourceType" in each and "id" in each for each in listed):
                raise CannotStartError(f"{name}.json of {source.code} is not a list of FHIR resources")
            for each in listed:
                self._resources.setdefault(each["resourceType"], {})[each["id"]] = each

    def find(self, line: str) -> SampleReply | None:
        """The reply to a request; None for one that no FHIR server knows."""
        found = _REQUEST.fullmatch(line)
        if found is None:
            return None
        query, sent = _parse(found["query"]), found["sent"] or ""
        if found["type"] is None:
            if found["method"] == "POST":
                return self._answer_batch(sent) if sent else None
            return self._page(dict(query)) if query else None
        if found["id"] not in {None, "_search"}:
            resource = self._resources.get(found["type"], {}).get(found["id"])
            return _refuse(404, "not-found") if resource is None else _write(200, resource)
        is_post = found["method"] == "POST"
        if is_post != (found["id"] == "_search"):
            return _refuse(405, "not-supported")
        return self._search(found["type"], [*query, *(_parse(sent) if is_post else ())])

    def _search(self, kind: str, pairs: Pairs) -> SampleReply:
        if kind not in self._resources:
            return _refuse(404, "not-supported")
        try:
            conditions = [build(value) for name, value in pairs if (build := _find_condition(name)) is not None]
        except UnknownParameterError:
            return _refuse(400, "not-supported")
        matches = [each for each in self._resources[kind].values() if all(fits(each) for fits in conditions)]
        number = str(next(self._numbers))
        self._pages[number] = (kind, matches, pairs)
        return self._page({_PAGES: number})

    def _page(self, given: Mapping[str, str]) -> SampleReply:
        if given.get(_PAGES) not in self._pages:
            return _refuse(410, "not-found")
        kind, matches, pairs = self._pages[given[_PAGES]]
        size = min(int(dict(pairs).get("_count", _DEFAULT_SIZE)), _MAX_SIZE)
        start = int(given.get("_offset", "0"))
        page = matches[start : start + size]
        links = [{"relation": "self", "url": f"{self._base}/{kind}"}]
        if start + size < len(matches):
            links.append({"relation": "next", "url": f"{self._base}?{_PAGES}={given[_PAGES]}&_offset={start + size}"})
        else:
            del self._pages[given[_PAGES]]
        entries = [self._write_entry(each, "match") for each in page]
        entries += [self._write_entry(each, "include") for each in self._list_included(page, pairs)]
        bundle = {"resourceType": "Bundle", "type": "searchset", "total": len(matches), "link": links}
        return _write(200, bundle | ({"entry": entries} if entries else {}))

    def _list_included(self, page: Sequence[Resource], pairs: Pairs) -> Sequence[Resource]:
        found: dict[str, Resource] = {}
        for name, value in pairs:
            if name in {"_include", "_include:iterate"}:
                kind, _, parameter = value.partition(":")
                sources = [*page, *(found.values() if name.endswith("iterate") else ())]
                for each in sources:
                    if each["resourceType"] == kind:
                        found |= {f"{one['resourceType']}/{one['id']}": one for one in self._follow(each, parameter)}
        return list(found.values())

    def _follow(self, resource: Resource, parameter: str) -> Iterator[Resource]:
        member, wanted = {
            "location": ("participant.actor", "Location"),
            "patient": ("participant.actor", "Patient"),
        }.get(parameter, (parameter, ""))
        for reference in _dig(resource, f"{member}.reference"):
            kind, _, identifier = str(reference).removeprefix(f"{self._base}/").partition("/")
            target = self._resources.get(kind, {}).get(identifier)
            if target is not None and wanted in {"", kind}:
                yield target

    def _answer_batch(self, sent: str) -> SampleReply:
        try:
            bundle = json.loads(sent)
        except ValueError:
            return _refuse(400, "structure")
        if not isinstance(bundle, dict) or (bundle.get("resourceType"), bundle.get("type")) != ("Bundle", "batch"):
            return _refuse(400, "structure")
        entries = []
        for each in bundle["entry"]:
            request = each["request"]
            path, _, query = request["url"].partition("?")
            reply = self.find(f"{request['method']} /{path}?{_join(parse_qsl(query))}") or _refuse(400, "structure")
            held = {"outcome" if reply.status >= 400 else "resource": json.loads(reply.body)}  # noqa: PLR2004 - HTTP
            response: dict[str, Any] = {"status": f"{reply.status}"}
            entries.append(
                {"response": response | held}
                if "outcome" in held
                else {"resource": held["resource"], "response": response}
            )
        return _write(200, {"resourceType": "Bundle", "type": "batch-response", "entry": entries})

    def _write_entry(self, resource: Resource, mode: str) -> Mapping[str, Any]:
        url = f"{self._base}/{resource['resourceType']}/{resource['id']}"
        return {"fullUrl": url, "resource": resource, "search": {"mode": mode}}


def _find_condition(name: str) -> Callable[[str], Callable[[Resource], bool]] | None:
    """The condition of a parameter; None for one that selects nothing. Raises `UnknownParameterError`."""
    if name in {"_include", "_include:iterate", "_count"}:
        return None
    if name not in _CONDITIONS:
        raise UnknownParameterError
    return _CONDITIONS[name]


def _token(path: str) -> Callable[[str], Callable[[Resource], bool]]:
    """A code with its system, or one without: `system|code`, of which several can be given."""

    def build(given: str) -> Callable[[Resource], bool]:
        wanted = [each.rpartition("|") for each in given.split(",")]
        return lambda resource: any(
            _is_token(each, system if bar else None, code)
            for each in _dig(resource, path)
            for system, bar, code in wanted
        )

    return build


def _is_token(value: object, system: str | None, code: str) -> bool:
    if not isinstance(value, Mapping):
        return system is None and str(value) == code
    return str(value.get("code", value.get("value"))) == code and system in {None, value.get("system")}


def _reference(path: str, kind: str) -> Callable[[str], Callable[[Resource], bool]]:
    def build(given: str) -> Callable[[Resource], bool]:
        wanted = {f"{kind}/{each.rpartition('/')[2]}" for each in given.split(",")}
        return lambda resource: any(
            "/".join(str(each).rsplit("/", 2)[-2:]) in wanted for each in _dig(resource, f"{path}.reference")
        )

    return build


def _moment(path: str) -> Callable[[str], Callable[[Resource], bool]]:
    def build(given: str) -> Callable[[Resource], bool]:
        found = _PREFIX.fullmatch(given)
        if found is None:
            raise UnknownParameterError
        prefix, wanted = found[1] or "eq", found[2]
        compare: Callable[[str, str], bool] = getattr(operator, prefix)
        return lambda resource: any(compare(str(each)[: len(wanted)], wanted) for each in _dig(resource, path))

    return build


_CONDITIONS: Final[Mapping[str, Callable[[str], Callable[[Resource], bool]]]] = {
    "_id": _token("id"),
    "identifier": _token("identifier"),
    "status": _token("status"),
    "service-type": _token("serviceType.coding"),
    "patient": lambda given: _any_of(
        _reference("patient", "Patient")(given), _reference("participant.actor", "Patient")(given)
    ),
    "start": _moment("start"),
}


def _any_of(*conditions: Callable[[Resource], bool]) -> Callable[[Resource], bool]:
    return lambda resource: any(each(resource) for each in conditions)


def _dig(resource: object, path: str) -> Sequence[Any]:
    """Every value at a path, through lists."""
    found: list[Any] = [resource]
    for name in path.split("."):
        inner = [each.get(name) for each in found if isinstance(each, Mapping)]
        found = [one for each in inner for one in (each if isinstance(each, list) else [each]) if one is not None]
    return found


def _parse(text: str | None) -> Pairs:
    return [
        (name, unquote(value)) for name, _, value in (each.partition("=") for each in (text or "").split("&")) if name
    ]


def _join(pairs: Iterable[tuple[str, str]]) -> str:
    return "&".join(f"{name}={value}" for name, value in pairs)


def _refuse(status: int, code: str) -> SampleReply:
    issue = {"severity": "error", "code": code, "diagnostics": "the request cannot be answered"}
    return _write(status, {"resourceType": "OperationOutcome", "issue": [issue]})


def _write(status: int, resource: Mapping[str, Any]) -> SampleReply:
    return SampleReply(json.dumps(resource, ensure_ascii=False).encode(), _MEDIA_TYPE, status)
