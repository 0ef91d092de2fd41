"""What can be said of the graph and of operations over it while nobody is asked: nothing is opened here."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any

from connectors.prices import FoodPrices
from engine.document import DocumentRules, RefusedRequest
from engine.limits import Limits, TooLarge
from engine.plan.explain import explain
from engine.plan.tree import NotPlannable
from engine.request import GraphQLRequest
from engine.run import Engine
from schema.access_page import access_page
from schema.build import build_schema, graphql_schema, sdl
from settings import Settings


def build_schema_sdl() -> str:
    """The schema in the schema definition language, as `schema/schema.graphql` holds it."""
    return sdl(build_schema())


def build_access_page() -> str:
    """Who sees what of the graph, as `docs/frontend/access.md` holds it."""
    return access_page(graphql_schema(build_schema()))


def examiner(*, introspection: bool = False) -> Engine:
    """An engine over the hub's graph that looks at operations and asks nobody, with the limits of a hub of default."""
    fields = Settings.model_fields
    within = fields["pangan_burst"].default + int(fields["pangan_rate"].default * fields["request_timeout"].default)
    rules = DocumentRules(limits=Limits(calls_to={"pangan": within}), introspection=introspection, suggestions=True)
    return Engine(graphql_schema(build_schema()), rules)


def explained(document: str, *, operation_name: str | None, variables: Mapping[str, Any]) -> tuple[str, str]:
    """The plan of an operation over the hub's graph as text, and the Python source it was compiled to.

    Raises `ValueError` with what is wrong with the document, or why it has no plan.
    """
    engine = examiner(introspection=True)
    limits = engine.rules.limits
    request = GraphQLRequest(query=document, operation_name=operation_name, variables=variables)
    try:
        plan, cost = engine.explained(request)
    except RefusedRequest as refused:
        raise ValueError("; ".join(error["message"] for error in refused.errors)) from refused
    except TooLarge as refusal:
        raise ValueError(str(refusal)) from refusal
    except NotPlannable as reason:
        raise ValueError(f"graphql-core runs this operation, because of: {reason}") from reason
    bounds = {
        "pbb": Settings.model_fields["pbb_at_once"].default,
        "pangan": signature(FoodPrices).parameters["side_by_side"].default,
    }
    return explain(plan, cost).as_text(limits, bounds), plan.source
