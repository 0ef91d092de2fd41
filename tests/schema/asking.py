"""Operations over the hub's own schema, answered by the small city."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any

from auth.caller import Caller
from auth.node_ids import NodeIds
from engine.document import DocumentRules
from engine.limits import Limits
from engine.request import GraphQLRequest, GraphQLResponse
from engine.run import Engine
from schema.asking import Asking
from schema.build import build_schema, graphql_schema
from tests.small_city import SmallCity
from tests.small_records import CALL, CALLERS, NOW

IDS = NodeIds(b"a secret of thirty-two bytes....")


@cache
def engine() -> Engine:
    """One engine for all tests: building the schema takes a moment."""
    rules = DocumentRules(limits=Limits(), introspection=False, suggestions=False)
    return Engine(graphql_schema(build_schema()), rules, noting=True)


@cache
def without_plans() -> Engine:
    """The same schema, answered by graphql-core alone."""
    return Engine(engine().schema, engine().rules, plans=False, noting=True)


async def run(
    query: str,
    variables: dict[str, Any] | None = None,
    *,
    caller: str | Caller = "an official",
    city: SmallCity | None = None,
    engines: tuple[Engine, Engine] | None = None,
) -> GraphQLResponse:
    """The response to one operation, which has to be the same by graphql-core and by a plan, first sight and second."""
    by_graphql_core, by_plan = engines or (without_plans(), engine())
    city = city or SmallCity()
    first, second = deepcopy(city), deepcopy(city)
    request = GraphQLRequest(query=query, variables=variables)
    response = await _run(by_graphql_core, request, caller, city)
    for each in (first, second):
        planned = await _run(by_plan, request, caller, each)
        assert planned.data == response.data
        assert _comparable(planned) == _comparable(response)
        assert sorted(planned.reads, key=repr) == sorted(response.reads, key=repr)
        assert _asked(each) == _asked(city)
        assert len(each.asked) <= len(city.asked)  # what waits for a fact goes together in a plan, one by one elsewhere
    return response


async def _run(engine: Engine, request: GraphQLRequest, caller: str | Caller, city: SmallCity) -> GraphQLResponse:
    who = CALLERS[caller] if isinstance(caller, str) else caller

    def opened() -> Asking:
        return Asking(caller=who, call=CALL, agencies=city.agencies(), node_ids=IDS, clock=NOW.timestamp)

    return await engine.run(request, opened, request_id="r-1")


def _comparable(response: GraphQLResponse) -> list[str]:
    return sorted(
        repr({**error, "message": None} if "incident" in error["extensions"] else error) for error in response.errors
    )


def _asked(city: SmallCity) -> list[str]:
    return sorted(repr((agency, question, key)) for agency, question, keys in city.asked for key in keys)


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


def reasons(response: GraphQLResponse) -> list[tuple[str, str]]:
    """Dotted path of each refusal, none where the operation was refused whole, and the class of its reason."""
    assert {error["extensions"]["code"] for error in response.errors} <= {"FORBIDDEN"}
    return [(".".join(map(str, error.get("path", ()))), error["extensions"]["reason"]) for error in response.errors]


def asked_about(city: SmallCity, caller: Caller) -> list[tuple[str, str, tuple[Any, ...]]]:
    """What agencies were asked, but for the caller's own family card: by it is decided whose guardian they are."""
    own = ("dukcapil", "households", (caller.nik,))
    return [each for each in city.asked if each != own]
