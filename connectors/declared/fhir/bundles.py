"""Reads Bundles of a FHIR server: the resources of a search with what they refer to, and the replies of a batch."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from connectors.declared.fhir.outcomes import find_problem, is_outcome
from connectors.declared.fhir.paths import CONTEXT, BundleContext
from connectors.readers.rows import Row, row, rows
from connectors.readers.unreadable import UnreadableError

MAX_ENTRIES: Final = 5_000
_MAX_LINK_LENGTH: Final = 4_000
_STATUS: Final = re.compile(r"([1-5]\d\d)(?: .*)?", re.ASCII | re.DOTALL)
_VOID: Final = "entered-in-error"


class BundlePage(NamedTuple):
    """One page of a search."""

    rows: Sequence[Row]
    """The matches that count, each with the context of its references."""
    matches: int
    """Number of all matches, with those that were entered in error."""
    total: int | None
    """Number of the matches of all pages, if the server says it."""
    next_link: str | None


class BatchReply(NamedTuple):
    """The reply to one request of a batch."""

    status: int
    resource: object
    """The resource; for a failure, perhaps its OperationOutcome."""


def read_search(
    agency: str, value: object, resource_type: str, bases: Collection[str], *, has_includes: bool = False
) -> BundlePage:
    """Read one page of a search for resources of a type; `has_includes`: it asked for what they refer to.

    Raises the failure that an OperationOutcome in it reports, and `UnreadableError` for anything but a searchset.
    """
    if is_outcome(value) and (problem := find_problem(agency, value)) is not None:
        raise problem
    bundle = _require_bundle(value, "searchset")
    matches, located, own_bases = list[Row](), list[tuple[Row, str | None]](), set(bases)
    for entry in _list_entries(bundle):
        resource = row(entry.get("resource"), "an entry with a resource")
        mode = _find_mode(entry, resource, resource_type)
        if mode == "outcome":
            if (problem := find_problem(agency, resource)) is not None:
                raise problem
            continue
        if not all(isinstance(resource.get(each), str) for each in ("resourceType", "id")):
            raise UnreadableError("a resource with its type and id")
        url = entry.get("fullUrl")
        located.append((resource, url if isinstance(url, str) else None))
        if mode == "match":
            if resource.get("resourceType") != resource_type:
                raise UnreadableError(f"matches of the type {resource_type}")
            matches.append(resource)
            own_bases.update(_find_base(resource, url))
    context = BundleContext(frozenset(own_bases), dict(_index(located, own_bases)), has_includes)
    return BundlePage(
        rows=[{**each, CONTEXT: context} for each in matches if not _is_void(each)],
        matches=len(matches),
        total=_read_total(bundle.get("total")),
        next_link=_find_link(bundle.get("link"), "next"),
    )


def _index(located: Iterable[tuple[Row, str | None]], own_bases: Collection[str]) -> Iterator[tuple[str, Row]]:
    """The resources by what references say: `Type/id` for those of the server, and their addresses."""
    for resource, url in located:
        base = _find_base(resource, url)
        if url is not None:
            yield url, resource
        if not base or base[0] in own_bases:
            yield f"{resource['resourceType']}/{resource['id']}", resource


def _find_base(resource: Row, url: object) -> Sequence[str]:
    """The base of the address of a resource, if it is one of a FHIR server, and not `urn:uuid:...`."""
    path = f"/{resource['resourceType']}/{resource['id']}"
    is_web = isinstance(url, str) and url.startswith(("https://", "http://")) and url.endswith(path)
    return [str(url).removesuffix(path)] if is_web else []


def read_batch(agency: str, value: object, count: int) -> Sequence[BatchReply]:
    """Read the reply to a batch of `count` requests, in their order. Raises like `read_search`."""
    if is_outcome(value) and (problem := find_problem(agency, value)) is not None:
        raise problem
    found = []
    for entry in _list_entries(_require_bundle(value, "batch-response")):
        response = row(entry.get("response"), "an entry with a response")
        status = _STATUS.fullmatch(str(response.get("status")))
        if status is None:
            raise UnreadableError("a response with its status")
        resource = entry.get("resource")
        found.append(BatchReply(int(status[1]), response.get("outcome") if resource is None else resource))
    if len(found) != count:
        raise UnreadableError("one response for each request of a batch")
    return found


def _require_bundle(value: object, kind: str) -> Row:
    if not isinstance(value, Mapping) or value.get("resourceType") != "Bundle" or value.get("type") != kind:
        raise UnreadableError(f"a Bundle of the type {kind}")
    return value


def _list_entries(bundle: Row) -> Sequence[Row]:
    entries = bundle.get("entry")
    return () if entries is None else rows(entries, "a list of entries", max_rows=MAX_ENTRIES)


def _find_mode(entry: Row, resource: Row, resource_type: str) -> str:
    """Why a resource is in the result; servers of before R4, and some of today, do not say it."""
    search = entry.get("search")
    mode = search.get("mode") if isinstance(search, Mapping) else None
    if is_outcome(resource):
        return "outcome"
    if mode in {"match", "include"}:
        return str(mode)
    return "match" if resource.get("resourceType") == resource_type else "include"


def _is_void(resource: Row) -> bool:
    """Whether a resource must not be used: entered in error, or replaced by another one."""
    links = resource.get("link")
    return resource.get("status") == _VOID or any(
        isinstance(each, Mapping) and each.get("type") == "replaced-by" for each in _to_list(links)
    )


def _read_total(raw: Any) -> int | None:  # noqa: ANN401 - any JSON
    if raw is None:
        return None
    if isinstance(raw, bool) or not isinstance(raw, int) or raw < 0:
        raise UnreadableError("a total that is a number")
    return raw


def _find_link(links: object, relation: str) -> str | None:
    for each in _to_list(links):
        if isinstance(each, Mapping) and each.get("relation") == relation:
            url = each.get("url")
            if not isinstance(url, str) or not 0 < len(url) <= _MAX_LINK_LENGTH:
                raise UnreadableError(f"a link with at most {_MAX_LINK_LENGTH} characters")
            return url
    return None


def _to_list(value: object) -> Iterable[object]:
    return value if isinstance(value, list) else ()
