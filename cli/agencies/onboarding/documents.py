"""Interfaces from documents: OpenAPI, WSDL and CSV. Nothing is fetched."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from cli.agencies.onboarding.shapes import AgencyInterface, RowShape
from cli.command_error import CommandError
from connectors.drivers.soap.element_shapes import ElementShape
from connectors.drivers.soap.wsdl import Wsdl, WsdlError

_ENCODINGS: Final = ("utf-8-sig", "windows-1252")
_SNIFFED: Final = 64 * 1024
_MAX_DEPTH: Final = 3
_ENVELOPES: Final = frozenset({"data", "result", "results", "response", "hasil", "items", "content"})
"""Names of objects around rows."""
_DELIMITERS: Final = ",;\t|"
_COMMA: Final = re.compile(r"-?\d{1,3}(?:\.?\d{3})*,\d+")
_JSON_KINDS: Final[Mapping[str, str]] = {"integer": "number", "number": "number", "boolean": "flag"}
_FORMATS: Final[Mapping[str, str]] = {"date": "day", "date-time": "moment"}


def read_openapi(path: Path) -> AgencyInterface:
    """The lists and objects that the GET operations of an OpenAPI document return. Raises `CommandError`."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CommandError(f"{path} is not an OpenAPI document in JSON: {error}; convert YAML to JSON first") from None
    if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
        raise CommandError(f"{path} has no paths: is it an OpenAPI document?")
    openapi = _OpenApi(document)
    shapes = list(openapi.list_shapes())
    if not shapes:
        raise CommandError(f"{path}: no GET operation returns JSON objects with named properties")
    return AgencyInterface(
        driver="http", origin=f"{path.name} ({openapi.server})", shapes=shapes, wire=openapi.build_credential()
    )


class _OpenApi:
    """An OpenAPI document of version 3."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        servers = document.get("servers") or [{}]
        self.server = servers[0].get("url", "no server")

    def list_shapes(self) -> Iterator[RowShape]:
        for path, operations in self._document["paths"].items():
            operation = operations.get("get")
            schema = self._find_reply(operation or {})
            if schema is None:
                continue
            given = [
                self._resolve(each) for each in (*operations.get("parameters", ()), *operation.get("parameters", ()))
            ]
            parameters = {each["name"]: each["in"] for each in given if each["in"] == "path" or each.get("required")}
            asked = {each["name"] for each in given if each["in"] == "query"}
            paging = self._find_paging(asked - parameters.keys(), schema)
            for names, row in self._list_rows(schema, []):
                shape = self._build_shape(path.strip("/"), row)
                yield replace(shape, rows=".".join(names), parameters=parameters, paging=paging)

    def _build_shape(self, name: str, row: Any) -> RowShape:  # noqa: ANN401 - a schema
        columns = dict(self._list_columns(row, ""))
        words = {each: self._find_words(row, each) for each in columns}
        lists = {
            each: self._build_shape(each, inner["items"])
            for each, inner in ((name, self._resolve(inner)) for name, inner in self._properties(row).items())
            if inner.get("type") == "array" and self._properties(inner.get("items", {}))
        }
        return RowShape(
            name=name, columns=columns, words={each: found for each, found in words.items() if found}, lists=lists
        )

    def _find_words(self, schema: Any, column: str) -> list[str]:  # noqa: ANN401 - a schema
        for name in column.split("."):
            schema = self._resolve(self._properties(schema).get(name, {}))
        return [str(each) for each in schema.get("enum", ())]

    def _find_paging(self, asked: Collection[str], schema: Any) -> dict[str, object]:  # noqa: ANN401 - a schema
        """How pages are requested, by the usual names of parameters."""
        number = next((each for each in ("page", "halaman") if each in asked), None)
        offset = next((each for each in ("offset", "skip", "start") if each in asked), None)
        size = next((each for each in ("per_page", "page_size", "pageSize", "limit", "size") if each in asked), None)
        moved = number or offset
        if moved is None:
            return {}
        query = {moved: "{page}" if number else "{offset}"} | ({size: "{size}"} if size else {})
        total = next(self._find_total(schema, ""), None)
        return {"query": query, "paging": {"by": "page" if number else "offset"} | ({"total": total} if total else {})}

    def _find_total(self, schema: Any, prefix: str) -> Iterator[str]:  # noqa: ANN401 - a schema
        for name, each in self._properties(schema).items():
            if name in {"total", "count", "jumlah", "total_count", "totalCount"}:
                yield f"{prefix}{name}"
            elif prefix.count(".") < _MAX_DEPTH - 1:
                yield from self._find_total(self._resolve(each), f"{prefix}{name}.")

    def build_credential(self) -> dict[str, object]:
        """The table `credential`, from the first security scheme that the hub knows."""
        schemes = self._document.get("components", {}).get("securitySchemes", {})
        for scheme in map(self._resolve, schemes.values()):
            match scheme.get("type"), scheme.get("in") or scheme.get("scheme"):
                case "apiKey", "header":
                    return {"credential": {"headers": {scheme["name"]: "${KEY}"}}}
                case "apiKey", "query":
                    return {"credential": {"query": {scheme["name"]: "${KEY}"}}}
                case "http", "bearer":
                    return {"credential": {"headers": {"Authorization": "Bearer ${KEY}"}}}
                case "oauth2", _ if "clientCredentials" in scheme.get("flows", {}):
                    flow = scheme["flows"]["clientCredentials"]
                    table = {"token_url": flow["tokenUrl"], "client_id": "${CLIENT}", "client_secret": "${SECRET}"}
                    if scopes := " ".join(flow.get("scopes", {})):
                        table["scope"] = scopes
                    return {"credential": {"oauth2": table}}
        return {}

    def _resolve(self, value: Any) -> Any:  # noqa: ANN401 - any JSON
        for _ in range(10):
            if not isinstance(value, dict) or "$ref" not in value:
                return value
            found: Any = self._document
            for name in str(value["$ref"]).removeprefix("#/").split("/"):
                found = found.get(name, {}) if isinstance(found, dict) else {}
            value = found
        return {}

    def _find_reply(self, operation: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a schema
        responses = operation.get("responses", {})
        reply = self._resolve(next((responses[each] for each in ("200", "2XX", "default") if each in responses), {}))
        content = reply.get("content", {})
        return next((each.get("schema") for kind, each in content.items() if "json" in kind), None)

    def _properties(self, schema: Any) -> Mapping[str, Any]:  # noqa: ANN401 - a schema
        schema = self._resolve(schema)
        found: dict[str, Any] = {}
        for part in schema.get("allOf", ()):
            found |= self._properties(part)
        return {**found, **schema.get("properties", {})}

    def _list_rows(self, schema: Any, names: Sequence[str]) -> Iterator[tuple[Sequence[str], Any]]:  # noqa: ANN401 - a schema
        """The paths to what may be the rows, with their schemas: lists of objects, and objects with several values."""
        resolved = self._resolve(schema)
        if resolved.get("type") == "array":
            if self._properties(resolved.get("items", {})):
                yield names, resolved["items"]
            return
        properties = self._properties(resolved)
        is_envelope = False
        for name, each in properties.items():
            inner = self._resolve(each)
            is_list = inner.get("type") == "array"
            if is_list or (self._properties(inner) and len(names) < _MAX_DEPTH and name in _ENVELOPES):
                is_envelope = is_envelope or name in _ENVELOPES
                yield from self._list_rows(inner, [*names, name])
        if not is_envelope and properties:
            yield names, resolved

    def _list_columns(self, schema: Any, prefix: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - a schema
        for name, each in self._properties(schema).items():
            inner = self._resolve(each)
            kind = inner.get("type")
            if isinstance(kind, list):
                kind = next((one for one in kind if one != "null"), "string")
            if kind == "array":
                continue
            if self._properties(inner) and prefix.count(".") < _MAX_DEPTH - 1:
                yield from self._list_columns(inner, f"{prefix}{name}.")
            else:
                yield f"{prefix}{name}", _FORMATS.get(inner.get("format", ""), _JSON_KINDS.get(kind, "text"))


def read_wsdl(path: Path) -> AgencyInterface:
    """The operations of a WSDL whose replies hold rows. Raises `CommandError`."""
    try:
        operations = Wsdl(path, "1.1").operations
    except WsdlError as error:
        raise CommandError(str(error)) from None
    shapes = []
    for name, operation in operations.items():
        rows, row = _find_elements(operation.reply, "")
        columns = dict(_list_elements(row, ""))
        if columns:
            parameters = dict.fromkeys(operation.request.parts, "element")
            beside = [each for each, _ in _list_elements(operation.reply, "") if rows]
            lists = dict(_list_inner_shapes(row))
            shapes.append(
                RowShape(name=name, columns=columns, rows=rows, parameters=parameters, beside_rows=beside, lists=lists)
            )
    if not shapes:
        raise CommandError(f"{path}: no operation of SOAP 1.1 has a reply with elements")
    return AgencyInterface(driver="soap", origin=path.name, shapes=shapes, wire={"wsdl": path.name})


def _find_elements(shape: ElementShape, prefix: str) -> tuple[str, ElementShape]:
    """The path to the first element that repeats, and its parts; else the reply itself."""
    for name, part in shape.parts.items():
        if part.is_repeated and part.shape.parts:
            return f"{prefix}{name}", part.shape
    for name, part in shape.parts.items():
        if part.shape.parts:
            found, row = _find_elements(part.shape, f"{prefix}{name}.")
            if found:
                return found, row
    return "", shape


def _list_elements(shape: ElementShape, prefix: str) -> Iterator[tuple[str, str]]:
    for name, part in shape.parts.items():
        if part.shape.parts and not part.is_repeated:
            yield from _list_elements(part.shape, f"{prefix}{name}.")
        elif not part.shape.parts:
            yield f"{prefix}{name}", "text"


def _list_inner_shapes(shape: ElementShape) -> Iterator[tuple[str, RowShape]]:
    """The rows of lists within a row, by the name of their element."""
    for name, part in shape.parts.items():
        if part.is_repeated and part.shape.parts:
            columns = dict(_list_elements(part.shape, ""))
            yield name, RowShape(name=name, columns=columns, lists=dict(_list_inner_shapes(part.shape)))


def read_csv(path: Path) -> AgencyInterface:
    """The columns of a CSV file with a header. No value of it is kept. Raises `CommandError`."""
    try:
        with path.open("rb") as file:
            raw = file.read(_SNIFFED)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from None
    encoding = next((each for each in _ENCODINGS if _is_encoded(raw, each)), "latin-1")
    lines = raw.decode(encoding, "replace").splitlines()
    delimiter = max(_DELIMITERS, key=lines[0].count) if lines else ","
    rows = [each for each in csv.reader(lines, delimiter=delimiter) if each]
    names = rows[0] if rows else []
    if len(names) < 2 or len(set(names)) < len(names):  # noqa: PLR2004 - one column is not CSV
        raise CommandError(f"{path}: its first row does not name the columns; is it CSV with , ; | or tabs?")
    source: dict[str, object] = {"file": path.name}
    if delimiter != ",":
        source["delimiter"] = delimiter
    if encoding != "utf-8-sig":
        source["encoding"] = encoding
    if len(raw) < _SNIFFED and len(rows) > 2 and len(rows[-1]) < len(names):  # noqa: PLR2004 - a row between them
        marker, *counts = rows.pop()
        at = next((number for number, each in enumerate(counts, start=2) if each == str(len(rows) - 1)), 2)
        source["trailer"] = {"marker": marker, "count": at}
    values = {name: [row[at] for row in rows[1:] if at < len(row) and row[at]] for at, name in enumerate(names)}
    if commas := [name for name, each in values.items() if each and all(map(_COMMA.fullmatch, each))]:
        source["decimal_comma"] = commas
    columns = {name: "number" if name in commas else _find_kind(each) for name, each in values.items()}
    return AgencyInterface(
        driver="files", origin=path.name, shapes=[RowShape(name=path.stem, columns=columns)], source=source
    )


def _find_kind(values: Sequence[str]) -> str:
    """The kind of a column by its values, which are not kept."""
    is_number = bool(values) and all(each.removeprefix("-").replace(".", "", 1).isdigit() for each in values)
    has_zeros = any(len(each) > 1 and each.startswith("0") and each.isdigit() for each in values)
    return "number" if is_number and not has_zeros else "text"


def _is_encoded(raw: bytes, encoding: str) -> bool:
    try:
        raw[: raw.rfind(b"\n") + 1].decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
