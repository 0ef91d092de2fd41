"""A small schema with scripted batches, for exact values."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLObjectType, GraphQLSchema, build_schema, parse

from engine.agencies.bindings import Agencies
from engine.batch import Batch, BatchContext
from engine.document.limits import Limits
from engine.edge import Edge
from engine.execution.batch_scheduler import BatchScheduler
from engine.execution.plan_run import PlanRun
from engine.field_kinds import AttributeField, BatchField, ComputedField, FieldKind
from engine.plan.cost import ListSizes
from engine.plan.plan import Plan, build_plan
from engine.plan.tree import DEFINITION, NotPlannable
from records.calls.answers import Answers
from records.calls.call import Call
from tests.engine.graphql_core.oracle_comparison import ExecutionOutcome, coerce_variable_values, operation_in
from tests.engine.graphql_core.torture_schema import PUBLIC, Definition, class_of
from tests.fakes.virtual_loop import VirtualLoop


@dataclass
class ScriptedContext:
    """The context of a request. `asked` holds (moment, batch, keys) of every call."""

    call: Call = field(default_factory=lambda: Call(deadline=1e12, request_id="small"))
    asked: list[tuple[float, str, tuple[Any, ...]]] = field(default_factory=list)

    def build_batch_context(self, facets: frozenset[type[Any]]) -> BatchContext[Any]:
        return BatchContext(caller=self, call=self.call, agencies=Agencies({}), facets=facets)

    async def close(self) -> None:
        """Nothing to close."""

    def calls(self, name: str) -> list[tuple[Any, ...]]:
        """The keys of each call of a batch."""
        return [keys for _, each, keys in self.asked if each == name]

    def moments(self, name: str) -> list[float]:
        """When the batch was called."""
        return [moment for moment, each, _ in self.asked if each == name]


def batch(
    name: str, answers: Callable[[Any], Any], *, seconds: float = 1.0, agency: str | None = None
) -> Batch[Any, Any]:
    """A batch that answers each key by a function after `seconds`; the function may return an exception."""

    async def run(keys: Sequence[Any], ask: BatchContext[Any]) -> Answers[Any, Any]:
        ask.caller.asked.append((asyncio.get_running_loop().time(), name, tuple(keys)))
        if seconds:
            await asyncio.sleep(seconds)
        return {key: answers(key) for key in keys}

    return Batch(name=name, domain=type(agency or name, (), {}), run=run)


def edge(target: Batch[Any, Any], by: str | Callable[..., Any], *, many: bool = False) -> BatchField:
    """A batch field, by an attribute or a function of (record, arguments, context)."""
    key = (lambda record, _arguments, _context: getattr(record, by)) if isinstance(by, str) else by
    return BatchField(
        Edge(batch=target, key=key, key_attribute=by if isinstance(by, str) else None, has_many_keys=many), key
    )


def schema(
    sdl: str, kinds: Mapping[str, FieldKind], *, records: Mapping[str, type[Any]] | None = None
) -> GraphQLSchema:
    """The schema; fields are attributes of the record where `kinds` (`Type.field`) does not say otherwise.

    `records` names the class that every object of a type has.
    """
    built = build_schema(sdl)
    for type_ in built.type_map.values():
        if isinstance(type_, GraphQLObjectType) and not type_.name.startswith("__"):
            if records and type_.name in records:
                type_.extensions |= class_of(records[type_.name])
            for name, each in type_.fields.items():
                definition = Definition(kinds.get(f"{type_.name}.{name}", AttributeField(name)), PUBLIC)
                each.extensions[DEFINITION] = definition
                each.resolve = definition.resolve
    return built


def build_test_plan(schema_: GraphQLSchema, text: str, **flags: bool) -> Plan:
    """The plan of an operation, for one set of values of its conditions; raises `NotPlannable`."""
    document = parse(text)
    plan = build_plan(schema_, document, operation_in(document), flags, limits=Limits(), sizes=ListSizes(schema_))
    if plan.unplannable_part is not None:
        raise NotPlannable(plan.unplannable_part)
    return plan


def compile_plan(schema_: GraphQLSchema, text: str) -> Plan:
    """The plan of an operation without conditions, whose document was seen before."""
    plan = build_test_plan(schema_, text)
    plan.mark_seen_again()
    return plan


async def answer(
    plan: Plan,
    context: ScriptedContext,
    variables: Mapping[str, Any] | None = None,
    operation: Any = None,  # noqa: ANN401 - an operation's definition
) -> ExecutionOutcome:
    """The answer of a plan."""
    gather = BatchScheduler(context.build_batch_context)
    given = coerce_variable_values(plan.schema, operation, variables or {})
    try:
        return ExecutionOutcome(
            *await PlanRun(plan, context, gather, plan.coerce_arguments(given), Limits(objects=10**9)).execute()
        )
    finally:
        await gather.close()


def execute_text(
    loop: VirtualLoop, schema_: GraphQLSchema, text: str, context: ScriptedContext
) -> tuple[ExecutionOutcome, float]:
    """The answer to a text, and the seconds it took."""
    return loop.run_timed(answer(compile_plan(schema_, text), context))


__all__ = [
    "ComputedField",
    "ExecutionOutcome",
    "ScriptedContext",
    "answer",
    "batch",
    "build_test_plan",
    "compile_plan",
    "edge",
    "execute_text",
    "schema",
]
