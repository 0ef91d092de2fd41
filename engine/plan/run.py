"""One run of a plan: a dataflow of batches, then the answer.

Everything that can be known at once is put in place at once; each edge waits for its own keys and for nothing else.
A field that fails is null, and its place in the answer is looked up afterwards: plans that succeed pay nothing for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from graphql import GraphQLError

from engine.kinds import Decide, Derived, Leads
from engine.limits import Limits
from engine.plan.aged import Aged, aged
from engine.plan.by_key import put_by_key
from engine.plan.facts import Facts, Undecided
from engine.plan.faults import Fault, located
from engine.plan.gather import Failed, Gather
from engine.plan.keys import Keys, edge_of, keyed, plain_keys
from engine.plan.leaves import careful
from engine.plan.objects import Made, leaves_of
from engine.plan.placed import Placed
from engine.plan.plan import Plan
from engine.plan.size import too_large
from engine.plan.slices import SLICE, slices
from engine.plan.tree import PlanField, Shape
from engine.plan.underway import Underway
from engine.reads import Read


class Run:
    """Answers one request by one plan."""

    def __init__(
        self,
        plan: Plan,
        context: Any,  # noqa: ANN401 - the schema's context
        gather: Gather,
        arguments: Sequence[Any],
        limits: Limits,
        *,
        noting: bool = True,
    ) -> None:
        """`arguments` holds, by number of field, its arguments or the error that they are.

        Without `noting`, nobody wants to know what of whom the answer holds.
        """
        self.context = context
        self.facts = Facts(gather)
        self._limits = limits
        self._plan = plan
        self._gather = gather
        self._arguments = arguments
        self._may: dict[int, Decide | None] = {}
        self._faults: list[Fault] = []
        self.placed = Placed(getattr(context, "reader", None), plan.told) if noting else None
        self.reads: Sequence[Read] = ()
        """What of whom the answer holds; known when there is an answer."""
        self.aged: list[Aged] = []
        """What of the answer is no longer fresh."""
        self.underway = Underway(gather, context)

    async def answer(self) -> tuple[dict[str, Any] | None, Sequence[GraphQLError]]:
        """The data and the errors of the operation."""
        shape = self._plan.root
        try:
            if self._plan.serial:
                data = await self._one_after_another(shape)
            else:
                data = self.shaped(shape, [None])[0]
                await self.underway.all_settled()
        finally:
            self.underway.cancel()
        refusal = too_large(data, self._limits) if self._plan.may_multiply else None
        if refusal is not None:
            return None, [GraphQLError(str(refusal), original_error=refusal)]
        if self.placed is not None:
            self.reads = self.placed.reads(self._faults)
        if not self._faults:
            return data, []
        return located(shape, data, self._taken())

    def _taken(self) -> list[Fault]:
        """The faults, which are forgotten here: by its traceback a failure may know this run."""
        faults, self._faults = self._faults, []
        return faults

    async def _one_after_another(self, shape: Shape) -> dict[str, Any]:
        """The fields of a mutation, each begun when the one before has ended."""
        data: dict[str, Any] = dict.fromkeys(shape.keys)
        data |= dict.fromkeys(shape.typenames, shape.type.name)
        for field in shape.fields:
            self._gather.forget()
            if isinstance(field.kind, Leads):
                self.lead((field,), [None], [data])
            elif field.is_leaf:
                self._leaf_carefully(field, None, data)
            else:
                self.nested(field, [None], [data])
            await self.underway.all_settled()
            if self._faults and located(shape, data, self._faults)[0] is None:
                break  # the whole answer is null already: nothing more is changed
        return data

    def shaped(self, shape: Shape, records: Sequence[Any]) -> list[dict[str, Any]]:
        """The answers for records of one shape, edges under way."""
        answers = leaves_of(shape, self, records)
        self._below(shape, records, answers)
        return answers

    def _below(self, shape: Shape, records: Sequence[Any], answers: list[dict[str, Any]]) -> None:
        for field in shape.nested:
            self.nested(field, records, answers)
        for group in shape.groups:
            self.lead(group, records, answers)

    # What generated functions call.

    def may(self, field: PlanField) -> Decide | None:
        """The decision about the field for this caller; None where everything may be seen."""
        if field.guard.is_public:
            return None
        known = id(field.guard)
        if known not in self._may:
            self._may[known] = field.guard.prepared(self.context)
        return self._may[known]

    def arguments(self, field: PlanField) -> Mapping[str, Any]:
        """The field's arguments; raises where they cannot be had."""
        given: Mapping[str, Any] | Exception = self._arguments[field.number]
        if isinstance(given, Exception):
            raise given.with_traceback(None)  # it may be raised for many records, and outlives the request
        return given

    def noted(self) -> int:
        """How many faults there are by now."""
        return len(self._faults)

    def forget(self, noted: int) -> None:
        """Forget the faults since then: what they were noted for is made anew."""
        del self._faults[noted:]

    def singly(self, shape: Shape, records: Sequence[Any]) -> list[dict[str, Any]]:
        """The records' answers, each made by itself; carefully, where that fails too."""
        if len(records) == 1:
            return [self.carefully(shape, records[0])]
        return [leaves_of(shape, self, (record,))[0] for record in records]

    def carefully(self, shape: Shape, record: Any) -> dict[str, Any]:  # noqa: ANN401 - any record
        """One record's answer, field by field, each fault the fault of its own field."""
        answer: dict[str, Any] = dict.fromkeys(shape.keys)
        answer |= dict.fromkeys(shape.typenames, shape.type.name)
        for field in shape.fields:
            if field.is_leaf and not isinstance(field.kind, Leads):
                self._leaf_carefully(field, record, answer)
        return answer

    def _leaf_carefully(self, field: PlanField, record: Any, answer: dict[str, Any]) -> None:  # noqa: ANN401 - any record
        try:
            value = self._raw(field, record)
        except Undecided as pending:
            self.facts.when_known(self.underway, pending.on, partial(self._leaf_carefully, field, record, answer))
            return
        except Exception as fault:  # noqa: BLE001 - whatever a field raises is the fault of that field
            self.fault(field, answer, (), fault)
            return
        answer[field.key] = careful(field.type, value, field.name, partial(self.fault, field, answer))

    # Fields that hold other records, or lead to them.

    def nested(self, field: PlanField, records: Sequence[Any], answers: Sequence[dict[str, Any]]) -> None:
        """A field whose value, a record or records, is at hand."""
        self._complete(field, *self._decided(field, records, self._values(field, records), answers))

    def _decided(
        self, field: PlanField, records: Sequence[Any], values: Sequence[Any], answers: Sequence[dict[str, Any]]
    ) -> tuple[Sequence[Any], Sequence[dict[str, Any]]]:
        """The values, and where they will stand; nothing yet where some wait for a fact: a step goes on as a whole."""
        on = [each for value in values if type(value) is Undecided for each in value.on] if self.facts.wanting else ()
        if not on:
            return values, answers
        self.facts.when_known(self.underway, on, partial(self.nested, field, records, answers))
        return (), ()

    def _values(self, field: PlanField, records: Iterable[Any]) -> list[Any]:
        values: list[Any] = []
        for record in records:
            try:
                values.append(self._raw(field, record))
            except Undecided as pending:
                values.append(pending.with_traceback(None))
            except Exception as fault:  # noqa: BLE001 - whatever a field raises is the fault of that field
                values.append(Failed(fault))
        return values

    def lead(self, group: Sequence[PlanField], records: Sequence[Any], answers: list[dict[str, Any]]) -> None:
        """Fields that one batch answers by one key, or by the keys of a list."""
        self._want(group, plain_keys(self, group[0], records, answers) or keyed(self, group, records, answers))

    async def _lead_in_slices(
        self, group: Sequence[PlanField], records: Sequence[Any], answers: list[dict[str, Any]]
    ) -> None:
        """As `lead`: from all records together, however many, for slices must not become calls."""
        together = Keys([], [], {})
        for part in slices(len(records)):
            of = plain_keys(self, group[0], records[part], answers[part]) or keyed(
                self, group, records[part], answers[part]
            )
            together.keys.extend(of.keys)
            together.targets.extend(of.targets)
            together.wanted.update(of.wanted)
            await asyncio.sleep(0)
        self._want(group, together)

    def _want(self, group: Sequence[PlanField], of: Keys) -> None:
        if of.keys:
            self.underway.begin()
            edge = edge_of(group[0]).edge
            if self.placed is not None and group[0].parent is self._plan.root and not group[0].guard.is_public:
                self.placed.led(group, of)
            named = sum(map(len, of.keys)) if edge.many else len(of.keys)
            self._gather.want(edge.batch, edge.facet, of.wanted, partial(self._landed, group, of), named=named)

    def _landed(self, group: Sequence[PlanField], of: Keys, known: Mapping[Hashable, Any]) -> None:
        self.underway.end(partial(self._put_all, group, of, known))

    def _put_all(self, group: Sequence[PlanField], of: Keys, known: Mapping[Hashable, Any]) -> None:
        old = self._gather.how_fresh.old
        if old:
            edge = edge_of(group[0]).edge
            self.aged += aged(group, of, old.get((edge.batch, edge.facet), {}))
        if len(of.keys) > SLICE:
            self.underway.in_slices(self._put_in_slices(group, of, known))
        else:
            for field in group:
                self._put(field, of, self._answered(field, of.wanted, known))

    def _answered(
        self, field: PlanField, wanted: Iterable[Hashable], known: Mapping[Hashable, Any]
    ) -> Mapping[Hashable, Any]:
        """The field's values by key."""
        edge = edge_of(field).edge
        if edge.pick is None and edge.then is None:
            return known
        arguments = self.arguments(field)
        values: dict[Hashable, Any] = {}
        for key in wanted:
            answer = known[key]
            if answer is not None and type(answer) is not Failed:
                try:
                    answer = edge.value(answer, arguments)
                except Exception as fault:  # noqa: BLE001 - whatever a field raises is the fault of that field
                    answer = Failed(fault)
            values[key] = answer
        return values

    def _put(self, field: PlanField, of: Keys, values: Mapping[Hashable, Any]) -> None:
        if edge_of(field).edge.many or not put_by_key(self, field, of, values):
            found = _found(field, of.keys, values)
            (self._put_leaves if field.is_leaf else self._complete)(field, found, of.targets)

    async def _put_in_slices(self, group: Sequence[PlanField], of: Keys, known: Mapping[Hashable, Any]) -> None:
        for field in group:
            values: dict[Hashable, Any] = {}
            wanted = list(of.wanted)
            for part in slices(len(wanted)):
                values.update(self._answered(field, wanted[part], {key: known[key] for key in wanted[part]}))
                await asyncio.sleep(0)
            found: list[Any] = []
            for part in slices(len(of.keys)):
                found += _found(field, of.keys[part], values)
                if field.is_leaf:
                    self._put_leaves(field, found[part], of.targets[part])
                await asyncio.sleep(0)
            if not field.is_leaf:
                self._complete(field, found, of.targets)

    def _put_leaves(self, field: PlanField, values: Sequence[Any], targets: Sequence[dict[str, Any]]) -> None:
        complete = field.complete
        key = field.key
        for value, answer in zip(values, targets, strict=True):
            if type(value) is Failed:
                self.fault(field, answer, (), value.failure)
                continue
            try:
                answer[key] = complete(value)  # type: ignore[misc]  # leaves are compiled with it
            except Exception:  # noqa: BLE001 - the careful way says what it was
                answer[key] = careful(field.type, value, field.name, partial(self.fault, field, answer))

    # Records below a field.

    def _complete(self, field: PlanField, values: Sequence[Any], targets: Sequence[dict[str, Any]]) -> None:
        """Put the objects below a field in place, for all parents together; equal objects are answered once."""
        only = field.only
        if only is not None and not field.depth and len(values) <= SLICE and set(map(type, values)) == {only.record}:
            key = field.key
            for shaped, answer in zip(self.shaped(only, values), targets, strict=True):
                answer[key] = shaped
            return
        made = Made(self._plan, field, self)
        values = made.given(values)
        if len(made.objects) > SLICE or len(values) > SLICE:
            self.underway.in_slices(self._complete_in_slices(made, values, targets))
            return
        made.make(made.objects)
        for shape, (records, answers) in made.of_shape.items():
            self._below(shape, records, answers)
        made.place(values, targets)

    async def _complete_in_slices(self, made: Made, values: Sequence[Any], targets: Sequence[dict[str, Any]]) -> None:
        for part in slices(len(made.objects)):
            made.make(made.objects[part])
            await asyncio.sleep(0)
        for shape, (records, answers) in made.of_shape.items():
            for nested in shape.nested:
                found: list[Any] = []
                for part in slices(len(records)):
                    found += self._values(nested, records[part])
                    await asyncio.sleep(0)
                self._complete(nested, *self._decided(nested, records, found, answers))
            for group in shape.groups:
                await self._lead_in_slices(group, records, answers)
        for part in slices(len(values)):
            made.place(values[part], targets[part])
            await asyncio.sleep(0)

    def _raw(self, field: PlanField, record: Any) -> Any:  # noqa: ANN401 - any record and value
        kind = field.kind
        arguments = self.arguments(field)
        may = self.may(field)
        refusal = self.facts.settled(may(record, None)) if may is not None else None
        if refusal is not None:
            raise refusal
        if isinstance(kind, Derived):
            return kind.function(record, arguments, self.context)
        return getattr(record, kind.attribute)  # type: ignore[union-attr]  # shown: edges never come here

    # Faults.

    def fault(self, field: PlanField, answer: dict[str, Any], place: tuple[int, ...], fault: Exception) -> None:
        """Note that a field failed in one object of the answer, at the place inside its own lists."""
        self._faults.append(Fault(field, answer, place, fault))


def _found(field: PlanField, keys: Sequence[Any], values: Mapping[Hashable, Any]) -> list[Any]:
    """The field's values in the order of the keys."""
    if edge_of(field).edge.many:
        return [[each if isinstance(each, Exception) else _bare(values[each]) for each in key] for key in keys]
    return [values[key] for key in keys]


def _bare(value: Any) -> Any:  # noqa: ANN401 - any value
    """In a list, a failure is an exception among the values."""
    return value.failure if type(value) is Failed else value
