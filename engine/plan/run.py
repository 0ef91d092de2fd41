"""One run of a plan: a dataflow of batches, then the answer.

Everything that can be known at once is put in place at once; each edge waits for its own keys and for nothing else.
A field that fails is null, and its place in the answer is looked up afterwards: plans that succeed pay nothing for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Iterable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from types import NoneType
from typing import Any

from graphql import GraphQLError

from engine.batch import Batch
from engine.kinds import Derived, Leads
from engine.limits import Limits
from engine.plan.faults import Fault, located
from engine.plan.gather import Failed, Gather
from engine.plan.leaves import careful, null_in_non_null
from engine.plan.objects import Made, leaves_of
from engine.plan.plan import Plan
from engine.plan.size import too_large
from engine.plan.tree import PlanField, Shape
from records.failures import AgencyTimeout

Decision = Callable[[Any, Any], Exception | None]

SLICE = 1000
"""Objects that are shaped before other requests get their turn: a few milliseconds of work."""


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
        self._settled: asyncio.Future[None] | None = None
        self._end: asyncio.TimerHandle | None = None
        gather.waits = self._until_the_deadline
        self._working: set[asyncio.Task[None]] = set()
        self._crash: BaseException | None = None

    async def answer(self) -> tuple[dict[str, Any] | None, list[GraphQLError]]:
        """The data and the errors of the operation."""
        shape = self._plan.root
        try:
            if self._plan.serial:
                data = await self._one_after_another(shape)
            else:
                data = self.shaped(shape, [None])[0]
                await self._all_settled()
        finally:
            for task in tuple(self._working):
                task.cancel()
        refusal = too_large(data, self._limits) if self._plan.may_multiply else None
        if refusal is not None:
            return None, [GraphQLError(str(refusal), original_error=refusal)]
        if not self._faults:
            return data, []
        return located(shape, data, self._faults)

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
            await self._all_settled()
            if self._faults and located(shape, data, self._faults)[0] is None:
                break  # the whole answer is null already: nothing more is changed
        return data

    async def _all_settled(self) -> None:
        """Wait until everything is in place, or until the deadline of the request."""
        self._gather.dispatch()
        try:
            if self._open and self._crash is None:
                self._settled = asyncio.get_running_loop().create_future()
                await self._settled
        finally:
            self._settled = None
            if self._end is not None:
                self._end.cancel()
                self._end = None
        if self._crash is not None:
            raise self._crash

    def _until_the_deadline(self) -> None:
        """End what is under way at the deadline of the request. Most that is at hand is in place long before."""
        if self._end is None:
            remaining = self.context.ask(frozenset()).call.remaining()
            self._end = asyncio.get_running_loop().call_later(remaining, self._gather.end, _too_late)

    def _close(self) -> None:
        """One thing less to wait for."""
        self._open -= 1
        if (not self._open or self._crash is not None) and self._settled is not None and not self._settled.done():
            self._settled.set_result(None)

    def _in_slices(self, work: Coroutine[Any, Any, None]) -> None:
        """Do what is long piece by piece, so that other requests get their turn in between."""
        self._open += 1
        task = asyncio.get_running_loop().create_task(work)
        self._working.add(task)
        self._until_the_deadline()
        task.add_done_callback(self._sliced)

    def _sliced(self, task: asyncio.Task[None]) -> None:
        self._working.discard(task)
        if not task.cancelled():
            self._crash = self._crash or task.exception()  # a fault of the hub ends the run
            self._close()

    def shaped(self, shape: Shape, records: Sequence[Any]) -> list[dict[str, Any]]:
        """The answers for records of one shape, edges under way."""
        answers = leaves_of(shape, self, records)
        self._below(shape, records, answers)
        return answers

    def _below(self, shape: Shape, records: Sequence[Any], answers: Sequence[dict[str, Any]]) -> None:
        for field in shape.nested:
            self.nested(field, records, answers)
        for group in shape.groups:
            self.lead(group, records, answers)

    # What generated functions call.

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
        except Exception as fault:  # noqa: BLE001 - whatever a field raises is the fault of that field
            self.fault(field, answer, (), fault)
            return
        answer[field.key] = careful(field.type, value, field.name, partial(self.fault, field, answer))

    # Fields that hold other records, or lead to them.

    def nested(self, field: PlanField, records: Sequence[Any], answers: Sequence[dict[str, Any]]) -> None:
        """A field whose value, a record or records, is at hand."""
        self._complete(field, self._values(field, records), answers)

    def _values(self, field: PlanField, records: Iterable[Any]) -> list[Any]:
        values: list[Any] = []
        for record in records:
            try:
                values.append(self._raw(field, record))
            except Exception as fault:  # noqa: BLE001 - whatever a field raises is the fault of that field
                values.append(Failed(fault))
        return values

    def lead(self, group: Sequence[PlanField], records: Sequence[Any], answers: Sequence[dict[str, Any]]) -> None:
        """Fields that one batch answers by one key, or by the keys of a list."""
        first = group[0]
        edge = _leads(first).edge
        keys: list[Any]
        targets: Sequence[dict[str, Any]]
        wanted: dict[Hashable, None]
        plain = self._plain_keys(first, records)
        if plain is not None:
            (keys, wanted), targets = plain, answers
        else:
            keys, targets, wanted = self._keyed(group, records, answers)
        if keys:
            self._open += 1
            self._gather.want(edge.batch, edge.facet, wanted, partial(self._landed, group, keys, wanted, targets))

    def _plain_keys(self, field: PlanField, records: Sequence[Any]) -> tuple[list[Any], dict[Hashable, None]] | None:
        """Keys that are attributes of the records, for all records at once; None where one has to be looked at."""
        edge = _leads(field).edge
        if edge.by is None or edge.many or field.graphql.args:
            return None
        try:
            if self.may(field) is not None:
                return None
            keys = list(map(attrgetter(edge.by), records))
            wanted = dict.fromkeys(keys)
        except Exception:  # noqa: BLE001 - one of the records is not as it should be: it fails alone
            return None
        kinds = set(map(type, wanted))
        return None if any(issubclass(kind, _ODD_KEYS) for kind in kinds) else (keys, wanted)

    def _keyed(
        self, group: Sequence[PlanField], records: Sequence[Any], answers: Sequence[dict[str, Any]]
    ) -> tuple[list[Any], list[dict[str, Any]], dict[Hashable, None]]:
        """Keys, the answers they are for, and what has to be asked; each fault the fault of its own record."""
        first = group[0]
        kind = _leads(first)
        keys: list[Any] = []
        targets: list[dict[str, Any]] = []
        wanted: dict[Hashable, None] = {}
        for record, answer in zip(records, answers, strict=True):
            try:
                key = kind.key(record, self.arguments(first), self.context)
                refusal = None if (may := self.may(first)) is None else may(record, key)
                if refusal is not None:
                    raise refusal  # noqa: TRY301 - one way for all faults of a field
                if isinstance(key, Exception):
                    raise key.with_traceback(None)  # noqa: TRY301 - one way for all faults of a field
                if key is not None:
                    if kind.edge.many:
                        key = [_hashable(each) for each in key]
                        wanted.update((each, None) for each in key if not isinstance(each, Exception))
                    else:
                        wanted[key] = None
                    keys.append(key)
                    targets.append(answer)
                    continue
            except Exception as fault:  # noqa: BLE001 - whatever a field raises is the fault of that field
                for field in group:
                    self.fault(field, answer, (), fault)
                continue
            for field in group:
                if field.non_null:
                    self.fault(field, answer, (), null_in_non_null(field.name))
        return keys, targets, wanted

    def _landed(
        self,
        group: Sequence[PlanField],
        keys: Sequence[Any],
        wanted: Mapping[Hashable, None],
        targets: Sequence[dict[str, Any]],
        known: Mapping[Hashable, Any],
    ) -> None:
        try:
            for field in group:
                self._put(field, keys, wanted, self._answered(field, wanted, known), targets)
        except BaseException as crash:  # noqa: BLE001 - a fault of the hub ends the run, not the event loop's callback
            self._crash = crash
        self._close()

    def _answered(
        self, field: PlanField, wanted: Iterable[Hashable], known: Mapping[Hashable, Any]
    ) -> Mapping[Hashable, Any]:
        """The field's values by key."""
        edge = _leads(field).edge
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

    def _put(
        self,
        field: PlanField,
        keys: Sequence[Any],
        wanted: Mapping[Hashable, None],
        values: Mapping[Hashable, Any],
        targets: Sequence[dict[str, Any]],
    ) -> None:
        found: list[Any]
        if _leads(field).edge.many:
            found = [[each if isinstance(each, Exception) else _bare(values[each]) for each in key] for key in keys]
        elif len(keys) <= SLICE and self._put_by_key(field, keys, wanted, values, targets):
            return
        else:
            found = [values[key] for key in keys]
        if not field.is_leaf:
            self._complete(field, found, targets)
        elif len(found) > SLICE:
            self._in_slices(self._put_leaves_in_slices(field, found, targets))
        else:
            self._put_leaves(field, found, targets)

    def _put_by_key(
        self,
        field: PlanField,
        keys: Sequence[Any],
        wanted: Mapping[Hashable, None],
        values: Mapping[Hashable, Any],
        targets: Sequence[dict[str, Any]],
    ) -> bool:
        """Records of the one class that they can have: shaped in the order of their keys, and put in place by key."""
        only = field.only
        if only is None:
            return False
        made: dict[Hashable, Any]
        odd: Iterable[Hashable] = ()
        if not field.depth:
            records = [values[key] for key in wanted]
            kinds = set(map(type, records))
            if kinds == {only.record}:
                made = dict(zip(wanted, self.shaped(only, records), strict=True))
            elif kinds <= {only.record, NoneType, Failed}:
                plain = [key for key in wanted if type(values[key]) is only.record]
                made = dict.fromkeys(wanted)
                made.update(zip(plain, self.shaped(only, [values[key] for key in plain]), strict=True))
                odd = {
                    key for key in wanted if type(value := values[key]) is Failed or (value is None and field.non_null)
                }
            else:
                return False
        elif field.depth == 1 and len(wanted) == 1:
            (key,) = wanted
            answers = self._listed(only, values[key])
            if answers is None:
                return False
            made = {key: answers}
        else:
            return False
        name = field.key
        for key, answer in zip(keys, targets, strict=True):
            answer[name] = made[key]
        if odd:
            for key, answer in zip(keys, targets, strict=True):
                if key in odd:
                    value = values[key]
                    self.fault(field, answer, (), null_in_non_null(field.name) if value is None else value.failure)
        return True

    def _listed(self, only: Shape, records: Any) -> list[dict[str, Any]] | None:  # noqa: ANN401 - any value
        """The answers for a plain list of records of one class, each an object of its own; None for all else."""
        if type(records) not in (tuple, list) or len(records) > SLICE or not set(map(type, records)) <= {only.record}:
            return None
        return self.shaped(only, records)

    async def _put_leaves_in_slices(
        self, field: PlanField, values: Sequence[Any], targets: Sequence[dict[str, Any]]
    ) -> None:
        for start in range(0, len(values), SLICE):
            self._put_leaves(field, values[start : start + SLICE], targets[start : start + SLICE])
            await asyncio.sleep(0)

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
            self._in_slices(self._complete_in_slices(made, values, targets))
            return
        made.make(made.objects)
        for shape, (records, answers) in made.of_shape.items():
            self._below(shape, records, answers)
        made.place(values, targets)

    async def _complete_in_slices(self, made: Made, values: Sequence[Any], targets: Sequence[dict[str, Any]]) -> None:
        for start in range(0, len(made.objects), SLICE):
            made.make(made.objects[start : start + SLICE])
            await asyncio.sleep(0)
        # Edges are led from all records together, however many: slices must not become calls.
        for shape, (records, answers) in made.of_shape.items():
            for nested in shape.nested:
                found: list[Any] = []
                for start in range(0, len(records), SLICE):
                    found += self._values(nested, records[start : start + SLICE])
                    await asyncio.sleep(0)
                self._complete(nested, found, answers)
            for group in shape.groups:
                self.lead(group, records, answers)
                await asyncio.sleep(0)
        for start in range(0, len(values), SLICE):
            made.place(values[start : start + SLICE], targets[start : start + SLICE])
            await asyncio.sleep(0)

    def _raw(self, field: PlanField, record: Any) -> Any:  # noqa: ANN401 - any record and value
        kind = field.kind
        arguments = self.arguments(field)
        may = self.may(field)
        refusal = may(record, None) if may is not None else None
        if refusal is not None:
            raise refusal
        if isinstance(kind, Derived):
            return kind.function(record, arguments, self.context)
        return getattr(record, kind.attribute)  # type: ignore[union-attr]  # shown: edges never come here

    # Faults.

    def fault(self, field: PlanField, answer: dict[str, Any], place: tuple[int, ...], fault: Exception) -> None:
        """Note that a field failed in one object of the answer, at the place inside its own lists."""
        self._faults.append(Fault(field, answer, place, fault))


_ODD_KEYS = (type(None), Exception)
"""Nobody is asked by them."""


def _leads(field: PlanField) -> Leads:
    if not isinstance(field.kind, Leads):
        raise TypeError(f"{field!r} leads nowhere.")
    return field.kind


def _too_late(batch: Batch[Any, Any]) -> AgencyTimeout:
    return AgencyTimeout(batch.agency or "hub", "no answer before the deadline of the request")


def _hashable(key: Any) -> Any:  # noqa: ANN401 - any key
    """The key, or why nothing can be asked by it."""
    try:
        hash(key)
    except TypeError as fault:
        return fault
    return key


def _bare(value: Any) -> Any:  # noqa: ANN401 - any value
    """In a list, a failure is an exception among the values."""
    return value.failure if type(value) is Failed else value
