"""The analysis of an operation before it is registered."""

from __future__ import annotations

from typing import Any

import pytest

from auth.caller import ANONYMOUS
from engine.agencies.bindings import Agencies
from engine.document.persisted_operations import ClientApplication
from engine.engine import Engine
from engine.plan.plan import Plan
from engine.request import DocumentId, GraphQLRequest
from engine.run_request import RunRequest
from records.hub.operations import ClientContract, OperationField, RegisteredOperation, VariableRange
from schema.declarations.request_context import RequestContext
from schema.tools.operation_registration import OperationExamination, examine_operation, get_operation_name, list_reads
from tests.fakes.city import build_policy
from tests.fakes.clients import build_client
from tests.fakes.small_records import CALL
from tests.schema.requests import IDS, build_engine

MARKETS = "query Markets($first: Int = 1) { markets(first: $first) { name region { code } } }"
CONTRACT = ClientContract(
    client=build_client("kios"),
    scopes={"prices:read": ("Query.markets", "Market.*"), "places:read": ("Region.code",), "me": ("Query.me",)},
)


def run_examination(
    text: str,
    *,
    name: str = "Markets",
    contract: ClientContract = CONTRACT,
    **given: Any,  # noqa: ANN401 - any attribute
) -> OperationExamination:
    return examine_operation(
        build_engine(),
        contract,
        RegisteredOperation(client=build_client("kios"), id="1", name=name, text=text, **given),
    )


def ranged(**allowed: VariableRange) -> ClientContract:
    return ClientContract(client=build_client("kios"), scopes=CONTRACT.scopes, variables={"Markets": allowed})


def test_an_operation_is_examined_with_its_rules_scopes_and_cost() -> None:
    found = run_examination(MARKETS)
    assert found.faults == []
    assert found.operation.reads == [
        OperationField(field=field, data_class="public", rule="public")
        for field in ("Market.name", "Market.region", "Query.markets", "Region.code")
    ]
    assert found.operation.scopes == {"prices:read", "places:read"}
    assert found.operation.cost > 0
    assert "markets  <- " in found.plan


def test_the_cost_of_an_operation_is_the_maximum_within_its_ranges() -> None:
    dear, cheap = (run_examination(MARKETS, contract=ranged(first=VariableRange(at_most=most))) for most in (50, 5))
    assert dear.operation.cost - cheap.operation.cost == 2 * 45  # a market and its region
    assert dear.operation.ranges == {"first": VariableRange(at_most=50)}


def test_fields_outside_the_contract_are_named_even_under_conditions() -> None:
    text = "query Markets { markets { name prices @include(if: false) { price } } ...More @skip(if: true) }"
    text += " fragment More on Query { regions { name } }"
    found = run_examination(text)
    assert found.faults == [
        "The contract of 'development/kios' opens no scope for Price.price, Query.regions, Region.name."
    ]


def test_personal_data_needs_the_approval_of_its_owner() -> None:
    text = "query Markets { me { __typename } }"
    assert run_examination(text).faults == [
        "It reads personal data (Query.me): name the data owner that approved it, with --approved-by."
    ]
    approved = run_examination(text, approved_by="Dukcapil, letter 12/2026")
    assert approved.faults == []
    assert [each.data_class for each in approved.operation.reads] == ["personal"]


@pytest.mark.parametrize(
    ("text", "field", "data_class"),
    [
        ("{ me { civilStatus { bloodType } } }", "CivilStatus.bloodType", "specific (health)"),
        ("{ me { household { members { relationship } } } }", "HouseholdMember.relationship", "specific (child)"),
        ("{ me { name } }", "Citizen.name", "personal"),
        ("{ complaints { nodes { number } } }", "Complaint.number", "personal"),
        ("{ markets { name } }", "Market.name", "public"),
    ],
)
def test_reads_are_listed_with_their_data_class(text: str, field: str, data_class: str) -> None:
    assert {each.field: each.data_class for each in list_reads(build_engine(), text)}[field] == data_class


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("query Markets { nothing }", "Cannot query field 'nothing' on type 'Query'."),
        ("query Markets {", "Syntax Error: Expected Name, found <EOF>."),
        ("{ markets { name } }", "The operation has no name; give it one."),
        (
            "query Other { markets { name } }",
            "The operation is 'Markets' in the manifest and 'Other' in the document; use the same name.",
        ),
        (
            "query Markets { __typename } query B { __typename }",
            "The document holds 2 operations; a registered document must hold one.",
        ),
        ("fragment F on Market { name }", "The document holds 0 operations; a registered document must hold one."),
    ],
)
def test_a_document_that_cannot_be_registered_is_refused_with_the_reason(text: str, fault: str) -> None:
    assert list(run_examination(text).faults) == [fault]


def test_introspection_cannot_be_registered() -> None:
    [fault] = run_examination("query Markets { __schema { description } }").faults
    assert "introspection" in fault


def test_an_operation_that_is_too_large_is_refused() -> None:
    [fault] = run_examination(MARKETS, contract=ranged(first=VariableRange(at_most=1_000_000))).faults
    assert fault.startswith("The answer would hold about 2000001 objects; at most 50000 are allowed.")


def test_ranges_must_fit_the_operation_and_its_defaults() -> None:
    found = run_examination(MARKETS, contract=ranged(first=VariableRange(at_least=2), second=VariableRange(at_most=1)))
    assert found.faults == [
        "The default of '$first' must be at least 2.",
        "The contract limits the variable '$second', which the operation does not have.",
    ]


@pytest.mark.parametrize(("text", "name"), [(MARKETS, "Markets"), ("{ a }", ""), ("nonsense", "")])
def test_an_operation_without_a_name_in_the_manifest_is_named_by_its_document(text: str, name: str) -> None:
    assert get_operation_name(text) == name


async def test_a_registered_operation_is_compiled_in_advance_and_stays_cached_in_a_flood() -> None:
    fresh = Engine(build_engine().schema, build_engine().rules)
    operation = run_examination(MARKETS).operation
    await fresh.register_operations([CONTRACT], [operation])
    kept = fresh._operation_cache.find((MARKETS, "Markets"))
    assert kept is not None
    [plan] = kept.plans.values()
    assert isinstance(plan, Plan)
    assert plan.seen_again
    functions = [shape.function.__name__ for shape in plan.shapes if shape.function is not None]
    assert functions == [f"leaves_{shape.number}" for shape in plan.shapes]

    for number in range(600):
        await fresh.run(
            RunRequest(
                request=GraphQLRequest(query=f"query Q{number} {{ __typename }}"),
                context_factory=empty_city,
                request_id="r-1",
            )
        )
    assert fresh._operation_cache.find((MARKETS, "Markets")) is kept
    await fresh.register_operations([CONTRACT], [])
    assert fresh._operation_cache.find((MARKETS, "Markets")) is None


async def test_the_cost_of_a_registered_operation_is_checked_at_each_request() -> None:
    fresh = Engine(build_engine().schema, build_engine().rules)
    operation = run_examination(MARKETS).operation
    await fresh.register_operations([CONTRACT], [operation])
    request = GraphQLRequest(query="", document_id=DocumentId("1"), variables={"first": 1_000_000})
    application = ClientApplication(client=build_client("kios"), scopes=operation.scopes, is_partner=True)
    response = await fresh.run(
        RunRequest(request=request, context_factory=empty_city, request_id="r-1", application=application)
    )
    assert [error["extensions"]["code"] for error in response.errors] == ["OPERATION_TOO_LARGE"]


def empty_city() -> RequestContext:
    """What an operation is answered with that asks nobody."""
    return RequestContext(policy=build_policy(), caller=ANONYMOUS, call=CALL, agencies=Agencies({}), node_ids=IDS)
