"""The requests of a declared read over HTTP, compiled to the code that a person would write."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from connectors.declared.domain_reads import KEY, DomainRead, find_plain_type, list_key_parts
from connectors.declared.http.tables import HttpCallTable, HttpReadTable, HttpRequestTable
from connectors.declared.key_patterns import build_form_check, compile_patterns
from connectors.declared.python_functions import split_optional
from connectors.declared.tables import NotDeclarableError
from connectors.declared.templates import EXPRESSION_NAMES, KEYS, TemplateWriter, list_page_placeholders
from connectors.drivers.http.address import EncodedPath
from connectors.drivers.http.json_body import JSON_HEADERS, write_json
from connectors.drivers.http.service import HttpRequest

_PATH: Final = re.compile(r"/?(?:[\w.~-]|\{[^{}/]*\})+(?:/(?:[\w.~-]|\{[^{}/]*\})+)*/?", re.ASCII)
ANY_TEXT: Final = re.compile(r"[^\0]{0,200}")
"""Texts that callers look for, in a query or a body."""

BuildRequest = Callable[[Any, Any], HttpRequest]
"""From a key, or a sequence of keys, and the position of a page, to the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpReadRequest:
    """The requests of one read."""

    build: BuildRequest
    is_known_form: Callable[[Any], bool]
    """Whether a key has the form of the agency's keys. Others are unknown to it, and not sent."""
    used: frozenset[str]
    """The parts of the key in the request: `key`, or fields of a query. Empty if one call gives a list of all keys."""
    is_batch: bool
    """Whether one call asks for several keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusUse:
    """Statuses from 400 that result codes give a meaning."""

    accepted: Collection[int] = ()
    """Those that would otherwise be failures of the driver."""
    parsed: Collection[int] = ()
    """Those whose body is an answer."""
    answer_type: str = ""
    """Media type of bodies that are answers, whatever their status."""


def build_http_request(
    domain_read: DomainRead, table: HttpReadTable, statuses: StatusUse, columns: Sequence[str] = ()
) -> HttpReadRequest:
    """Compile the requests of a read; `columns` are those that its answers need.

    Raises:
        NotDeclarableError: The request can mean another one, or sends a part of the key that it does not have.

    """
    place = f"reads.{domain_read.name}"
    parts = {name: split_optional(each)[0] for name, each in list_key_parts(domain_read.key).items()}
    types = {name: find_plain_type(each) for name, each in parts.items()}
    patterns = compile_patterns(place, table, parts)
    sends_numbers = table.key_type == "number"
    page = list_placeholders_of_pages(place, table)
    optional = {name for name, each in list_key_parts(domain_read.key).items() if split_optional(each)[1]}
    writer = TemplateWriter(
        types, patterns.texts, page=page, sends_numbers=sends_numbers, columns=columns, optional=optional
    )
    build = compile_request(place, table, writer, statuses, page)
    used = {KEY if each == KEYS else each for each in writer.used if each == KEYS or each in types}
    if {KEY, KEYS} <= writer.used:
        raise NotDeclarableError(place, "a call is for one {key} or for several {keys}; choose one of them")
    return HttpReadRequest(
        build=build,
        is_known_form=build_form_check(patterns.select_checked(used), excludes_commas=writer.joins_keys),
        used=frozenset(used),
        is_batch=KEYS in writer.used,
    )


def build_list_request(place: str, table: HttpCallTable, statuses: StatusUse, columns: Sequence[str]) -> BuildRequest:
    """Compile the requests of a list that holds all rows. Raises `NotDeclarableError`."""
    page = list_placeholders_of_pages(place, table)
    writer = TemplateWriter({}, {}, page=page, sends_numbers=False, columns=columns)
    return compile_request(place, table, writer, statuses, page)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchForm:
    """What the requests of a search can hold."""

    types: Mapping[str, object]
    """The parts of the query: a text, a number, or `tuple` for several texts."""
    position: Sequence[str]
    """The placeholders of the last record of a page."""
    columns: Sequence[str]


def build_search_request(
    place: str, table: HttpReadTable, statuses: StatusUse, form: SearchForm
) -> tuple[BuildRequest, frozenset[str]]:
    """Compile the requests of a search, and list the parts that they hold. Raises `NotDeclarableError`."""
    page = list_placeholders_of_pages(place, table, form.position)
    patterns = {name: ANY_TEXT for name, each in form.types.items() if each is str}
    writer = TemplateWriter(
        form.types, patterns, page=page, sends_numbers=False, columns=form.columns, optional=form.types.keys()
    )
    return compile_request(place, table, writer, statuses, page), frozenset(writer.used & form.types.keys())


def check_http_probe(domain_read: DomainRead, table: HttpReadTable, key: object) -> None:
    """Check that the read can be requested for the key of the probe. Raises `NotDeclarableError`."""
    if not build_http_request(domain_read, table, StatusUse()).is_known_form(key):
        raise NotDeclarableError("probe.key", f"the read {domain_read.name} would not send it; see its key_pattern")


def list_placeholders_of_pages(
    place: str, table: HttpCallTable, position: Sequence[str] = ()
) -> Mapping[str, int | str]:
    """The placeholders of the pages of a list. Raises `NotDeclarableError`."""
    if table.paging is None:
        return {}
    if table.paging.by == "record" and not position:
        raise NotDeclarableError(f"{place}.paging.by", "only the pages of a search with `order` begin after a record")
    return list_page_placeholders(table.paging.by, table.paging.size, position)


def compile_request(
    place: str,
    table: HttpRequestTable,
    writer: TemplateWriter,
    statuses: StatusUse,
    page: Mapping[str, int | str],
    *,
    repeatable: bool = True,
) -> BuildRequest:
    """Compile a request; it is `repeatable` if it changes nothing. Raises `NotDeclarableError`."""
    segments = table.path.strip("/").split("/")
    if (table.path and not _PATH.fullmatch(table.path)) or {".", ".."} & set(segments):
        raise NotDeclarableError(
            f"{place}.path",
            "not a path below the agency's address: write letters, digits, -._~/ and {key}; see `query`",
        )
    path = writer.write(f"{place}.path", table.path, is_path=True)
    arguments = [repr(table.http_method), f"EncodedPath({path})"]
    if table.query:
        arguments.append(f"query={writer.write_parameters(f'{place}.query', table.query)}")
    if table.form:
        arguments.append(f"form={writer.write_parameters(f'{place}.form', table.form)}")
    if table.body is not None:
        arguments += [f"body=write_json({writer.write_json(f'{place}.body', table.body)})", "headers=headers"]
    if statuses.accepted or statuses.parsed:
        arguments += ["accept_status=accepted", "parse_status=parsed"]
    if statuses.answer_type:
        arguments.append(f"answer_type={statuses.answer_type!r}")
    unused = [name for name, value in page.items() if isinstance(value, str) and name not in writer.used]
    if unused:
        raise NotDeclarableError(f"{place}.paging", f"all pages would be the same: send {{{unused[0]}}}")
    names = {
        **EXPRESSION_NAMES,
        "EncodedPath": EncodedPath,
        "HttpRequest": HttpRequest,
        "accepted": frozenset(statuses.accepted),
        "headers": JSON_HEADERS,
        "parsed": frozenset(statuses.parsed),
        "write_json": write_json,
    }
    expression = f"HttpRequest({', '.join(arguments)}, repeatable={repeatable})"
    if not writer.used:
        request = eval(expression, names)  # noqa: S307 - made of quoted texts
        return lambda _key, _page: request
    build: BuildRequest = eval(f"lambda key, page: {expression}", names)  # noqa: S307 - made of field names, and of quoted texts
    return build
