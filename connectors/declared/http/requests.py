"""The request of a declared read over HTTP: its path, query and form, compiled to the code that a person would write.

Of a caller, only keys that match a declared pattern get into a request, percent-encoded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final, get_type_hints
from urllib.parse import quote

from connectors.declared.domain_reads import DomainRead
from connectors.declared.http.tables import HttpReadTable
from connectors.declared.read_records import NUMBER
from connectors.declared.tables import KeyedReadTable, NotDeclarableError
from connectors.drivers.http.address import EncodedPath

KEY: Final = "key"
"""The name of a key that is no query with fields."""
_PLACEHOLDER: Final = re.compile(r"\{([a-z_][a-z0-9_]*)(?::0([1-9]))?\}")
_PATH: Final = re.compile(r"/?(?:[\w.~-]|\{[^{}/]*\})+(?:/(?:[\w.~-]|\{[^{}/]*\})+)*/?", re.ASCII)
_NAME: Final = re.compile(r"[\w.~\[\]-]+", re.ASCII)
_NO_SEGMENTS: Final = ("", ".", "..")
"""Keys that would change the other parts of a path."""
_MAX_KEY_LENGTH: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpReadRequest:
    """The request of one read."""

    build_path: Callable[[Any], str]
    build_query: Callable[[Any], Mapping[str, str]] | None
    build_form: Callable[[Any], Mapping[str, str]] | None
    is_known_form: Callable[[Any], bool]
    """Whether a key has the form of the agency's keys. Others are unknown to it, and not sent."""
    used: frozenset[str]
    """The parts of the key in the request: `key`, or fields of a query. Empty if one call gives a list of all keys."""


def build_http_request(domain_read: DomainRead, table: HttpReadTable) -> HttpReadRequest:
    """Compile the request of a read.

    Raises:
        NotDeclarableError: The request can mean another one, or has a part of the key without a pattern.

    """
    place = f"reads.{domain_read.name}"
    types = {name: find_plain_type(each) for name, each in list_key_parts(domain_read.key).items()}
    patterns = compile_patterns(place, table, types)
    segments = table.path.strip("/").split("/")
    if not _PATH.fullmatch(table.path) or {".", ".."} & set(segments):
        raise NotDeclarableError(
            f"{place}.path",
            "not a path below the agency's address: write letters, digits, -._~/ and {key}; see `query`",
        )
    builder = RequestBuilder(types, patterns)
    path = builder.write(f"{place}.path", table.path, is_path=True)
    query = builder.write_all(f"{place}.query", table.query)
    form = builder.write_all(f"{place}.form", table.form)
    return HttpReadRequest(
        build_path=_evaluate(f"EncodedPath({path})"),
        build_query=_evaluate(query) if table.query else None,
        build_form=_evaluate(form) if table.form else None,
        is_known_form=build_form_check(patterns),
        used=frozenset(builder.used),
    )


def check_http_probe(domain_read: DomainRead, table: HttpReadTable, key: str) -> None:
    """Check that the read can be requested for the key of the probe. Raises `NotDeclarableError`."""
    if list_key_parts(domain_read.key).keys() != {KEY}:
        raise NotDeclarableError("probe.read", f"{domain_read.name} takes more than a key; name another read")
    if not build_http_request(domain_read, table).is_known_form(key):
        raise NotDeclarableError("probe.key", f"the read {domain_read.name} would not send it; see its key_pattern")


def list_key_parts(key: object) -> Mapping[str, object]:
    """The parts of a key by name, with their types: the fields of a query; else the key itself."""
    if isinstance(key, type) and is_dataclass(key):
        hints = get_type_hints(key)
        return {each.name: hints[each.name] for each in fields(key)}
    return {KEY: key}


def find_plain_type(annotation: Any) -> object:  # noqa: ANN401 - any type
    """The type that a `NewType` names."""
    while hasattr(annotation, "__supertype__"):
        annotation = annotation.__supertype__
    return annotation


class RequestBuilder:
    """Writes the Python expressions of one request."""

    def __init__(self, types: Mapping[str, object], patterns: Mapping[str, re.Pattern[str]]) -> None:
        self._types = types
        self._patterns = patterns
        self.used: set[str] = set()

    def write_all(self, place: str, templates: Mapping[str, str]) -> str:
        """The expression of a query or a form."""
        for name in templates:
            if not _NAME.fullmatch(name):
                raise NotDeclarableError(
                    place, f"'{name}' is not the name of a parameter: write letters, digits and -._~[]"
                )
        items = (f"{name!r}: {self.write(f'{place}.{name}', each)}" for name, each in templates.items())
        return f"{{{', '.join(items)}}}"

    def write(self, place: str, template: str, *, is_path: bool = False) -> str:
        """The expression of a text with placeholders."""
        parts: list[str] = []
        rest = 0
        for found in _PLACEHOLDER.finditer(template):
            parts += [
                repr(template[rest : found.start()]),
                self._write_part(place, found[1], found[2], is_path=is_path),
            ]
            rest = found.end()
        literal = "".join(_PLACEHOLDER.split(template)[::3])
        if "{" in literal or "}" in literal:
            raise NotDeclarableError(place, f"a brace without a placeholder; write one of {self._list_placeholders()}")
        return " + ".join(each for each in [*parts, repr(template[rest:])] if each != "''") or "''"

    def _write_part(self, place: str, name: str, width: str | None, *, is_path: bool) -> str:
        if name not in self._types:
            raise NotDeclarableError(place, f"the key has no part '{name}'; write one of {self._list_placeholders()}")
        self.used.add(name)
        value = name if name == KEY else f"key.{name}"
        if self._types[name] is int:
            return f"format({value}, '0{width or 1}')"
        if self._types[name] is not str:
            raise NotDeclarableError(place, f"{{{name}}} is neither a text nor a number; it cannot be sent")
        if width is not None:
            raise NotDeclarableError(place, f"{{{name}}} is not a number; write {{{name}}}")
        pattern = self._patterns.get(name)
        if pattern is None:
            example = 'key_pattern = "[0-9]+"' if name == KEY else f'key_pattern = {{ {name} = "[0-9]+" }}'
            raise NotDeclarableError(place, f"nothing says what {{{name}}} may be; give {example}")
        if not is_path:
            return value
        if any(pattern.fullmatch(each) for each in _NO_SEGMENTS):
            raise NotDeclarableError(place, f"the pattern of {{{name}}} allows an empty text, '.' or '..' in the path")
        return f"quote({value}, safe='')"

    def _list_placeholders(self) -> str:
        return ", ".join(f"{{{each}}}" for each in self._types)


def compile_patterns(place: str, table: KeyedReadTable, types: Mapping[str, object]) -> Mapping[str, re.Pattern[str]]:
    """The regular expressions of the texts of a key. Raises `NotDeclarableError`."""
    given = {KEY: table.key_pattern} if isinstance(table.key_pattern, str) else dict(table.key_pattern or {})
    if table.key_type == "number":
        if given or KEY not in types:
            raise NotDeclarableError(f"{place}.key_type", "a number has its own pattern; give key_type or key_pattern")
        return {KEY: NUMBER}
    patterns: dict[str, re.Pattern[str]] = {}
    for name, pattern in given.items():
        if types.get(name) is not str:
            texts = ", ".join(each for each, kind in types.items() if kind is str)
            raise NotDeclarableError(
                f"{place}.key_pattern", f"'{name}' is not a text of the key; it has {texts or 'none'}"
            )
        try:
            patterns[name] = re.compile(pattern, re.ASCII)
        except re.error as error:
            raise NotDeclarableError(f"{place}.key_pattern", f"not a regular expression: {error}") from None
    return patterns


def build_form_check(patterns: Mapping[str, re.Pattern[str]]) -> Callable[[Any], bool]:
    """Whether a key has the declared form."""
    if not patterns:
        return lambda _: True
    if (pattern := patterns.get(KEY)) is not None:
        return lambda key: len(key) <= _MAX_KEY_LENGTH and pattern.fullmatch(key) is not None
    checks = tuple(patterns.items())
    return lambda key: all(
        len(text := getattr(key, name)) <= _MAX_KEY_LENGTH and each.fullmatch(text) for name, each in checks
    )


def _evaluate(expression: str) -> Callable[[Any], Any]:
    names = {"EncodedPath": EncodedPath, "quote": quote}
    build: Callable[[Any], Any] = eval(f"lambda key: {expression}", names)  # noqa: S307 - made of field names, and of quoted texts
    return build
