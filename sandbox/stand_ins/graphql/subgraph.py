"""A subgraph of Apollo Federation over samples: its schema in `schema.graphql`, and one file of rows a type.

A field of `Query` gives the rows of its type, a list or a connection (Relay), that have the values of its arguments. An
object that holds only the key of a type with rows is that row. `{"error": "CODE"}` in place of a value is an error.

See https://www.apollographql.com/docs/federation/subgraph-spec.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLResolveInfo,
    build_ast_schema,
    execute_sync,
    get_named_type,
    is_list_type,
    is_object_type,
    parse,
    validate,
)
from graphql.language import ObjectTypeDefinitionNode, ObjectTypeExtensionNode, StringValueNode
from graphql.type import get_nullable_type

from sandbox.agency import CannotStartError
from sandbox.stand_ins.sources import StandInSource

SCHEMA: Final = "schema.graphql"
_MACHINERY: Final = """
scalar _Any
type _Service {{ sdl: String! }}
union _Entity = {entities}
extend type Query {{ _entities(representations: [_Any!]!): [_Entity]! _service: _Service! }}
"""
_PAGE_ARGUMENTS: Final = frozenset({"first", "after"})
_SEARCH: Final = "cari"
_MAX_PAGE: Final = 500
Row = Mapping[str, Any]


class Subgraph:
    """Executes requests. Raises `CannotStartError` for samples that cannot be served."""

    def __init__(self, source: StandInSource) -> None:
        path = source.samples / SCHEMA
        if not path.is_file():
            raise CannotStartError(f"{source.code} has no {SCHEMA}: write its schema to {path}.")
        self._sdl = path.read_text(encoding="utf-8")
        document = parse(self._sdl)
        self._keys = dict(_list_keys(document))
        text = self._sdl + _MACHINERY.format(entities=" | ".join(self._keys))
        self._schema = build_ast_schema(parse(text), assume_valid_sdl=True)
        self._tables: Mapping[str, Sequence[Row]] = dict(source.read_json())

    def answer(self, given: Any) -> tuple[int, Mapping[str, Any]]:  # noqa: ANN401 - any JSON
        """The status and the response to the JSON body of a request."""
        if not isinstance(given, dict) or not isinstance(given.get("query"), str):
            return 400, {"errors": [{"message": "the body has no query", "extensions": {"code": "BAD_REQUEST"}}]}
        try:
            document = parse(given["query"])
        except GraphQLError as error:
            return 400, _refuse([error], "GRAPHQL_PARSE_FAILED")
        if errors := validate(self._schema, document):
            return 400, _refuse(errors, "GRAPHQL_VALIDATION_FAILED")
        result = execute_sync(
            self._schema,
            document,
            variable_values=given.get("variables"),
            operation_name=given.get("operationName"),
            field_resolver=self._resolve,
            type_resolver=lambda value, *_: value["__typename"],
        )
        return 400 if result.data is None else 200, result.formatted

    def _resolve(self, value: Any, info: GraphQLResolveInfo[None], **arguments: Any) -> Any:  # noqa: ANN401 - any sample
        match info.field_name if info.parent_type.name == "Query" else "":
            case "":
                return self._complete(_raise(value.get(info.field_name)), info)
            case "_service":
                return {"sdl": self._sdl}
            case "_entities":
                return [self._find_entity(each) for each in arguments["representations"]]
            case _:
                return self._find_listed(info, arguments)

    def _find_entity(self, representation: Row) -> Any:  # noqa: ANN401 - any sample
        name = representation["__typename"]
        wanted = {key: str(representation[key]) for key in self._keys[name]}
        found = next((each for each in self._tables.get(name, ()) if _has(each, wanted)), None)
        # As resolvers are commonly written: an entity that another subgraph owns exists because it was asked for.
        return found and {"__typename": name, **_raise(found)}

    def _complete(self, value: Any, info: GraphQLResolveInfo[None]) -> Any:  # noqa: ANN401 - any sample
        """The rows of references to a type."""
        name = get_named_type(info.return_type).name
        if isinstance(value, list):
            return [self._follow(name, each) for each in value]
        return self._follow(name, value)

    def _follow(self, name: str, value: Any) -> Any:  # noqa: ANN401 - any sample
        keys = self._keys.get(name)
        if keys is None or not isinstance(value, dict) or value.keys() != set(keys):
            return value
        found = next((each for each in self._tables.get(name, ()) if _has(each, value)), None)
        return found and _raise(found)

    def _find_listed(self, info: GraphQLResolveInfo[None], arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any sample
        kind = get_named_type(info.return_type)
        is_connection = is_object_type(kind) and "pageInfo" in kind.fields
        item = (
            get_named_type(kind.fields["nodes"].type) if isinstance(kind, GraphQLObjectType) and is_connection else kind
        )
        rows = [each for each in self._tables.get(item.name, ()) if _is_found(each, arguments)]
        if is_connection:
            return _build_page(rows, arguments)
        return rows if is_list_type(get_nullable_type(info.return_type)) else next(iter(rows), None)


def _list_keys(document: DocumentNode) -> Any:  # noqa: ANN401 - names and keys
    for node in document.definitions:
        if isinstance(node, ObjectTypeDefinitionNode | ObjectTypeExtensionNode):
            for directive in node.directives or ():
                [fields, *_] = directive.arguments or (None,)
                if directive.name.value == "key" and fields and isinstance(fields.value, StringValueNode):
                    yield node.name.value, tuple(fields.value.value.split())


def _has(row: Row, wanted: Mapping[str, Any]) -> bool:
    return all(str(row.get(name)) == str(value) for name, value in wanted.items())


def _raise(value: Any) -> Any:  # noqa: ANN401 - any sample
    if isinstance(value, dict) and "error" in value:
        raise GraphQLError("Terjadi kesalahan pada sumber data", extensions={"code": value["error"]})
    return value


def _is_found(row: Row, arguments: Mapping[str, Any]) -> bool:
    """Whether a row has the values of the arguments; a text is also the beginning of a code."""
    for name, value in arguments.items():
        if name in _PAGE_ARGUMENTS or value is None:
            continue
        if name == _SEARCH:
            texts = [each.casefold() for each in row.values() if isinstance(each, str)]
            if not any(str(value).casefold() in each for each in texts):
                return False
        elif isinstance(value, list):
            if str(row.get(name)) not in map(str, value):
                return False
        elif not str(row.get(name)).startswith(str(value)):
            return False
    return True


def _build_page(rows: Sequence[Row], arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    start = int(arguments["after"]) if arguments.get("after") else 0
    first = arguments.get("first")
    end = start + min(_MAX_PAGE if first is None else first, _MAX_PAGE)
    nodes = rows[start:end]
    edges = [{"cursor": str(start + index + 1), "node": each} for index, each in enumerate(nodes)]
    info = {"hasNextPage": end < len(rows), "endCursor": edges[-1]["cursor"] if edges else None}
    return {"nodes": nodes, "edges": edges, "pageInfo": info, "totalCount": len(rows)}


def _refuse(errors: Sequence[GraphQLError], code: str) -> Mapping[str, Any]:
    return {"errors": [{**each.formatted, "extensions": {"code": code}} for each in errors]}
