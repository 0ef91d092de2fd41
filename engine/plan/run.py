"""One run of a plan: a dataflow of batches, then the answer.

Everything that can be known at once is put in place at once; each edge waits for its own keys and for nothing else.
A field that fails is null, and its place in the answer is looked up afterwards: plans that succeed pay nothing for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, NamedTuple

from graphql import GraphQLError, is_non_null_type

from engine.kinds import Derived, Leads
from engine.limits import Limits, TooLarge
from engine.plan.faults import Fault, located
from engine.plan.gather import Failed, Gather
from engine.plan.leaves import careful, items_of, null_in_non_null
from engine.plan.plan import Plan
from engine.plan.size import objects_in
from engine.plan.tree import PlanField, Shape

Decision = Callable[[Any, Any], Exception | None]


class Run:
    """Answers one request by one plan."""

    def __init__(self, plan: Plan, context: Any, gather: Gather, arguments: Sequence[Any], limits: Limits) -> None:  # noqa: ANN401 - the schema's context
        """`arguments` holds, by number of field, its arguments or the error that they are."""
        self.context = context
        self._limits = limits
        self._plan = plan
        self._gather = gather
        self._arguments = arguments
        self._may: dict[int, Decision | None] = {}
        self._faults: list[Fault] = []
        self._open = 0
        self._settled = asyncio.Event()
        self._crash: BaseException | None = None

    async def answer(self) -> tuple[dict[str, Any] | None, list[GraphQLError]]:
        """The data and the errors of the operation."""
        shape = self._plan.root
        data: dict[str, Any] = {}
        if self._plan.serial:
            data = dict.fromkeys(shape.keys)
            data |= dict.fromkeys(shape.typenames, shape.type.name)
            for field in shape.fields:
                self.lead((field,), [None], [data])
                await self._all_settled()
        else:
            data = self.shaped(shape, [None])[0]
            await self._all_settled()
        if self._plan.may_multiply and objects_in(data) > self._limits.objects:
            message = f"The answer would hold more than {self._limits.objects} objects. Ask in several operations."
            return None, [GraphQLError(message, original_error=TooLarge(message))]
        if not self._faults:
            return data, []
        return located(shape, data, self._faults)

    async def _all_settled(self) -> None:
        if self._open:
            self._settled.clear()
            await self._settled.wait()
        if self._crash is not None:
            raise self._crash

    # What generated functions call.

    def shaped(self, shape: Shape, records: list[Any]) -> list[dict[str, Any]]:
        """The answers for records of one shape, edges under way."""
        function = shape.function
        if function is None:
            raise TypeError(f"{shape!r} was never compiled.")
        return function(self, records)

    def may(self, field: PlanField) -> Decision | None:
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
            raise given
        return given

    def carefully(self, shape: Shape, record: Any) -> dict[str, Any]:  # noqa: ANN401 - any record
        """One record's answer, field by field, each fault the fault of its own field."""
        answer: dict[str, Any] = dict.fromkeys(shape.keys)
        answer |= dict.fromkeys(shape.typenames, shape.type.name)
        for field in shape.fields:
            if not field.is_leaf or isinstance(field.kind, Leads):
                continue
            try:
                value = self._raw(field, record)
            except Exception as fault:  # noqa: BLE001 - whatever a field raises is the fault of that field
                self._fault(field, answer, fault)
                continue
            answer[field.key] = careful(field.type, value, field.name, partial(self._fault_at, field, answer))
        return answer

    def nested(self, field: PlanField, records: Sequence[Any], answers: Sequence[dict[str, Any]]) -> None:
        """A field whose value, a record or records, is at hand."""
        values: list[Any] = []
        for record in records:
            try:
                values.append(self._raw(field, record))
            except Exception as fault:  # noqa: BLE001 - whatever a field raises is the fault of that field
                values.append(Failed(fault))
        self._complete(field, values, answers)

    def lead(self, group: Sequence[PlanField], records: Sequence[Any], answers: Sequence[dict[str, Any]]) -> None:
        """Fields that one batch answers by one key, or by the keys of a list."""
        first = group[0]
        kind = first.kind
        if not isinstance(kind, Leads):
            raise TypeError(f"{first!r} leads nowhere.")
        edge = kind.edge
        may = self.may(first)
        keys: list[Any] = []
        targets: list[dict[str, Any]] = []
        if may is None and edge.by is not None and not first.graphql.args:
            get = attrgetter(edge.by)
            for record, answer in zip(records, answers, strict=True):
                if (key := get(record)) is None:
                    self._nulls(group, answer)
                else:
                    keys.append(key)
                    targets.append(answer)
        else:
            self._keyed(group, records, answers, keys, targets)
        if not keys:
            return
        self._open += 1
        if edge.many:
            wanted = dict.fromkeys(each for key in keys for each in key if not isinstance(each, Exception))
        else:
            wanted = dict.fromkeys(keys)
        then = partial(self._landed, group, keys, targets)
        self._gather.want(edge.batch, edge.facet, wanted, then)

    def _keyed(
        self,
        group: Sequence[PlanField],
        records: Sequence[Any],
        answers: Sequence[dict[str, Any]],
        keys: list[Any],
        targets: list[dict[str, Any]],
    ) -> None:
        first = group[0]
        kind = first.kind
        if not isinstance(kind, Leads):
            raise TypeError(f"{first!r} leads nowhere.")
        edge = kind.edge
        may = self.may(first)
        for record, answer in zip(records, answers, strict=True):
            try:
                key = kind.key(record, self.arguments(first), self.context)
                if edge.many and key is not None:
                    key = list(key)
                refusal = may(record, key) if may is not None else None
                if refusal is not None:
                    raise refusal  # noqa: TRY301 - one way for all faults of a field
            except Exception as fault:  # noqa: BLE001 - whatever a field raises is the fault of that field
                for field in group:
                    self._fault(field, answer, fault)
                continue
            if key is None:
                self._nulls(group, answer)
            else:
                keys.append(key)
                targets.append(answer)

    def _landed(
        self,
        group: Sequence[PlanField],
        keys: Sequence[Any],
        targets: Sequence[dict[str, Any]],
        known: Mapping[Hashable, Any],
    ) -> None:
        try:
            for field in group:
                self._put(field, keys, targets, known)
        except BaseException as crash:  # noqa: BLE001 - a fault of the hub ends the run, not the event loop's callback
            self._crash = crash
        self._open -= 1
        if not self._open or self._crash is not None:
            self._settled.set()

    def _put(
        self, field: PlanField, keys: Sequence[Any], targets: Sequence[dict[str, Any]], known: Mapping[Hashable, Any]
    ) -> None:
        edge = field.kind.edge  # type: ignore[union-attr]  # only edges land
        arguments = self.arguments(field)
        values: dict[Hashable, Any] = {}

        def value_of(key: Hashable) -> Any:  # noqa: ANN401 - any value
            if isinstance(key, Exception):
                return Failed(key)
            if key not in values:
                answer = known[key]
                if type(answer) is not Failed and answer is not None:
                    try:
                        answer = edge.value(answer, arguments)
                    except Exception as fault:  # noqa: BLE001 - whatever a field raises is the fault of that field
                        answer = Failed(fault)
                values[key] = answer
            return values[key]

        found = [[value_of(each) for each in key] for key in keys] if edge.many else [value_of(key) for key in keys]
        if field.is_leaf:
            self._leaves(field, found, targets)
        else:
            self._complete(field, found, targets)

    def _leaves(self, field: PlanField, values: Sequence[Any], targets: Sequence[dict[str, Any]]) -> None:
        complete = field.complete
        for value, answer in zip(values, targets, strict=True):
            if type(value) is Failed:
                self._fault(field, answer, value.failure)
                continue
            try:
                answer[field.key] = complete(value)  # type: ignore[misc]  # leaves are compiled with it
            except Exception:  # noqa: BLE001 - the careful way says what it was
                plain = (
                    [each.failure if type(each) is Failed else each for each in value]
                    if field.depth and type(value) is list
                    else value
                )
                answer[field.key] = careful(field.type, plain, field.name, partial(self._fault_at, field, answer))

    # Records below a field.

    def _complete(self, field: PlanField, values: Sequence[Any], targets: Sequence[dict[str, Any]]) -> None:
        """Put the objects below a field in place, for all parents together; equal objects are answered once."""
        fresh: dict[int, Any] = {}
        if field.depth == 0:
            for value in values:
                if value is not None and type(value) is not Failed:
                    fresh[id(value)] = value
        else:
            for value in values:
                _collect(value, field.depth, fresh)
        shaped = self._objects(field, list(fresh.values()))
        by_id = dict(zip(fresh, shaped, strict=True))
        for value, answer in zip(values, targets, strict=True):
            answer[field.key] = self._placed(Position(field, answer, by_id), field.type, value, ())

    def _placed(self, position: Position, type_: Any, value: Any, place: tuple[int, ...]) -> Any:  # noqa: ANN401 - any type, value and part of an answer
        """The part of the answer for one value of the field's type, or of the type of its items."""
        non_null = is_non_null_type(type_)
        try:
            if value is None and not non_null:
                return None
            if value is None:
                raise null_in_non_null(position.field.name)  # noqa: TRY301 - one way for all faults of a place
            if len(place) == position.field.depth:
                return position.object_for(value)
            item_type = (type_.of_type if non_null else type_).of_type
            items = list(items_of(_plain(value), position.field.name))
        except Exception as fault:  # noqa: BLE001 - whatever a value raises is the fault of its place
            self._fault(position.field, position.answer, fault, place)
            return None
        return [self._placed(position, item_type, each, (*place, index)) for index, each in enumerate(items)]

    def _objects(self, field: PlanField, values: list[Any]) -> list[Any]:
        """The answers for values of the field's type, in their order; `Failed` for what is of no such type."""
        if len(field.shapes) == 1 and self._plan.is_concrete(field):
            (shape,) = field.shapes.values()
            record = shape.record
            if record is not None and all(type(value) is record for value in values):
                return self.shaped(shape, values)
        of_shape: dict[Shape, list[int]] = {}
        placed: list[Any] = [None] * len(values)
        for index, value in enumerate(values):
            try:
                of_shape.setdefault(self._plan.shape_of(field, value, self.context), []).append(index)
            except Exception as fault:  # noqa: BLE001 - whatever a value raises is the fault of its field
                placed[index] = Failed(fault)
        for shape, indices in of_shape.items():
            for index, answer in zip(indices, self.shaped(shape, [values[n] for n in indices]), strict=True):
                placed[index] = answer
        return placed

    def _raw(self, field: PlanField, record: Any) -> Any:  # noqa: ANN401 - any record and value
        may = self.may(field)
        refusal = may(record, None) if may is not None else None
        if refusal is not None:
            raise refusal
        kind = field.kind
        if isinstance(kind, Derived):
            return kind.function(record, self.arguments(field), self.context)
        return getattr(record, kind.attribute)  # type: ignore[union-attr]  # shown: edges never come here

    # Faults.

    def _nulls(self, group: Sequence[PlanField], answer: dict[str, Any]) -> None:
        for field in group:
            if field.non_null:
                self._fault(field, answer, null_in_non_null(field.name))

    def _fault(self, field: PlanField, answer: dict[str, Any], fault: Exception, place: tuple[int, ...] = ()) -> None:
        self._faults.append(Fault(field, answer, place, fault))

    def _fault_at(self, field: PlanField, answer: dict[str, Any], place: tuple[int, ...], fault: Exception) -> None:
        self._faults.append(Fault(field, answer, place, fault))


class Position(NamedTuple):
    """A field of one object of the answer, while its value is put in place."""

    field: PlanField
    answer: dict[str, Any]
    by_id: Mapping[int, Any]
    """The answers for the objects below the field, by the identity of the records."""

    def object_for(self, value: Any) -> dict[str, Any]:  # noqa: ANN401 - any value
        """The answer for one record; raises why there is none."""
        answer: dict[str, Any] = _plain(self.by_id[id(_plain(value))])
        return answer


def _plain(value: Any) -> Any:  # noqa: ANN401 - any value
    """The value itself; raises the failure that stands in its place."""
    if type(value) is Failed:
        raise value.failure
    if isinstance(value, Exception):
        raise value
    return value


def _collect(value: Any, depth: int, fresh: dict[int, Any]) -> None:  # noqa: ANN401 - any value
    if value is None or type(value) is Failed or isinstance(value, Exception):
        return
    if depth == 0:
        fresh[id(value)] = value
    elif isinstance(value, list | tuple):
        for each in value:
            _collect(each, depth - 1, fresh)
