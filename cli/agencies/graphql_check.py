"""Compares a manifest with the schema of its GraphQL server: of a subgraph by `_service`, else by introspection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, NamedTuple

from graphql import (
    GraphQLArgument,
    GraphQLError,
    GraphQLField,
    GraphQLNonNull,
    GraphQLSchema,
    build_ast_schema,
    build_client_schema,
    get_introspection_query,
    get_named_type,
    is_composite_type,
    is_required_argument,
    parse,
    parse_type,
)
from graphql.language import (
    DocumentNode,
    InterfaceTypeDefinitionNode,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    StringValueNode,
)
from graphql.utilities import is_type_sub_type_of, type_from_ast

from cli.agencies.check_places import suggest_column
from connectors.batching.row_check import RowCheck
from connectors.declared.column_syntax import JSON_PATHS
from connectors.declared.domain_reads import list_reads
from connectors.declared.driver_family import NO_CALL_LIMITS, Source
from connectors.declared.graphql.documents import FieldDocument, Selection, list_columns
from connectors.declared.graphql.lists import build_field_document
from connectors.declared.graphql.reads import build_document
from connectors.declared.graphql.replies import MEDIA_TYPE
from connectors.declared.graphql.tables import GraphqlCallTable, GraphqlReadTable, GraphqlRowsTable
from connectors.declared.record_readers import RecordReaders
from connectors.declared.snapshot.tables import SnapshotReadTable
from connectors.declared.trouble import NoResultCodes
from connectors.drivers.http.driver import HttpDriver
from connectors.drivers.http.json_body import write_json
from connectors.drivers.http.service import HttpRequest
from records.calls.call import Call
from records.calls.failures import AgencyMalformed
from resolvers.domains import find_domains
from settings.city.manifest import ManifestFile
from settings.city.problems import CityProblem

_HEADERS: Final = {"Content-Type": "application/json"}
_DEADLINE: Final = 10.0
_SERVICE: Final = "query Service{_service{sdl}}"
Keys = Mapping[str, list[str]]
"""The fields of each `@key` of a type."""


async def check_graphql_schema(file: ManifestFile, driver: HttpDriver) -> list[CityProblem]:
    """What of a manifest the server's schema does not have. Raises `AgencyFailure`."""
    schema, keys = await _load_schema(driver)
    problems: list[CityProblem] = []
    for asked in _list_asked(file, driver):
        found, table = list(_CallCheck(*asked, schema).list_problems()), asked.table
        if isinstance(table, GraphqlReadTable) and table.entity in schema.type_map:
            found += _check_key(asked.place, table, keys.get(table.entity, []))
        problems += [file.locate(where, text) for where, text in dict.fromkeys(found)]
    return list(dict.fromkeys(problems))


async def _load_schema(driver: HttpDriver) -> tuple[GraphQLSchema, Keys]:
    """The schema, and the keys of its entities, which introspection does not show."""
    sdl = (await _ask(driver, _SERVICE) or {}).get("_service", {}).get("sdl")
    try:
        if isinstance(sdl, str):
            document = parse(sdl)
            return build_ast_schema(_complete(document), assume_valid_sdl=True), _list_keys(document)
        found = await _ask(driver, get_introspection_query(descriptions=False))
        if found is not None:
            return build_client_schema(found), {}
    except (GraphQLError, TypeError, ValueError, KeyError):
        pass
    raise AgencyMalformed(driver.agency, "its schema can be read neither from _service nor by introspection")


async def _ask(driver: HttpDriver, query: str) -> Any:  # noqa: ANN401 - any JSON
    """The data of a query; None if there are errors."""
    request = HttpRequest("POST", "", body=write_json({"query": query}), headers=_HEADERS, answer_type=MEDIA_TYPE)
    call = Call(deadline=monotonic() + _DEADLINE, request_id="check-schema")

    def read(_: object, value: object) -> object:
        return None if not isinstance(value, dict) or value.get("errors") else value.get("data")

    return await driver.ask_value(request, call, read)


def _complete(document: DocumentNode) -> DocumentNode:
    """A subgraph may only extend a type that another subgraph defines."""
    defined = {node.name.value for node in document.definitions if isinstance(node, ObjectTypeDefinitionNode)}
    nodes: list[Any] = []
    for node in document.definitions:
        if isinstance(node, ObjectTypeExtensionNode) and node.name.value not in defined:
            defined.add(node.name.value)
            nodes.append(
                ObjectTypeDefinitionNode(
                    name=node.name, interfaces=node.interfaces, directives=node.directives, fields=node.fields
                )
            )
        else:
            nodes.append(node)
    return DocumentNode(definitions=tuple(nodes))


def _list_keys(document: DocumentNode) -> Keys:
    found: dict[str, list[str]] = {}
    for node in document.definitions:
        if isinstance(node, ObjectTypeDefinitionNode | ObjectTypeExtensionNode | InterfaceTypeDefinitionNode):
            for directive in node.directives or ():
                values = [each.value for each in directive.arguments or () if each.name.value == "fields"]
                if directive.name.value == "key" and values and isinstance(values[0], StringValueNode):
                    found.setdefault(node.name.value, []).append(values[0].value)
    return found


def _list_asked(file: ManifestFile, driver: HttpDriver) -> Iterator[_AskedField]:
    """What each read and each snapshot asks, with its place."""
    manifest, reads = file.manifest, list_reads(find_domains()[file.manifest.domain])
    source: Source[HttpDriver] = Source(
        agency=file.code,
        driver=driver,
        check=RowCheck(file.code, driver.counts),
        records=RecordReaders(manifest.records, columns=JSON_PATHS),
        columns=JSON_PATHS,
        codes=NoResultCodes(),
        limits=NO_CALL_LIMITS,
    )
    columns: dict[str, list[tuple[str, str]]] = {}
    for name, table in manifest.reads.items():
        if isinstance(table, GraphqlReadTable):
            yield _AskedField(f"reads.{name}", table, build_document(source, reads[name], table))
        elif isinstance(table, SnapshotReadTable):
            columns.setdefault(table.snapshot, []).extend(list_columns(source.records.build(name, reads[name].record)))
    for name, snapshot in manifest.snapshots.items():
        if isinstance(snapshot.rows, GraphqlRowsTable):
            place = f"snapshots.{name}.rows"
            document = build_field_document(place, snapshot.rows, columns.get(name, []), {})
            yield _AskedField(place, snapshot.rows, document)


class _AskedField(NamedTuple):
    """What a table of the manifest asks, with its place."""

    place: str
    table: GraphqlCallTable
    document: FieldDocument


@dataclass(frozen=True, slots=True)
class _CallCheck:
    """Compares one field or entity with the schema. Each problem has its place."""

    place: str
    table: GraphqlCallTable
    document: FieldDocument
    schema: GraphQLSchema

    def list_problems(self) -> Iterator[tuple[str, str]]:
        """All problems."""
        entity = self.table.entity if isinstance(self.table, GraphqlReadTable) else None
        if entity is not None:
            kind = self.schema.type_map.get(entity)
            if is_composite_type(kind):
                yield from self._check_selection(kind)
                return
            names = [name for name, each in self.schema.type_map.items() if is_composite_type(each)]
            yield f"{self.place}.entity", f"there is no type '{entity}'; {suggest_column(entity, names)}"
            return
        name, query = self.table.field or "", self.schema.query_type
        fields = {} if query is None else query.fields
        if name not in fields:
            yield f"{self.place}.field", f"there is no field '{name}'; {suggest_column(name, list(fields))}"
            return
        yield from self._check_arguments("", fields[name])
        yield from self._check_selection(get_named_type(fields[name].type))

    def _check_selection(self, kind: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any type with fields
        waiting: list[tuple[str, Selection, Any]] = [("", self.document.selection, kind)]
        while waiting:
            path, selection, outer = waiting.pop()
            fields: Mapping[str, GraphQLField] = getattr(outer, "fields", {})
            for name, each in selection.fields.items():
                here, where = f"{path}.{name}".removeprefix("."), each.places[0]
                if name not in fields:
                    yield where, f"{outer.name} has no field '{name}'; {suggest_column(name, list(fields))}"
                    continue
                yield from self._check_arguments(here, fields[name])
                inner = get_named_type(fields[name].type)
                if is_composite_type(inner) and not each.fields:
                    example = next(iter(getattr(inner, "fields", {})), "name")
                    yield where, f"'{name}' is an object: name a field in it, such as {name}.{example}"
                elif each.fields and not is_composite_type(inner):
                    yield where, f"'{name}' is {inner.name}, which has no fields: remove what follows it"
                elif each.fields:
                    waiting.append((here, each, inner))

    def _check_arguments(self, path: str, field: GraphQLField) -> Iterator[tuple[str, str]]:
        place, variables = f"{self.place}.arguments", self.document.arguments
        given = {name.rpartition(".")[2]: name for name in self.table.arguments if name.rpartition(".")[0] == path}
        for name, written in given.items():
            if name not in field.args:
                yield place, f"there is no argument '{name}'; {suggest_column(name, list(field.args))}"
            elif not self._takes(variables.types[variables.names[written]], field.args[name]):
                wanted = field.args[name].type
                yield place, f'\'{name}\' is {wanted}: write types = {{ "{written}" = "{wanted}" }}'
        for name, argument in field.args.items():
            if name not in given and is_required_argument(argument):
                yield place, f"'{f'{path}.{name}'.removeprefix('.')}' is required ({argument.type}): give it"

    def _takes(self, variable: str, argument: GraphQLArgument) -> bool:
        """Whether an argument takes a variable of this type; a default makes a non-null argument optional."""
        kind, wanted = type_from_ast(self.schema, parse_type(variable)), argument.type
        if kind is None:
            return False
        if isinstance(wanted, GraphQLNonNull) and not is_required_argument(argument):
            wanted = wanted.of_type
        return is_type_sub_type_of(self.schema, kind, wanted)


def _check_key(place: str, table: GraphqlReadTable, keys: list[str]) -> Iterator[tuple[str, str]]:
    """Whether an entity has the key; a schema from introspection shows none."""
    given = [table.key] if isinstance(table.key, str) else list((table.key or {}).values())
    names = {each.partition(".")[0] for each in given}
    if keys and not any(names == set(each.partition("{")[0].split()) for each in keys):
        yield f"{place}.key", f"{table.entity} has the keys {', '.join(repr(each) for each in keys)}; name one of them"
