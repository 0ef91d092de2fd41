"""What a plan will do, for people and for tools: which batches, of which agencies, in which order, at what cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.batch import Batch
from engine.kinds import Leads
from engine.limits import Limits
from engine.plan.cost import Cost
from engine.plan.plan import Plan
from engine.plan.tree import PlanField, Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Fields that one batch answers, for all parents of their place together."""

    fields: tuple[str, ...]
    """Response keys."""
    batch: str
    agency: str | None
    """None where the hub knows the answer by itself."""
    facets: tuple[str, ...]
    level: int
    """How many batches have to answer before this one can be asked, itself included."""
    keys_a_call: int | None
    """How many keys the agency takes in one call; None for all."""
    below: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A plan as a tree of steps, and what it costs."""

    steps: tuple[Step, ...]
    levels: int
    calls: Mapping[str, int] = field(default_factory=dict)
    """By agency: how many calls, where one call takes all keys."""
    calls_a_key: Mapping[str, int] = field(default_factory=dict)
    """By agency: how many calls for every key, where the agency takes one key a call."""
    facts: Sequence[Batch[Any, Any]] = ()
    """Whose answers decisions may take before anything else is asked; whether they do depends on who asks."""
    cost: Cost

    def as_json(self, limits: Limits) -> dict[str, Any]:
        """For `extensions.explain`."""
        return {
            "levels": self.levels,
            "cost": {
                "calls": {
                    agency: {"expected": calls, "limit": limits.calls_of(agency)}
                    for agency, calls in sorted(self.cost.calls.items())
                },
                "objects": {"expected": self.cost.objects, "limit": limits.objects},
                "values": {"expected": self.cost.values, "limit": limits.values},
            },
            "facts": [{"batch": each.name, "agency": each.agency} for each in self.facts],
            "calls": dict(self.calls),
            "callsAKey": dict(self.calls_a_key),
            "steps": [_as_json(step) for step in self.steps],
        }

    def as_text(self, limits: Limits, bounds: Mapping[str, int] | None = None) -> str:
        """For a person: a tree, a line a step. `bounds` says how many calls an agency is asked side by side."""
        lines = [f"{self.levels} levels, {_costs(self)}", _expected(self.cost, limits)]
        if self.facts:
            lines.append(f"decisions may ask first: {', '.join(map(_fact, self.facts))}")
        named: set[tuple[int, str]] = set()
        for step in self.steps:
            lines += _as_lines(step, "", bounds or {}, named)
        return "\n".join(lines)


def explain(plan: Plan, cost: Cost) -> Explanation:
    """What the plan will do, at what cost."""
    steps = tuple(_steps(plan.root, 0))
    asked: dict[tuple[int, str], Step] = {}
    for step in _all(steps):
        if step.agency is not None:
            # Steps that want the same batch at the same level are ready together and are one call.
            asked[step.level, step.batch] = step
    calls: dict[str, int] = {}
    calls_a_key: dict[str, int] = {}
    for step in asked.values():
        counted = calls if step.keys_a_call is None else calls_a_key
        agency = str(step.agency)
        counted[agency] = counted.get(agency, 0) + 1
    return Explanation(
        steps=steps, levels=cost.levels, calls=calls, calls_a_key=calls_a_key, facts=plan.facts, cost=cost
    )


def _steps(shape: Shape, level: int) -> Iterator[Step]:
    """The steps of a shape, and those of records that lie inside its records."""
    for group in shape.groups:
        first = group[0]
        if isinstance(first.kind, Leads):
            edge = first.kind.edge
            yield Step(
                fields=tuple(each.key for each in group),
                batch=edge.batch.name,
                agency=edge.batch.agency,
                facets=(edge.facet.__name__,) if edge.facet is not None else (),
                level=level + 1,
                keys_a_call=edge.batch.keys_a_call,
                below=tuple(_below(group, level + 1)),
            )
    for planned in shape.fields:
        if not planned.is_leaf and not isinstance(planned.kind, Leads):
            yield from _below([planned], level)


def _below(fields: Sequence[PlanField], level: int) -> Iterator[Step]:
    for planned in fields:
        for shape in planned.shapes.values():
            yield from _steps(shape, level)


def _all(steps: Sequence[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        yield from _all(step.below)


def _as_json(step: Step) -> dict[str, Any]:
    return {
        "fields": list(step.fields),
        "batch": step.batch,
        "agency": step.agency,
        "facets": list(step.facets),
        "level": step.level,
        "keysACall": step.keys_a_call,
        "steps": [_as_json(each) for each in step.below],
    }


def _as_lines(step: Step, indent: str, bounds: Mapping[str, int], named: set[tuple[int, str]]) -> list[str]:
    facets = f" {{{', '.join(step.facets)}}}" if step.facets else ""
    line = f"{indent}{', '.join(step.fields)}  <- {step.batch}{facets}  {_price(step, bounds, named)}"
    named.add((step.level, step.batch))
    return [line, *(each for below in step.below for each in _as_lines(below, f"{indent}  ", bounds, named))]


def _price(step: Step, bounds: Mapping[str, int], named: set[tuple[int, str]]) -> str:
    if step.agency is None:
        return "the hub itself: no call"
    if (step.level, step.batch) in named:
        return f"{step.agency}: in the same call"
    if step.keys_a_call is None:
        return f"{step.agency}: 1 call"
    bound = bounds.get(step.agency)
    return f"{step.agency}: 1 call a key" + (f", at most {bound} side by side" if bound else "")


def _fact(batch: Batch[Any, Any]) -> str:
    return f"{batch.name} ({'the hub itself' if batch.agency is None else f'{batch.agency}, 1 call'})"


def _costs(explanation: Explanation) -> str:
    parts = [f"{count} to {agency}" for agency, count in sorted(explanation.calls.items())]
    parts += [f"{count} a key to {agency}" for agency, count in sorted(explanation.calls_a_key.items())]
    return f"calls: {', '.join(parts)}" if parts else "no calls"


def _expected(cost: Cost, limits: Limits) -> str:
    """What lists of the expected length cost, beside what is allowed."""
    parts = [f"{count} of {limits.calls_of(agency)} calls to {agency}" for agency, count in sorted(cost.calls.items())]
    parts += [f"{cost.objects} of {limits.objects} objects", f"{cost.values} of {limits.values} values"]
    return f"expected: {', '.join(parts)}"
