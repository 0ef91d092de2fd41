"""The same data as five subgraphs (Apollo Federation v2), for peers that call nothing else: one address each.

graphql-core computes an answer once. Each later request with the same bytes is answered from memory.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from graphql import ExecutionResult, GraphQLSchema, build_schema, execute_sync, parse, validate

from benchmarks.comparison import dataset
from benchmarks.layout import NPM
from benchmarks.upstreams.memory_server import Request, render_response, run_server

SCHEMAS = NPM / "grafbase"
"""A schema of each subgraph, which the gateway reads, too."""
SUBGRAPHS = ("blog", "people", "bank", "shop", "post-office")
_ENTITIES = """
scalar _Any
union _Entity = User
type Query { _entities(representations: [_Any!]!): [_Entity]! }
"""


class Subgraphs:
    """Answers requests of all subgraphs."""

    def __init__(self, callers: int = dataset.CALLERS) -> None:
        """Build the schemas, and the data of this number of callers."""
        self._numbers = {dataset.build_caller_id(number): number for number in range(1, callers + 1)}
        users = {each["id"]: each for each in dataset.build_users()}
        posts = [each | {"user": users[each["userId"]]} for each in dataset.build_posts()]

        def find_users(_info: object, representations: list[dict[str, Any]]) -> list[dict[str, Any] | None]:
            found = [users.get(each["id"]) for each in representations]
            return [each and each | {"__typename": "User"} for each in found]

        self._schemas = {name: _build_schema(name) for name in SUBGRAPHS}
        self._roots: Mapping[str, Callable[..., Any]] = {
            "posts": lambda _info: posts,
            "_entities": find_users,
            "account": self._read_own(dataset.build_account),
            "orders": self._read_own(dataset.build_orders),
            "messages": self._read_own(dataset.build_messages),
        }
        self._answers: dict[Request, bytes] = {}

    def answer(self, request: Request, transport: asyncio.WriteTransport) -> None:
        """Answer a request."""
        known = self._answers.get(request)
        if known is None:
            self._learn(request)
            known = self._answers[request]
        transport.write(known)

    def _learn(self, request: Request) -> None:
        """Compute the answer, and that of every other caller, so that no measurement includes it."""
        asked = orjson.loads(request.body)
        schema, document = self._schemas[request.path.strip("/")], parse(asked["query"])
        variables: dict[str, Any] = asked.get("variables") or {}
        problems = validate(schema, document)

        def compute(values: dict[str, Any]) -> bytes:
            result = (
                ExecutionResult(errors=problems)
                if problems
                else execute_sync(schema, document, self._roots, variable_values=values)
            )
            return render_response(orjson.dumps(result.formatted))

        self._answers[request] = compute(variables)
        own = next((value for value in variables.values() if isinstance(value, str) and value in self._numbers), None)
        for caller in self._numbers if own is not None else ():
            body = request.body.replace(str(own).encode(), caller.encode())
            values = {name: caller if value == own else value for name, value in variables.items()}
            self._answers[Request(request.path, body)] = compute(values)

    def _read_own(self, build: Callable[[int], Any]) -> Callable[..., Any]:
        def read(_info: object, id: str) -> Any:  # noqa: A002, ANN401 - the argument's name; JSON
            return build(self._numbers[id]) if id in self._numbers else None

        return read


def _build_schema(name: str) -> GraphQLSchema:
    text = (SCHEMAS / f"{name}.graphql").read_text()
    return build_schema(text if "type Query" in text else text + _ENTITIES, assume_valid_sdl=True)


if __name__ == "__main__":
    run_server(Subgraphs().answer, int(sys.argv[1]))
