"""Tools over the graph and its operations that open nothing and call no agency."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.declared.tables import KeyedReadTable
from engine.agencies.agency_codes import ANY_AGENCIES
from engine.document.limits import Limits, TooLarge
from engine.document.parsing import DocumentRules
from engine.engine import Engine
from engine.plan.explanation import explain_plan
from engine.plan.tree import NotPlannable
from engine.request import GraphQLRequest, RefusedRequest
from schema.builder import build_schema, get_graphql_schema, print_sdl
from schema.tools.access_page import render_access_page
from schema.tools.decision_table import render_decision_table
from settings import Settings
from settings.agencies import count_paced_calls
from settings.city.folder import CityFolder
from wiring.agencies import list_agency_codes


def build_schema_sdl(city: CityFolder | None = None) -> str:
    """The graph of a city in the schema definition language; without one, the graph with every domain."""
    return print_sdl(build_schema(ANY_AGENCIES if city is None else list_agency_codes(city)))


def build_access_page() -> str:
    """The access rules of the graph, as `docs/frontend/field-access.md` holds them."""
    return render_access_page(get_graphql_schema(build_schema()))


def build_decision_table() -> str:
    """The decision about every field, as `docs/frontend/decision-table.md` holds it."""
    return render_decision_table(get_graphql_schema(build_schema()))


def build_offline_engine(city: CityFolder, *, introspection: bool = False) -> Engine:
    """An engine that analyses operations over the graph of a city without any call, with the default limits."""
    paced = count_paced_calls(city, Settings.model_fields["request_timeout"].default)
    rules = DocumentRules(
        limits=Limits(calls_by_agency=paced),
        allow_introspection=introspection,
        allow_suggestions=True,
    )
    return Engine(get_graphql_schema(build_schema(list_agency_codes(city))), rules)


def explain_operation(
    document: str, *, city: CityFolder, operation_name: str | None, variables: Mapping[str, Any]
) -> tuple[str, str]:
    """The plan of an operation over the graph of a city as text, and the Python source it was compiled to.

    Raises `ValueError` if the document is invalid or has no plan.
    """
    engine = build_offline_engine(city, introspection=True)
    limits = engine.rules.limits
    request = GraphQLRequest(query=document, operation_name=operation_name, variables=variables)
    try:
        plan, cost = engine.explain(request)
    except RefusedRequest as refused:
        raise ValueError("; ".join(error["message"] for error in refused.errors)) from refused
    except TooLarge as refusal:
        raise ValueError(str(refusal)) from refusal
    except NotPlannable as reason:
        raise ValueError(f"graphql-core runs this operation, because of: {reason}") from reason
    manifests = {code: each.manifest for code, each in city.agencies.items()}
    bounds = {
        code: each.options["max_concurrency"] for code, each in manifests.items() if "max_concurrency" in each.options
    }
    for code, each in manifests.items():
        limits_of_reads = [read.max_concurrency for read in each.reads.values() if isinstance(read, KeyedReadTable)]
        if limits_of_reads:
            bounds[code] = max(limits_of_reads)
    return explain_plan(plan, cost).to_text(limits, bounds), plan.source
