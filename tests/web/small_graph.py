"""A small graph for tests of the HTTP side: it fulfils the contract of the engine with graphql-core."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    ExecutionResult,
    GraphQLError,
    OperationType,
    build_schema,
    execute,
    get_operation_ast,
    parse,
    validate,
)
from graphql.execution.values import get_variable_values

from auth.caller import ANONYMOUS, Caller, CallerKind
from auth.tokens.token_verifier import Unauthenticated
from engine.cost_budgets import CostBudget
from engine.execution.answer_freshness import FRESH_FOREVER
from engine.request import GraphQLRequest, GraphQLResponse, ResponseOutcome
from records.calls.call import Call
from records.calls.freshness import AnswerLifetime
from records.hub.clients import ClientId
from records.identifiers import Nik
from web.endpoints.health import AgencyReachability, AgencyReadiness, Readiness
from web.pages.graphiql import SamplePerson

SCHEMA = build_schema('''
"""The queries of a small city."""
type Query {
  "The kind of the caller."
  whoAmI: String!
  "Returns its argument."
  echo(text: String!): String
  "Never answers."
  slow: String
  "Raises an exception."
  broken: String
}
"""The changes of a small city."""
type Mutation { "Counts up." count: Int }
''')
REGISTERED = {"Registered": "query Registered { whoAmI }"}
"""Operations by their document id."""
POINTS = 100
"""The cost of each request, in points."""
SITI = Nik("3171014506900001")
NAME = "Siti Aminah"
PEOPLE = [
    SamplePerson(name="Siti", title="citizen", description="Sees her own data.", token="token-of-siti"),
    SamplePerson(name="Pak Budi", title="official", description="Sees what officials see.", token="token-of-budi"),
    SamplePerson(
        name="Bank",
        title="partner",
        description="Runs registered operations.",
        token="token-of-bank",
        is_registered_client=True,
    ),
]


@dataclass
class SmallGraph:
    """Executes requests, and records their calls."""

    calls: list[Call] = field(default_factory=list)
    started: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    lifetime: AnswerLifetime = FRESH_FOREVER
    """The lifetime of answers to queries."""

    async def execute(
        self, request: GraphQLRequest, caller: Caller, call: Call, budget: CostBudget | None
    ) -> GraphQLResponse:
        if budget is not None and (paying := budget.spend(POINTS)) is not None:
            await paying
        self.calls.append(call)
        try:
            document = parse(
                request.query or REGISTERED.get(request.document_id.value if request.document_id else "", "")
            )
        except GraphQLError as error:
            return build_refused_response([error])
        if errors := validate(SCHEMA, document):
            return build_refused_response(errors)
        operation = get_operation_ast(document, request.operation_name)
        if operation is None:
            return build_refused_response([GraphQLError("No such operation.")])
        if request.queries_only and operation.operation is not OperationType.QUERY:
            return build_refused_response([GraphQLError("Only queries run by GET.")], ResponseOutcome.NOT_A_QUERY)
        variables = get_variable_values(SCHEMA, operation.variable_definitions or (), dict(request.variables or {}))
        if isinstance(variables, list):
            return build_refused_response(variables)
        result = execute(
            SCHEMA,
            document,
            root_value=self.build_roots(caller),
            variable_values=dict(request.variables or {}),
            operation_name=request.operation_name,
        )
        done = result if isinstance(result, ExecutionResult) else await result
        if any(isinstance(error.original_error, ZeroDivisionError) for error in done.errors or ()):
            raise RuntimeError(f"cannot serve {SITI}") from ZeroDivisionError(f"no such citizen: {NAME}")
        return GraphQLResponse(
            outcome=ResponseOutcome.ANSWERED,
            data=done.data,
            errors=[dict(error.formatted) for error in done.errors or ()],
            is_public="whoAmI" not in request.query,
            lifetime=self.lifetime if operation.operation is OperationType.QUERY else None,
        )

    def build_roots(self, caller: Caller) -> dict[str, Any]:
        return {
            "whoAmI": caller.kind.value,
            "echo": lambda _info, text: text,
            "slow": self.slow,
            "broken": lambda _info: 1 // 0,
            "count": 1,
        }

    async def slow(self, _info: object) -> str:
        self.started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return "never"


def build_refused_response(
    errors: Sequence[GraphQLError], outcome: ResponseOutcome = ResponseOutcome.REFUSED
) -> GraphQLResponse:
    return GraphQLResponse(outcome=outcome, errors=[dict(error.formatted) for error in errors])


def authenticate(authorization: str | None, _certificate: str | None) -> Caller:
    match authorization:
        case None:
            return ANONYMOUS
        case "Bearer token-of-siti":
            return Caller(kind=CallerKind.CITIZEN, first_party=True, nik=SITI)
        case "Bearer token-of-budi":
            return Caller(kind=CallerKind.OFFICIAL, agency="dukcapil")
        case "Bearer token-of-bank":
            return Caller(kind=CallerKind.PARTNER, client=ClientId("bank", "app"))
        case _:
            raise Unauthenticated("The token is unknown. Get a new one.")


async def ready() -> Readiness:
    return Readiness(
        agencies=[
            AgencyReadiness(name="dukcapil", state=AgencyReachability.UP),
            AgencyReadiness(name="pbb", state=AgencyReachability.DOWN, detail="no answer within 3 s"),
            AgencyReadiness(name="pangan", state=AgencyReachability.UNKNOWN),
        ],
    )


async def sample_people() -> list[SamplePerson]:
    return PEOPLE
