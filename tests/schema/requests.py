"""Operations over the hub's own schema, answered by the small city."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any

from auth.caller import Caller
from auth.crypto.node_ids import NodeIds
from engine.document.limits import Limits
from engine.document.parsing import DocumentRules
from engine.engine import Engine
from engine.request import GraphQLRequest, GraphQLResponse
from engine.run_request import RunReporting, RunRequest
from records.calls.call import Call
from schema.builder import build_schema, get_graphql_schema
from schema.declarations.request_context import RequestContext
from tests.fakes.city import build_codes, build_policy
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import CALL, CALLERS, NOW

IDS = NodeIds(b"a secret of thirty-two bytes....")


@cache
def build_engine() -> Engine:
    """One engine for all tests: building the schema takes a moment."""
    rules = DocumentRules(limits=Limits(), allow_introspection=False, allow_suggestions=False)
    return Engine(get_graphql_schema(build_schema(build_codes())), rules, reporting=RunReporting(track_reads=True))


@cache
def build_engine_without_plans() -> Engine:
    """The same schema, answered by graphql-core alone."""
    return Engine(
        build_engine().schema, build_engine().rules, use_plans=False, reporting=RunReporting(track_reads=True)
    )


async def run(
    query: str,
    variables: dict[str, Any] | None = None,
    *,
    caller: str | Caller = "an official",
    city: SmallCity | None = None,
    engines: tuple[Engine, Engine] | None = None,
    call: Call = CALL,
) -> GraphQLResponse:
    """The response to one operation, which has to be the same by graphql-core and by a plan, first sight and second."""
    by_graphql_core, by_plan = engines or (build_engine_without_plans(), build_engine())
    city = city or SmallCity()
    first, second = deepcopy(city), deepcopy(city)
    request = GraphQLRequest(query=query, variables=variables)
    response = await _run(by_graphql_core, request, caller, city, call)
    for each in (first, second):
        planned = await _run(by_plan, request, caller, each, call)
        assert planned.data == response.data
        assert _comparable(planned) == _comparable(response)
        assert sorted(planned.reads, key=repr) == sorted(response.reads, key=repr)
        assert _asked(each) == _asked(city)
        assert len(each.calls) <= len(city.calls)  # what waits for a fact goes together in a plan, one by one elsewhere
    return response


async def _run(
    engine: Engine, request: GraphQLRequest, caller: str | Caller, city: SmallCity, call: Call
) -> GraphQLResponse:
    who = CALLERS[caller] if isinstance(caller, str) else caller

    def opened() -> RequestContext:
        return RequestContext(
            policy=build_policy(), caller=who, call=call, agencies=city.agencies(), node_ids=IDS, clock=NOW.timestamp
        )

    return await engine.run(RunRequest(request=request, context_factory=opened, request_id="r-1"))


def _comparable(response: GraphQLResponse) -> list[str]:
    return sorted(
        repr({**error, "message": None} if "incident" in error["extensions"] else error) for error in response.errors
    )


def _asked(city: SmallCity) -> list[str]:
    return sorted(repr((agency, question, key)) for agency, question, keys in city.calls for key in keys)


async def run_for_data(
    query: str,
    variables: dict[str, Any] | None = None,
    *,
    caller: str = "an official",
    city: SmallCity | None = None,
    call: Call = CALL,
) -> Any:  # noqa: ANN401 - JSON
    """The data of an operation that must not fail."""
    response = await run(query, variables, caller=caller, city=city, call=call)
    assert response.errors == []
    return response.data


def get_codes(response: GraphQLResponse) -> list[tuple[str, str]]:
    """Dotted path and code of each error."""
    return [(".".join(map(str, error.get("path", ()))), error["extensions"]["code"]) for error in response.errors]


def get_reasons(response: GraphQLResponse) -> list[tuple[str, str]]:
    """Dotted path of each refusal, or none if the whole operation was refused, and the class of its reason."""
    assert {error["extensions"]["code"] for error in response.errors} <= {"FORBIDDEN"}
    return [(".".join(map(str, error.get("path", ()))), error["extensions"]["reason"]) for error in response.errors]


def list_agency_calls(city: SmallCity, caller: Caller) -> list[tuple[str, str, tuple[Any, ...]]]:
    """The calls to agencies, except for the caller's own family card, which decides whose guardian they are."""
    own = ("dukcapil", "households", (caller.nik,))
    return [each for each in city.calls if each != own]
