"""Explains a plan for people and tools: its batches and agencies, their order, and the cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.agencies.agency_codes import AgencyCodes
from engine.batch import Batch
from engine.command import Command
from engine.document.limits import Limits
from engine.field_kinds import BatchField
from engine.plan.cost import Cost
from engine.plan.plan import Plan
from engine.plan.tree import PlanField, Shape
from records.plurals import count_noun


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandExplanation:
    """A command that a step accepts, and that is sent later."""

    name: str
    lookups: Mapping[str, str]
    """By agency that takes it: how the hub finds out whether it arrived."""
    invalidates: str
    """The cached answers that it makes wrong, in every process, before the acknowledgement."""

    def to_json(self) -> Mapping[str, Any]:
        """For `extensions.explain`."""
        return {"name": self.name, "lookups": dict(self.lookups), "invalidates": self.invalidates}

    def to_text(self) -> str:
        """For people."""
        agencies = " or ".join(f"{code} (lookup {lookup})" for code, lookup in self.lookups.items()) or "no agency"
        return f"accepts {self.name} for {agencies}, invalidates {self.invalidates}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStep:
    """Fields that one batch answers, for all parents together."""

    fields: tuple[str, ...]
    """Response keys; none for a batch that the batch above reads."""
    batch: str
    agency: str | None
    """The agency, or the agencies of which some are called; None if the hub itself knows the answer."""
    facets: tuple[str, ...]
    level: int
    """Position in the chain of batches that must answer one after another, from 1."""
    max_batch_size: int | None
    """Maximum number of keys in one call; None for no limit."""
    below: tuple[PlanStep, ...]
    command: CommandExplanation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A plan as a tree of steps, and what it costs."""

    steps: tuple[PlanStep, ...]
    levels: int
    calls: Mapping[str, int] = field(default_factory=dict)
    """By agency: calls of batches that take all keys in one call."""
    calls_per_key: Mapping[str, int] = field(default_factory=dict)
    """By agency: calls for each key, of batches with a maximum size."""
    facts: Mapping[str, str | None] = field(default_factory=dict)
    """Batches that access decisions may load first, with their agencies; whether they do depends on the caller."""
    cost: Cost

    def to_json(self, limits: Limits) -> dict[str, Any]:
        """For `extensions.explain`."""
        return {
            "levels": self.levels,
            "cost": {
                "calls": {
                    agency: {"expected": calls, "limit": limits.get_call_limit(agency)}
                    for agency, calls in sorted(self.cost.calls.items())
                },
                "objects": {"expected": self.cost.objects, "limit": limits.objects},
                "values": {"expected": self.cost.values, "limit": limits.values},
            },
            "facts": [{"batch": name, "agency": agency} for name, agency in self.facts.items()],
            "calls": dict(self.calls),
            "callsPerKey": dict(self.calls_per_key),
            "steps": [_step_to_json(step) for step in self.steps],
        }

    def to_text(self, limits: Limits, max_concurrency: Mapping[str, int] | None = None) -> str:
        """For people: a tree with a line for each step. `max_concurrency` bounds the concurrent calls by agency."""
        calls = f"{count_noun(self.levels, 'level')}, {_describe_call_counts(self)}"
        lines = [calls, _describe_expected_cost(self.cost, limits)]
        if self.facts:
            lines.append(f"decisions may load first: {', '.join(_describe_fact(*each) for each in self.facts.items())}")
        named: set[tuple[int, str]] = set()
        for step in self.steps:
            lines += _step_to_lines(step, "", max_concurrency or {}, named)
        return "\n".join(lines)


def explain_plan(plan: Plan, cost: Cost) -> Explanation:
    """Explain a plan with this cost."""
    codes = plan.codes
    steps = tuple(_build_steps(plan.root, 0, codes))
    asked: dict[tuple[int, str], PlanStep] = {}
    for step in _iterate_steps(steps):
        if step.agency is not None:
            # Steps of one level with the same batch share a call.
            asked[step.level, step.batch] = step
    calls: dict[str, int] = {}
    calls_per_key: dict[str, int] = {}
    for step in asked.values():
        counted = calls if step.max_batch_size is None else calls_per_key
        agency = str(step.agency)
        counted[agency] = counted.get(agency, 0) + 1
    facts = {each.name: _name_agencies(codes, each.domain) for each in plan.fact_batches}
    return Explanation(
        steps=steps, levels=cost.levels, calls=calls, calls_per_key=calls_per_key, facts=facts, cost=cost
    )


def _build_steps(shape: Shape, level: int, codes: AgencyCodes) -> Iterator[PlanStep]:
    """The steps of a shape, and of the records inside its records."""
    for group in shape.groups:
        first = group[0]
        if isinstance(first.kind, BatchField):
            edge = first.kind.edge
            yield PlanStep(
                fields=tuple(each.key for each in group),
                batch=edge.batch.name,
                agency=None if edge.batch.is_answered_by_reads else _name_agencies(codes, edge.batch.domain),
                facets=(edge.facet.__name__,) if edge.facet is not None else (),
                level=level + 1,
                max_batch_size=edge.batch.max_batch_size,
                below=(*_build_steps_of_reads(edge.batch, level, codes), *_build_steps_below(group, level + 1, codes)),
                command=None if edge.batch.accepts is None else _explain_command(edge.batch.accepts, codes),
            )
    for planned in shape.fields:
        if not planned.is_leaf and not isinstance(planned.kind, BatchField):
            yield from _build_steps_below([planned], level, codes)


def _build_steps_of_reads(batch: Batch[Any, Any], level: int, codes: AgencyCodes) -> Iterator[PlanStep]:
    """The calls to agencies of a batch that reads others."""
    for each in batch.reads:
        if (agency := _name_agencies(codes, each.domain)) is not None:
            yield PlanStep(
                fields=(),
                batch=each.name,
                agency=agency,
                facets=(),
                level=level + 1,
                max_batch_size=each.max_batch_size,
                below=(),
            )


def _explain_command(command: Command[Any], codes: AgencyCodes) -> CommandExplanation:
    return CommandExplanation(
        name=command.name,
        lookups=codes.list_lookups(command.domain, command.name),
        invalidates=command.invalidates.value,
    )


def _name_agencies(codes: AgencyCodes, domain: type[Any] | None) -> str | None:
    return codes.describe(domain) if codes.list(domain) else None


def _build_steps_below(fields: Sequence[PlanField], level: int, codes: AgencyCodes) -> Iterator[PlanStep]:
    for planned in fields:
        for shape in planned.shapes.values():
            yield from _build_steps(shape, level, codes)


def _iterate_steps(steps: Sequence[PlanStep]) -> Iterator[PlanStep]:
    for step in steps:
        yield step
        yield from _iterate_steps(step.below)


def _step_to_json(step: PlanStep) -> dict[str, Any]:
    return {
        "fields": list(step.fields),
        "batch": step.batch,
        "agency": step.agency,
        "facets": list(step.facets),
        "level": step.level,
        "maxBatchSize": step.max_batch_size,
        "command": None if step.command is None else step.command.to_json(),
        "steps": [_step_to_json(each) for each in step.below],
    }


def _step_to_lines(
    step: PlanStep, indent: str, max_concurrency: Mapping[str, int], named: set[tuple[int, str]]
) -> list[str]:
    facets = f" {{{', '.join(step.facets)}}}" if step.facets else ""
    fields = ", ".join(step.fields) or "(part of it)"
    line = f"{indent}{fields}  <- {step.batch}{facets}  {_describe_calls(step, max_concurrency, named)}"
    named.add((step.level, step.batch))
    return [
        line,
        *(each for below in step.below for each in _step_to_lines(below, f"{indent}  ", max_concurrency, named)),
    ]


def _describe_calls(step: PlanStep, max_concurrency: Mapping[str, int], named: set[tuple[int, str]]) -> str:
    if step.command is not None:
        return f"the hub itself: {step.command.to_text()}"
    if step.agency is None:
        return "the hub itself: no call"
    if (step.level, step.batch) in named:
        return f"{step.agency}: in the same call"
    if step.max_batch_size is None:
        return f"{step.agency}: 1 call"
    bound = max_concurrency.get(step.agency)
    return f"{step.agency}: 1 call per key" + (f", at most {bound} concurrently" if bound else "")


def _describe_fact(batch: str, agency: str | None) -> str:
    return f"{batch} ({'the hub itself' if agency is None else f'{agency}, 1 call'})"


def _describe_call_counts(explanation: Explanation) -> str:
    parts = [f"{count} to {agency}" for agency, count in sorted(explanation.calls.items())]
    parts += [f"{count} per key to {agency}" for agency, count in sorted(explanation.calls_per_key.items())]
    return f"calls: {', '.join(parts)}" if parts else "no calls"


def _describe_expected_cost(cost: Cost, limits: Limits) -> str:
    """The cost with lists of the expected length, next to the limits."""
    parts = [
        f"{count} of {count_noun(limits.get_call_limit(agency), 'call')} to {agency}"
        for agency, count in sorted(cost.calls.items())
    ]
    parts += [
        f"{cost.objects} of {count_noun(limits.objects, 'object')}",
        f"{cost.values} of {count_noun(limits.values, 'value')}",
    ]
    return f"expected: {', '.join(parts)}"
