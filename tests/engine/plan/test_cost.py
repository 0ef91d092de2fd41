"""The estimated cost of operations. With known list lengths, the real cost never exceeds it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from types import SimpleNamespace as Record
from typing import Any

import pytest
from graphql import GraphQLSchema, get_introspection_query, parse, parse_value
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.agencies.agency_codes import ANY_AGENCIES
from engine.batch import Batch
from engine.document.limits import Limits, TooLarge
from engine.edge import Edge
from engine.field_kinds import BatchField, ComputedField
from engine.plan.cost import Cost, ListArguments, ListSizes
from engine.plan.explanation import explain_plan
from engine.plan.plan import Plan, build_plan
from engine.plan.plan_builder import find_condition_variables
from tests.engine.graphql_core.generated_operations import GeneratedOperation, operations
from tests.engine.graphql_core.oracle_comparison import UNLIMITED, by_plan, coerce_variable_values, operation_in
from tests.engine.graphql_core.torture_schema import BATCHES, POOLS, Torture, torture_schema
from tests.engine.graphql_core.torture_world import TortureWorld
from tests.engine.scripted_schema import batch, schema
from tests.fakes.virtual_loop import VirtualLoop, virtual_loop


def plan(built: GraphQLSchema, text: str, limits: Limits = UNLIMITED, sizes: ListSizes | None = None) -> Plan:
    document = parse(text)
    return build_plan(built, document, operation_in(document), {}, limits=limits, sizes=sizes or ListSizes(built))


def cost(text: str, variables: Mapping[str, Any] | None = None) -> Cost:
    built = shops()
    operation = operation_in(parse(text))
    return plan(built, text).estimate_cost(coerce_variable_values(built, operation, variables or {}), ListSizes(built))


SDL = """
interface Any { name: String }
type Query { shops(first: Int): [Shop] page(first: Int = 20): Page shop: Shop these(ids: [ID!]!): [Any] one: Any }
type Mutation { open: Shop close: Shop }
type Page { items: [Shop] label: Label notes: [Label] }
type Label { text: String }
type Shop implements Any {
  name: String goods: [Good] sale(much: Boolean): [Good] rows: [[Good]] owner: Owner rival: Shop labels: [Label]
}
type Good implements Any { name: String price: Int shop: Shop labels(first: Int): [Label] }
type Owner implements Any { name: String }
"""


def one_by_one(made: Batch[Any, Any], keys: int) -> Batch[Any, Any]:
    return Batch(name=made.name, domain=made.domain, run=made.run, max_batch_size=keys)


@cache
def shops() -> GraphQLSchema:
    shop = batch("shops", lambda _: None, agency="town")
    goods = batch("goods", lambda _: [], agency="store")
    slow = one_by_one(batch("slow", lambda _: None, agency="tax"), 1)
    pairs = one_by_one(batch("pairs", lambda _: None, agency="tax"), 2)
    anything = Batch(name="anything", domain=None, run=shop.run)

    def leads(target: Batch[Any, Any], **more: Any) -> BatchField:  # noqa: ANN401 - of the edge
        return BatchField(Edge(batch=target, key=lambda *_: 1, **more), lambda *_: 1)

    built = schema(
        SDL,
        {
            "Query.shops": leads(shop),
            "Query.page": leads(shop),
            "Query.shop": leads(shop),
            "Query.these": leads(anything, has_many_keys=True, delegated_batches=(shop, slow)),
            "Query.one": leads(anything, delegated_batches=(shop, slow)),
            "Mutation.open": leads(shop),
            "Mutation.close": leads(shop),
            "Shop.goods": leads(goods, expected_size=7),
            "Shop.sale": leads(goods, expected_size=lambda given: 30 if given.get("much") else 3),
            "Shop.rows": leads(goods, expected_size=4),
            "Shop.owner": leads(slow),
            "Shop.rival": leads(pairs),
            "Good.shop": leads(shop),
            "Shop.labels": ComputedField(lambda *_: [], expected_size=2),
            "Good.labels": ComputedField(lambda *_: []),
        },
    )
    for name in ("Shop", "Good", "Owner"):
        built.type_map[name].is_type_of = lambda value, _: isinstance(value, Record)  # type: ignore[attr-defined]  # an object type
    return built


def test_a_list_multiplies_the_cost_below_it() -> None:
    assert cost("{ shops(first: 3) { name goods { name price } } }") == Cost(
        levels=2,
        calls={"town": 1, "store": 1},
        objects=1 + 3 + 3 * 7,
        values=1 + 3 * 2 + 3 * 7 * 2,
        types=len(shops().type_map),
    )


def test_a_hundred_rows_that_a_search_looks_at_cost_a_point() -> None:
    many = replace(batch("names", lambda _: []), scanned_rows=1_950)
    built = schema(
        "type Query { names(text: String): [String] }",
        {"Query.names": BatchField(Edge(batch=many, key=lambda *_: 1, expected_size=0), lambda *_: 1)},
    )
    found = plan(built, '{ a: names(text: "a") b: names(text: "b") }').estimate_cost(
        coerce_variable_values(built, operation_in(parse("{ names }")), {}), ListSizes(built)
    )
    assert (found.scanned_rows, found.points - found.objects) == (3_900, 100 + 39)


@pytest.mark.parametrize(
    ("selected", "objects"),
    [
        ("shops(first: 4) { name }", 4),
        ("shops { name }", 10),
        ("shops(first: 0) { goods { name } }", 0),
        ("shops(first: -5) { name }", 0),
        ("shop { goods { name } }", 1 + 7),
        ("shop { sale { name } }", 1 + 3),
        ("shop { sale(much: true) { name } }", 1 + 30),
        ("shop { rows { name } }", 1 + 4 * 4),
        ("shop { labels { text } }", 1 + 2),
        ("page { items { name } }", 1 + 20),
        ("page(first: 3) { items { name } notes { text } label { text } }", 1 + 3 + 3 + 1),
        ("page(first: 3) { items { labels { text } } }", 1 + 3 + 3 * 2),
        ('these(ids: ["1", "2", "3"]) { name }', 3),
        ("these(ids: []) { name }", 0),
        ("shop { goods { labels { text } } }", 1 + 7 + 7 * 5),
        ("shop { goods { labels(first: 1) { text } } }", 1 + 7 + 7 * 1),
    ],
)
def test_the_length_of_a_list_comes_from_the_caller_or_the_schema(selected: str, objects: int) -> None:
    assert cost(f"{{ {selected} }}").objects == 1 + objects


@pytest.mark.parametrize(
    ("variables", "objects"), [({"n": 3}, 1 + 3 * 8), ({}, 1 + 10 * 8), ({"n": None}, 1 + 10 * 8), ({"n": 0}, 1)]
)
def test_a_length_may_be_a_variable(variables: dict[str, Any], objects: int) -> None:
    text = "query ($n: Int) { shops(first: $n) { goods { name } } }"
    assert cost(text, variables).objects == objects
    assert plan(shops(), text).cost is None


def test_a_cost_without_variables_is_estimated_once() -> None:
    text = "query ($ids: [ID!]! = [], $much: Boolean) { shops(first: 2) { name } }"
    assert plan(shops(), text).cost is not None


def test_a_variable_list_of_ids_costs_one_call_per_id() -> None:
    text = "query ($ids: [ID!]!) { these(ids: $ids) { name } }"
    assert plan(shops(), text).cost is None
    for count in (0, 1, 1_000):
        found = cost(text, {"ids": [str(each) for each in range(count)]})
        assert found.calls.get("tax", 0) == count
        assert found.objects == 1 + count


LISTS_SDL = """
input Inside { ids: [ID!] deep: [[ID!]] more: [Inside!] }
type Query { these(ids: [ID!], deep: [[[ID!]]], inside: Inside, plain: Int): Int }
"""


@pytest.mark.parametrize(
    ("arguments", "held"),
    [
        ('ids: ["1", "2", "3"]', 3),
        ("deep: [[], [[]]]", 2 + 1),
        ('deep: [[["1", "2"], ["3"]], [["4"]]]', 2 + 3 + 4),
        ('inside: {ids: ["1", "2"]}', 2),
        ('inside: {deep: [["1"], ["2", "3"]]}', 2 + 3),
        ('inside: {more: [{ids: ["1"], more: [{ids: ["2", "3"]}]}]}', 1 + 1 + 1 + 2),
        ('ids: ["1"], inside: {ids: ["2"]}', 2),
        ("ids: $ids", 4),
        ("ids: $ids, deep: [[$ids], [$ids, $ids]]", 4 + 2 + 3 + 3 * 4),
        ("inside: {ids: $ids, more: [{ids: $ids}]}", 4 + 1 + 4),
        ("inside: $inside", 2 + 1 + 2),
        ("plain: 1", 0),
    ],
)
def test_every_value_of_nested_lists_counts(arguments: str, held: int) -> None:
    built = schema(LISTS_SDL, {})
    text = f"query ($ids: [ID!], $inside: Inside) {{ these({arguments}) }}"
    given = {"ids": ["a", "b", "c", "d"], "inside": {"ids": ["1", "2"], "more": [{"ids": ["3", "4"]}]}}
    lists = ListArguments(plan(built, text).fields)
    lists.check(given, held)
    if held:
        with pytest.raises(TooLarge, match=f"The lists of the arguments hold {held} values; at most {held - 1}"):
            lists.check(given, held - 1)


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("{ shop { owner { name } } }", {"town": 1, "tax": 1}),
        ("{ shops(first: 9) { owner { name } } }", {"town": 1, "tax": 9}),
        ("{ shops(first: 9) { rival { name } } }", {"town": 1, "tax": 5}),
        ("{ shops(first: 9) { a: owner { name } b: owner { name } rival { name } } }", {"town": 1, "tax": 9 + 9 + 5}),
        ("{ a: shop { goods { name } } b: shop { goods { name } } }", {"town": 1, "store": 1}),
        ("{ shop { goods { shop { goods { name } } } } }", {"town": 2, "store": 2}),
        ('{ these(ids: ["1", "2"]) { name } one { name } }', {"town": 1, "tax": 2 + 1}),
        (
            '{ these(ids: ["1", "2"]) { ... on Shop { owner { name } } ... on Good { shop { name } } } }',
            {"town": 2, "tax": 4},
        ),
        ("mutation { open { name } close { name } }", {"town": 2}),
        ("mutation { a: open { goods { name } } b: open { goods { name } } }", {"town": 2, "store": 2}),
    ],
)
def test_steps_of_one_level_are_one_call_unless_the_agency_takes_keys_one_by_one(
    text: str, calls: dict[str, int]
) -> None:
    assert cost(text).calls == calls


def test_a_batch_that_answers_from_another_of_its_domain_makes_no_call_of_the_two() -> None:
    everything = batch("everything", lambda _: [], agency="town")
    inside = replace(everything, name="inside", read="everything", reads=(everything,))
    more = replace(everything, name="more", reads=(everything,))
    built = schema(
        "type Query { inside: [String] more: [String] }",
        {f"Query.{each.name}": BatchField(Edge(batch=each, key=lambda *_: 1), lambda *_: 1) for each in (inside, more)},
    )
    variables = coerce_variable_values(built, operation_in(parse("{ inside }")), {})

    def count(text: str) -> tuple[Mapping[str, int], Mapping[str, int]]:
        planned = plan(built, text)
        found = planned.estimate_cost(variables, ListSizes(built))
        return found.calls, explain_plan(planned, found).calls

    assert count("{ inside }") == ({"town": 1}, {"town": 1})
    assert count("{ more }") == ({"town": 2}, {"town": 2})


def test_objects_of_several_types_cost_as_much_as_the_most_expensive() -> None:
    text = '{ these(ids: ["1", "2"]) { name ... on Shop { goods { name } } ... on Owner { a: name b: name } } }'
    assert cost(text).objects == 1 + 2 + 2 * 7
    assert cost(text).values == 1 + 2 * 2 + 2 * 7


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ({"objects": 25}, None),
        ({"objects": 24}, "The answer would hold about 25 objects; at most 24 are allowed. {}"),
        ({"values": 49}, None),
        ({"values": 48}, "The answer would hold about 49 values; at most 48 are allowed. {}"),
        ({"calls": 1}, None),
        ({"calls": 0}, "The operation would take about 1 call to store; at most 0 are allowed. {less}"),
        ({"calls_by_agency": {"town": 1}}, None),
        (
            {"calls_by_agency": {"town": 0}},
            "The operation would take about 1 call to town; at most 0 are allowed. {less}",
        ),
        ({"calls": 1, "calls_by_agency": {"town": 5}}, None),
    ],
)
@pytest.mark.parametrize("length", ["3", "$n"])
def test_a_cost_beyond_a_limit_is_refused_with_the_number(
    limits: dict[str, Any], says: str | None, length: str
) -> None:
    asked = f"shops(first: {length}) {{ name goods {{ name price }} }}"
    text = f"query ($n: Int) {{ {asked} not: shops(first: $n) @skip(if: true) {{ name }} }}"
    built = shops()
    values = coerce_variable_values(built, operation_in(parse(text)), {"n": 3})

    def check() -> None:
        plan(built, text, Limits(**limits)).check_cost(values, Limits(**limits), ListSizes(built))

    if says is None:
        check()
    else:
        message = says.format(
            "Request shorter lists, or use several operations.", less="Request less in one operation."
        )
        with pytest.raises(TooLarge) as refused:
            check()
        assert str(refused.value) == message


# Introspection.


def introspection(text: str) -> int:
    return (
        plan(torture_schema(), text)
        .estimate_cost(coerce_variable_values(torture_schema(), None, {}), ListSizes(torture_schema()))
        .introspection_objects
    )


def test_the_introspection_of_tools_is_far_below_the_limit() -> None:
    most = Limits().introspection * len(torture_schema().type_map)
    query = get_introspection_query(
        descriptions=True, specified_by_url=True, directive_is_repeatable=True, schema_description=True
    )
    assert 0 < introspection(query) < most / 2
    assert plan(torture_schema(), query, Limits()).unplannable_part == "Query.__schema"


def test_repeated_introspection_in_one_document_is_refused() -> None:
    types = len(torture_schema().type_map)
    text = "{ " + " ".join(f"a{n}: __schema {{ types {{ fields {{ args {{ name }} }} }} }}" for n in range(100)) + " }"
    count = introspection(text)
    assert count > Limits().introspection * types
    with pytest.raises(TooLarge) as refused:
        plan(torture_schema(), text, Limits())
    assert str(refused.value) == (
        f"The answer would hold about {count} objects about the schema; at most {400 * types} are allowed."
        " Request shorter lists, or use several operations."
    )


# Time.


def bomb(levels: int) -> str:
    """Each fragment spreads the next under two names: 2 to the power of levels."""
    parts = [
        f"fragment F{n} on Shop {{ a: rival {{ ...F{n + 1} }} b: rival {{ ...F{n + 1} }} }}" for n in range(levels)
    ]
    return "{ shop { ...F0 } } " + " ".join(parts) + f" fragment F{levels} on Shop {{ name }}"


def every_in_every_other(count: int) -> str:
    parts = [
        f"fragment F{n} on Shop {{ n{n}: name {' '.join(f'...F{m}' for m in range(n + 1, count))} }}"
        for n in range(count)
    ]
    return "{ " + " ".join(f"s{n}: shop {{ ...F0 }}" for n in range(100)) + " } " + " ".join(parts)


@pytest.mark.parametrize("text", [bomb(240), every_in_every_other(60)], ids=["2^240", "60 squared, 100 times"])
def test_a_document_of_5_000_tokens_is_planned_within_the_time_limit(text: str) -> None:
    document = parse(text, max_tokens=5_000)
    with pytest.raises(TooLarge, match=r"^The operation (selects more than 2500 fields|is 242 fields deep)"):
        build_plan(shops(), document, operation_in(document), {}, limits=Limits(), sizes=ListSizes(shops()))
    limits = Limits(depth=1_000)
    started = time.process_time()
    with pytest.raises(TooLarge, match=r"^The operation selects more than 2500 fields"):
        build_plan(shops(), document, operation_in(document), {}, limits=limits, sizes=ListSizes(shops()))
    assert time.process_time() - started < 1


# Real runs.


@cache
def torture() -> GraphQLSchema:
    return torture_schema()


@pytest.fixture(scope="module")
def loop() -> Iterator[VirtualLoop]:
    with virtual_loop() as made:
        yield made


LONGEST = 6
"""No list of the torture schema is longer."""


def objects_in(data: object) -> int:
    if isinstance(data, dict):
        return int("even" not in data) + sum(map(objects_in, data.values()))
    return sum(map(objects_in, data)) if isinstance(data, list) else 0


def calls_in(world: TortureWorld) -> Counter[str]:
    """By agency."""
    counted: Counter[str] = Counter()
    for name, _, keys in world.asked:
        asked = BATCHES[name]
        counted[str(ANY_AGENCIES.get(asked.domain))] += -(-len(keys) // (asked.max_batch_size or len(keys)))
    return counted


def tortures() -> st.SearchStrategy[GeneratedOperation]:
    return operations(torture(), scalars={"Even": st.sampled_from([parse_value("2"), parse_value("4")])}, pools=POOLS)


@settings(max_examples=150, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    asked=st.deferred(tortures),
    seed=st.integers(0, 10**9),
)
def test_no_run_exceeds_its_estimate_if_lengths_are_known(
    loop: VirtualLoop, asked: GeneratedOperation, seed: int
) -> None:
    document = parse(asked.text)
    operation = operation_in(document)
    values = coerce_variable_values(torture(), operation, asked.variables)
    flags = {name: values.coerced[name] for name in find_condition_variables(document, operation)}
    sizes = ListSizes(torture(), linked_list_size=LONGEST, nested_list_size=LONGEST)
    made = build_plan(torture(), document, operation, flags, limits=UNLIMITED, sizes=sizes)
    expected = made.estimate_cost(values, sizes)
    world = TortureWorld(seed, 0, (1,))
    answer = loop.run(by_plan(torture(), asked.text, asked.variables, Torture(world)))
    assert objects_in(answer.data) <= expected.objects
    taken = calls_in(world)
    assert {agency: calls for agency, calls in taken.items() if calls > expected.calls.get(agency, 0)} == {}
