"""`@semanticNonNull` names the fields that are null only with an error, as their declarations imply.

Here every marked field is tried where agencies know nothing. `tests/attacks/authorization/test_idor.py` tries each for
every wrong caller, and `tests/engine/graphql_core/test_oracle.py` for any operation, caller and failing agency.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from functools import cache
from types import NoneType
from typing import Annotated, Any, get_args, get_type_hints

import pytest
import strawberry
from graphql import GraphQLError, parse

from auth.policy.rules import Rule
from engine.batch import NEVER_ABSENT, batch
from engine.engine import Engine
from engine.field_kinds import AttributeField, ComputedField, PlannedField
from engine.request import GraphQLRequest
from engine.run_request import RunRequest
from records.calls.answers import Answers
from records.description import Doc
from records.record import record
from resolvers.batch_context import HubBatchContext
from schema.builder import finish_schema, get_graphql_schema, print_sdl
from schema.declarations.fields import derived, edge, root
from schema.declarations.publishing import publishes
from schema.declarations.request_context import RequestContext
from tests.fakes.city import build_policy
from tests.fakes.graph_records import RECORDS
from tests.fakes.small_city import SmallCity
from tests.fakes.small_records import CALL, CALLERS
from tests.schema.graph_fields import build_engines, list_fields, list_root_fields, types
from tests.schema.requests import IDS, build_engine, build_engine_without_plans
from tests.schema.silent_nulls import find_silent_nulls, get_definition, get_levels


@cache
def get_all_levels() -> dict[str, Sequence[int]]:
    marked = {
        f"{name}.{key}": get_levels(field) for name, type_ in types().items() for key, field in type_.fields.items()
    }
    return {place: levels for place, levels in marked.items() if levels}


@record
class Bookcase:
    """A bookcase."""

    name: Annotated[str, Doc("Its name.")]
    label: Annotated[str | None, Doc("Its label.")]
    tags: Annotated[tuple[str, ...], Doc("Its tags.")]
    owner: Annotated[str | None, Doc("Its owner.")]


async def _find(keys: Sequence[str], context: HubBatchContext) -> Answers[str, Any]:
    del keys, context
    return {}


found = batch(domain=None)(_find)
listed = batch(domain=None, absent=())(_find)
counted = batch(domain=None, absent=NEVER_ABSENT)(_find)


def _shorten(answer: list[str], arguments: Mapping[str, Any]) -> list[str] | None:
    return answer[: arguments["first"]] or None


@publishes(Bookcase, rule=Rule.AGENCY_SYSTEM, shows=("name", "label", "tags"))
class BookcaseType:
    """A bookcase in the graph."""

    known: str | None = edge(found, key="name", description="It may be absent.")
    full: list[str] | None = edge(listed, key="name", description="An empty list if it is absent.")
    without_key: list[str] | None = edge(listed, key="owner", description="Null without an owner.")
    short: list[str] | None = edge(listed, key="name", transform=_shorten, description="Null if it is empty.")
    count: int | None = edge(counted, key="name", description="It is known of every bookcase.")

    @derived(returns=str | None)
    def title(record: Bookcase) -> str:
        """Its title."""
        return record.name

    @derived(returns=str | None)
    def subtitle(record: Bookcase) -> str | None:
        """Its subtitle."""
        return record.label


class Roots:
    """The roots."""

    @root(found, returns=list[BookcaseType | None] | None, rule=Rule.AGENCY_SYSTEM, has_many_keys=True)
    def bookcases() -> list[str]:
        """Some of them are unknown."""
        return []

    @root(counted, returns=list[BookcaseType | None] | None, rule=Rule.AGENCY_SYSTEM, has_many_keys=True)
    def counts() -> list[str]:
        """All of them are known."""
        return []

    @root(counted, returns=BookcaseType | None, rule=Rule.AGENCY_SYSTEM)
    def perhaps() -> str | None:
        """Null for a caller without a key."""
        return None

    @root(counted, returns=BookcaseType | None, rule=Rule.SELF)
    def mine() -> str | None:
        """Other callers are refused."""
        return None


def test_the_types_keys_and_batches_of_declarations_decide_which_fields_are_null_only_with_an_error() -> None:
    roots = {name: value for name, value in vars(Roots).items() if not name.startswith("__")}
    schema = finish_schema(strawberry.type(type("Query", (), roots), description="The root."))
    marked = {
        f"{name}.{key}": get_levels(field)
        for name in ("Query", "Bookcase")
        for key, field in get_graphql_schema(schema).type_map[name].fields.items()  # type: ignore[attr-defined]  # an object
    }
    assert {place: levels for place, levels in marked.items() if levels} == {
        "Query.bookcases": (0,),
        "Query.counts": [0, 1],
        "Query.mine": (0,),
        "Bookcase.name": (0,),
        "Bookcase.tags": (0,),
        "Bookcase.full": (0,),
        "Bookcase.count": (0,),
        "Bookcase.title": (0,),
    }
    assert (
        "counts: [Bookcase] @access(rules: [AGENCY_SYSTEM]) @classified(as: PERSONAL) @semanticNonNull(levels: [0, 1])"
        in print_sdl(schema)
    )


@pytest.mark.parametrize(
    "place",
    ["Query.me", "Query.complaints", "Citizen.complaints", "TaxBill.amount", "TaxObject.bills", "ComplaintPhoto.url"],
)
def test_a_field_of_the_graph_is_marked(place: str) -> None:
    assert get_all_levels()[place] == (0,)


@pytest.mark.parametrize("place", ["Query.citizen", "Citizen.name", "Complaint.region", "Msme.nib", "Query.node"])
def test_a_field_that_can_be_unknown_is_not_marked(place: str) -> None:
    assert place not in get_all_levels()


async def test_introspection_shows_the_directive_and_says_of_each_field_whether_it_has_it() -> None:
    fields_of_bills = {name: field.description or "" for name, field in types()["TaxBill"].fields.items()}
    assert {name: "Null only with an error." in text for name, text in fields_of_bills.items()} == {
        name: f"TaxBill.{name}" in get_all_levels() for name in fields_of_bills
    }
    [directive] = [each for each in build_engine().schema.directives if each.name == "semanticNonNull"]
    assert [str(each.type) for each in directive.args.values()] == ["[Int!]!"]


def build_context(city: SmallCity) -> RequestContext:
    return RequestContext(
        policy=build_policy(), caller=CALLERS["the person"], call=CALL, agencies=city.agencies(), node_ids=IDS
    )


def build_sparse(full: Any) -> Any:  # noqa: ANN401 - any record
    """The record with every null and every empty list that its types allow."""
    hints = get_type_hints(type(full))
    given = {each.name: hints[each.name] for each in fields(full) if each.init}
    empty = {name: None for name, hint in given.items() if NoneType in get_args(hint)}
    return replace(full, **{**{name: () for name in given if isinstance(getattr(full, name), tuple)}, **empty})


@pytest.mark.parametrize(
    "name", sorted({place.partition(".")[0] for place in get_all_levels()} - {"Query", "Mutation"})
)
def test_no_value_of_a_marked_field_is_null_however_little_an_agency_knows(name: str) -> None:
    context = build_context(SmallCity())
    for each in (RECORDS[name], build_sparse(RECORDS[name])):
        for key, field in types()[name].fields.items():
            definition = get_definition(field)
            kind = definition.engine_kind() if isinstance(definition, PlannedField) else None
            if not get_levels(field):
                continue
            if isinstance(kind, AttributeField):
                assert getattr(each, kind.attribute) is not None, key
            elif isinstance(kind, ComputedField):
                assert kind.function(each, {}, context) is not None, key


class ForgetfulCity(SmallCity):
    """Its complaint system leaves out the page."""

    async def pages(self, *_: Any) -> Any:  # noqa: ANN401 - the read of the domain
        return {}


@pytest.mark.parametrize("engine", [build_engine, build_engine_without_plans])
async def test_a_batch_that_answers_every_key_and_leaves_one_out_fails_that_key(engine: Callable[[], Engine]) -> None:
    request = RunRequest(
        request=GraphQLRequest(query="{ complaints { nodes { number } } }"),
        context_factory=lambda: build_context(ForgetfulCity()),
        request_id="r-1",
    )
    response = await engine().run(request)
    assert response.data == {"complaints": None}
    assert [(each["path"], each["extensions"]["code"]) for each in response.errors] == [(["complaints"], "INTERNAL")]


def test_a_null_without_an_error_is_found_wherever_it_is() -> None:
    document = parse(
        "query { me { ...Own } nodes(ids: []) { id } } fragment Own on Citizen { all: taxObjects { nop } }"
    )
    data = {"me": {"all": [{"nop": None}, {"nop": "1"}]}, "nodes": [None]}
    schema = build_engine().schema
    assert find_silent_nulls(schema, document, data, ()) == [("me", "all", 0, "nop")]
    failed = GraphQLError("", path=["me", "all", 0, "nop"]).path
    assert find_silent_nulls(schema, document, data, {tuple(failed or ())}) == []
    assert find_silent_nulls(schema, document, {"me": {"all": None}, "nodes": None}, ()) == [("me", "all"), ("nodes",)]


class EmptyCity(SmallCity):
    """Agencies that know none of the keys; only pages and surveys are answered, as for any key."""

    def _answers(self, agency: str, question: str, keys: Sequence[Any], known: Mapping[Any, Any]) -> Answers[Any, Any]:
        always = agency == "hub" or question in {"pages", "searches", "surveys"}
        return super()._answers(agency, question, keys, known if always else {})


EDGES = [
    each
    for each in (*list_fields(), *list_root_fields())
    if str(each) in get_all_levels() and not str(each).startswith("Mutation.")
]


@pytest.mark.parametrize("caller", ["the person", "an official", "anonymous"])
async def test_a_marked_field_is_not_null_without_an_error_where_agencies_know_nothing(caller: str) -> None:
    by_type: dict[str, list[str]] = {}
    for each in EDGES:
        by_type.setdefault(each.type_name, []).append(each.selected)
    for type_name, selected in by_type.items():
        is_root = type_name == "Query"
        for part in (selected[start : start + 20] for start in range(0, len(selected), 20)):
            query = f"{{ {' '.join(part)} }}" if is_root else f"{{ it {{ {' '.join(part)} }} }}"
            engine = build_engine() if is_root else build_engines(type_name)[1]
            request = RunRequest(
                request=GraphQLRequest(query=query),
                context_factory=lambda: replace(build_context(EmptyCity()), caller=CALLERS[caller]),
                request_id="r-1",
            )
            response = await engine.run(request)
            failed = {tuple(error["path"]) for error in response.errors if "path" in error}
            assert find_silent_nulls(engine.schema, parse(query), response.data, failed) == [], type_name
