"""An operation without any field that the caller may read is refused completely; others are answered."""

from __future__ import annotations

from typing import Any

import pytest

from engine.request import GraphQLRequest, ResponseOutcome
from engine.run_request import RunRequest
from schema.declarations.request_context import RequestContext
from tests.fakes.city import build_policy
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import CALL, CALLERS, SITI
from tests.schema.requests import IDS, build_engine, build_engine_without_plans, get_reasons, run


@pytest.mark.parametrize(
    ("caller", "query", "expected"),
    [
        ("anonymous", "{ me { name } }", ["SIGN_IN"]),
        ("anonymous", f'{{ me {{ name }} c: citizen(nik: "{SITI}") {{ name }} }}', ["SIGN_IN", "SIGN_IN"]),
        ("another citizen", f'{{ citizens(niks: ["{SITI}"]) {{ name }} }}', ["NOT_FOR_CITIZENS"]),
        ("an official", "{ me { name } }", ["NOT_FOR_OFFICIALS"]),
    ],
)
async def test_a_fully_forbidden_operation_has_no_data_and_a_reason_for_every_root_field(
    caller: str, query: str, expected: list[str]
) -> None:
    city = SmallCity()
    response = await run(query, caller=caller, city=city)
    assert response.outcome is ResponseOutcome.FORBIDDEN
    assert response.data is None
    assert [reason for _, reason in get_reasons(response)] == expected
    assert all("path" not in error and error["locations"] for error in response.errors)
    assert city.calls == []


@pytest.mark.parametrize(
    ("caller", "query", "data"),
    [
        ("anonymous", "{ me { name } __typename }", {"me": None, "__typename": "Query"}),
        ("anonymous", '{ me { name } region(code: "99") { name } }', {"me": None, "region": None}),
        ("another citizen", f'{{ citizen(nik: "{SITI}") {{ name }} }}', {"citizen": None}),
        ("anonymous", f'{{ node(id: "{IDS.seal("Citizen", SITI)}") {{ id }} }}', {"node": None}),
        ("anonymous", "{ me @skip(if: true) { name } __typename @skip(if: true) }", {}),
    ],
)
async def test_an_operation_with_any_readable_field_is_answered(caller: str, query: str, data: Any) -> None:  # noqa: ANN401 - JSON
    response = await run(query, caller=caller)
    assert response.outcome is ResponseOutcome.ANSWERED
    assert response.data == data


@pytest.mark.parametrize("by", [build_engine, build_engine_without_plans], ids=["by a plan", "by graphql-core"])
async def test_each_error_has_the_location_of_its_field(by: Any) -> None:  # noqa: ANN401 - an engine's maker
    request = GraphQLRequest(query="query Mine {\n  me { name }\n  again: me { nik }\n}")

    def opened() -> RequestContext:
        return RequestContext(
            policy=build_policy(), caller=CALLERS["anonymous"], call=CALL, agencies=SmallCity().agencies(), node_ids=IDS
        )

    response = await by().run(RunRequest(request=request, context_factory=opened, request_id="r-1"))
    assert [error["locations"] for error in response.errors] == [[{"line": 2, "column": 3}], [{"line": 3, "column": 3}]]
