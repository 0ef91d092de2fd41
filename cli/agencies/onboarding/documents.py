"""Interfaces from documents: OpenAPI, WSDL and CSV. Nothing is fetched."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cli.agencies.onboarding.shapes import AgencyInterface, RowShape
from cli.command_error import CommandError
from connectors.drivers.soap.element_shapes import ElementShape
from connectors.drivers.soap.wsdl import Wsdl, WsdlError

_ENCODINGS: Final = ("utf-8-sig", "windows-1252")
_SNIFFED: Final = 64 * 1024
_MAX_DEPTH: Final = 3
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
            found = None if schema is None else self._find_rows(schema, [])
            if found is None:
                continue
            names, row = found
            columns = dict(self._list_columns(row, ""))
            given = [
                self._resolve(each) for each in (*operations.get("parameters", ()), *operation.get("parameters", ()))
            ]
            parameters = {each["name"]: each["in"] for each in given if each["in"] == "path" or each.get("required")}
            yield RowShape(name=path.strip("/"), columns=columns, rows=".".join(names), parameters=parameters)

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

    def _find_rows(self, schema: Any, names: Sequence[str]) -> tuple[Sequence[str], Any] | None:  # noqa: ANN401 - a schema
        """The path to the rows, and the schema of a row: the first list of objects, else the object itself."""
        resolved = self._resolve(schema)
        if resolved.get("type") == "array":
            return (names, resolved["items"]) if self._properties(resolved.get("items", {})) else None
        properties = self._properties(resolved)
        for name, each in properties.items():
            inner = self._resolve(each)
            if inner.get("type") == "array" and self._properties(inner.get("items", {})):
                return [*names, name], inner["items"]
        if len(names) < _MAX_DEPTH:
            for name in ("data", "result", "results", "response"):
                if name in properties and (found := self._find_rows(properties[name], [*names, name])) is not None:
                    return found
        return (names, resolved) if properties else None

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
            shapes.append(RowShape(name=name, columns=columns, rows=rows, parameters=parameters, beside_rows=beside))
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


def read_csv(path: Path) -> AgencyInterface:
    """The columns of a CSV file with a header. No value of it is kept. Raises `CommandError`."""
    try:
        with path.open("rb") as file:
            raw = file.read(_SNIFFED)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from None
    encoding = next((each for each in _ENCODINGS if _is_encoded(raw, each)), "latin-1")
    text = raw.decode(encoding, "replace")
    try:
        delimiter = csv.Sniffer().sniff(text, ",;\t|").delimiter
    except csv.Error:
        raise CommandError(f"{path}: no delimiter was found; is it CSV with , ; | or tabs?") from None
    rows = csv.reader(text.splitlines(), delimiter=delimiter)
    names, first = next(rows, []), next(rows, [])
    if len(names) < 2 or len(set(names)) < len(names):  # noqa: PLR2004 - one column is not CSV
        raise CommandError(f"{path}: its first row does not name the columns; add a header")
    values = dict(zip(names, [*first, *[""] * len(names)], strict=False))
    columns = {name: "number" if value.replace(".", "", 1).isdigit() else "text" for name, value in values.items()}
    source: dict[str, object] = {"file": path.name}
    if delimiter != ",":
        source["delimiter"] = delimiter
    if encoding != "utf-8-sig":
        source["encoding"] = encoding
    return AgencyInterface(
        driver="files", origin=path.name, shapes=[RowShape(name=path.stem, columns=columns)], source=source
    )


def _is_encoded(raw: bytes, encoding: str) -> bool:
    try:
        raw[: raw.rfind(b"\n") + 1].decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
