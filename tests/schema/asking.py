"""Operations over the hub's own schema, answered by the small city."""

from __future__ import annotations

from functools import cache
from typing import Any

from auth.node_ids import NodeIds
from engine.document import DocumentRules
from engine.limits import Limits
from engine.request import GraphQLRequest, GraphQLResponse
from engine.run import Engine
from resolvers.bridge import Bridge
from schema.asking import Asking
from schema.build import build_schema, graphql_schema
from tests.small_city import CALL, CALLERS, SmallCity

IDS = NodeIds(b"a secret of thirty-two bytes....")


@cache
def engine() -> Engine:
    """One engine for all tests: building the schema takes a moment."""
    rules = DocumentRules(limits=Limits(), introspection=False, suggestions=False)
    return Engine(graphql_schema(build_schema()), rules)


async def run(
    query: str, variables: dict[str, Any] | None = None, *, caller: str = "an official", city: SmallCity | None = None
) -> GraphQLResponse:
    """The response to one operation."""
    bridge = Bridge(caller=CALLERS[caller], call=CALL, agencies=(city or SmallCity()).agencies())
    asking = Asking(caller=CALLERS[caller], bridge=bridge, node_ids=IDS)
    try:
        return await engine().run(GraphQLRequest(query=query, variables=variables), asking, request_id="r-1")
    finally:
        await bridge.close()


async def data(
    query: str, variables: dict[str, Any] | None = None, *, caller: str = "an official", city: SmallCity | None = None
) -> Any:  # noqa: ANN401 - JSON
    """The data of an operation that must not fail."""
    response = await run(query, variables, caller=caller, city=city)
    assert response.errors == []
    return response.data


def told(response: GraphQLResponse) -> list[tuple[str, str]]:
    """Dotted path and code of each error."""
    return [(".".join(map(str, error.get("path", ()))), error["extensions"]["code"]) for error in response.errors]
