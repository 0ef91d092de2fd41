"""A small schema whose batches do what a test tells them: for exact values."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLObjectType, GraphQLSchema, build_schema, parse

from engine.batch import Agencies, Ask, Batch
from engine.edge import Edge
from engine.kinds import Derived, Kind, Leads, Shown
from engine.limits import Limits
from engine.plan.cost import Sizes
from engine.plan.gather import Gather
from engine.plan.plan import Plan, planned
from engine.plan.run import Run
from engine.plan.tree import DEFINITION, NotPlannable
from records.answers import Answers
from records.call import Call
from tests.engine.plan.both import Answer, operation_in, values_of
from tests.engine.plan.clock import VirtualLoop
from tests.engine.plan.torture import PUBLIC, Definition, class_of


@dataclass
class Asking:
    """The context of a request. `asked` holds (moment, batch, keys) of every call."""

    call: Call = field(default_factory=lambda: Call(deadline=1e12, request_id="small"))
    asked: list[tuple[float, str, tuple[Any, ...]]] = field(default_factory=list)

    def ask(self, facets: frozenset[type[Any]]) -> Ask[Any]:
        return Ask(caller=self, call=self.call, agencies=Agencies({}), facets=facets)

    async def close(self) -> None:
        """Nothing is left running."""

    def calls(self, name: str) -> list[tuple[Any, ...]]:
        """The keys of each call of a batch."""
        return [keys for _, each, keys in self.asked if each == name]

    def moments(self, name: str) -> list[float]:
        """When the batch was called."""
        return [moment for moment, each, _ in self.asked if each == name]


def batch(
    name: str, answers: Callable[[Any], Any], *, seconds: float = 1.0, agency: str | None = None
) -> Batch[Any, Any]:
    """A batch that answers each key by a function, after some seconds; the function may return an exception."""

    async def run(keys: Sequence[Any], ask: Ask[Any]) -> Answers[Any, Any]:
        ask.caller.asked.append((asyncio.get_running_loop().time(), name, tuple(keys)))
        if seconds:
            await asyncio.sleep(seconds)
        return {key: answers(key) for key in keys}

    return Batch(name=name, agency=agency or name, run=run)


def edge(target: Batch[Any, Any], by: str | Callable[..., Any], *, many: bool = False) -> Leads:
    """A field that leads on, by an attribute or a function of (record, arguments, context)."""
    key = (lambda record, _arguments, _context: getattr(record, by)) if isinstance(by, str) else by
    return Leads(Edge(batch=target, key=key, by=by if isinstance(by, str) else None, many=many), key)


def schema(sdl: str, kinds: Mapping[str, Kind], *, records: Mapping[str, type[Any]] | None = None) -> GraphQLSchema:
    """The schema; fields are attributes of the record where `kinds` (`Type.field`) does not say otherwise.

    `records` names the class that every object of a type has.
    """
    built = build_schema(sdl)
    for type_ in built.type_map.values():
        if isinstance(type_, GraphQLObjectType) and not type_.name.startswith("__"):
            if records and type_.name in records:
                type_.extensions |= class_of(records[type_.name])
            for name, each in type_.fields.items():
                definition = Definition(kinds.get(f"{type_.name}.{name}", Shown(name)), PUBLIC)
                each.extensions[DEFINITION] = definition
                each.resolve = definition.resolve
    return built


def plan_of(schema_: GraphQLSchema, text: str, **flags: bool) -> Plan:
    """The plan of an operation, for one set of values of its conditions; raises `NotPlannable`."""
    document = parse(text)
    plan = planned(schema_, document, operation_in(document), flags, limits=Limits(), sizes=Sizes(schema_))
    if plan.obstacle is not None:
        raise NotPlannable(plan.obstacle)
    return plan


def compiled(schema_: GraphQLSchema, text: str) -> Plan:
    """The plan of an operation without conditions, whose document came back."""
    plan = plan_of(schema_, text)
    plan.see_again()
    return plan


async def answer(
    plan: Plan,
    asking: Asking,
    variables: Mapping[str, Any] | None = None,
    operation: Any = None,  # noqa: ANN401 - an operation's definition
) -> Answer:
    """The answer of a plan."""
    gather = Gather(asking.ask)
    given = values_of(plan.schema, operation, variables or {})
    try:
        return Answer(*await Run(plan, asking, gather, plan.arguments(given), Limits(objects=10**9)).answer())
    finally:
        await gather.close()


def ask(loop: VirtualLoop, schema_: GraphQLSchema, text: str, asking: Asking) -> tuple[Answer, float]:
    """The answer to a text, and the seconds it took."""
    return loop.timed(answer(compiled(schema_, text), asking))


__all__ = ["Answer", "Asking", "Derived", "answer", "ask", "batch", "compiled", "edge", "plan_of", "schema"]
