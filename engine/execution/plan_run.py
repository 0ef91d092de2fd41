"""One run of a plan: a dataflow of batches whose answers are shaped into the response.

A value is placed as soon as it is known; each edge waits for its own keys and for nothing else. A failed field is null,
and its path is computed at the end: runs without errors pay nothing for paths.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from graphql import GraphQLError

from engine.agencies.routing_log import NO_ROUTING, RoutingLog
from engine.document.limits import Limits
from engine.event_loop import SLICE, iterate_slices
from engine.execution.authorization_facts import AuthorizationFacts, FactMissing
from engine.execution.batch_scheduler import BatchScheduler, FailedAnswer
from engine.execution.denied_fields import FieldErrors, build_null_object
from engine.execution.edge_keys import EdgeKeys, collect_keys, collect_plain_keys
from engine.execution.keyed_placement import place_by_key
from engine.execution.null_propagation import propagate_nulls
from engine.execution.object_placement import ObjectPlacement, shape_leaves
from engine.execution.pending_work import PendingWork
from engine.execution.read_tracking import ReadTracker
from engine.execution.stale_fields import StaleField, find_stale_fields
from engine.field_kinds import BatchField, ComputedField, Decider
from engine.plan.leaf_coercion import coerce_carefully
from engine.plan.plan import Plan
from engine.plan.response_size import check_size
from engine.plan.tree import PlanField, Shape
from records.calls.subject_reads import SubjectRead


class PlanRun:
    """Answers one request by one plan."""

    def __init__(
        self,
        plan: Plan,
        context: Any,  # noqa: ANN401 - the schema's context
        scheduler: BatchScheduler,
        arguments: Sequence[Any],
        limits: Limits,
        *,
        track_reads: bool = True,
    ) -> None:
        """`arguments` holds the arguments of each field by its number, or the error of their coercion.

        Without `track_reads`, the reads of the answer are not tracked.
        """
        self.context = context
        self.facts = AuthorizationFacts(scheduler)
        self._limits = limits
        self._plan = plan
        self._scheduler = scheduler
        self._arguments = arguments
        self._deciders: dict[int, Decider | None] = {}
        self.field_errors = FieldErrors()
        reader = getattr(context, "reader", None)
        self._routing_log: RoutingLog = getattr(context, "routing_log", NO_ROUTING)
        self.read_tracker = (
            ReadTracker(reader, plan.read_summaries, plan.codes, self._routing_log) if track_reads else None
        )
        self.reads: Sequence[SubjectRead] = ()
        """The reads of the answer, by subject; set at the end of the run."""
        self.stale_fields: list[StaleField] = []
        """Fields of the answer with stale values."""
        self.pending_work = PendingWork(scheduler, context)

    async def execute(self) -> tuple[dict[str, Any] | None, Sequence[GraphQLError]]:
        """The data and the errors of the operation."""
        shape = self._plan.root
        try:
            if self._plan.is_serial:
                data = await self._run_serially(shape)
            else:
                data = self.shape_records(shape, [None])[0]
                await self.pending_work.wait()
        finally:
            self.pending_work.cancel()
        # Places share records, so the size of nested lists shows only when the answer is complete.
        refusal = check_size(data, self._limits) if self._plan.may_multiply else None
        if refusal is not None:
            return None, [GraphQLError(str(refusal), original_error=refusal)]
        # Before nulls are propagated: a value that is removed with its parent still counts as read.
        if self.read_tracker is not None:
            self.reads = self.read_tracker.build_reads(self.field_errors.recorded)
        if not self.field_errors.recorded:
            return data, []
        return propagate_nulls(shape, data, self.field_errors.take())

    async def _run_serially(self, shape: Shape) -> dict[str, Any]:
        """Run the fields of a mutation one after another (GraphQL specification, section 6.2.2)."""
        data = build_null_object(shape)
        for field in shape.fields:
            self._scheduler.drop_known_answers()  # the field before may have changed any data
            if isinstance(field.kind, BatchField):
                self.request_batch((field,), [None], [data])
            elif field.is_leaf:
                self._put_leaf_carefully(field, None, data)
            else:
                self.put_nested(field, [None], [data])
            await self.pending_work.wait()
            errors = self.field_errors.recorded
            if errors and propagate_nulls(shape, data, errors)[0] is None:
                break  # all data is null already, so the mutation changes nothing more
        return data

    def shape_records(self, shape: Shape, records: Sequence[Any]) -> list[dict[str, Any]]:
        """Shape records, and request the batches of their edges."""
        answers = shape_leaves(shape, self, records)
        if shape.nested or shape.groups:
            self._run_below(shape, records, answers)
        return answers

    def _run_below(self, shape: Shape, records: Sequence[Any], answers: list[dict[str, Any]]) -> None:
        for field in shape.nested:
            self.put_nested(field, records, answers)
        for group in shape.groups:
            self.request_batch(group, records, answers)

    # Called by generated functions.

    def get_decider(self, field: PlanField) -> Decider | None:
        """The function that decides about the field for this caller; None if the caller may see all of it."""
        if field.is_public:
            return None
        guard_id = id(field.guard)
        if guard_id not in self._deciders:
            self._deciders[guard_id] = field.guard.build_decider(self.context)
        return self._deciders[guard_id]

    def get_decider_of_records(self, field: PlanField, records: Sequence[Any]) -> Decider | None:
        """As `get_decider`; None also if the caller may see all of these records, because each is their own."""
        return None if field.is_public or field.guard.allows_own(self.context, records) else self.get_decider(field)

    def get_arguments(self, field: PlanField) -> Mapping[str, Any]:
        """The field's arguments; raises the error of their coercion."""
        arguments: Mapping[str, Any] | Exception = self._arguments[field.number]
        if isinstance(arguments, Exception):
            raise arguments.with_traceback(None)  # each raise would extend its traceback
        return arguments

    def shape_one_by_one(self, shape: Shape, records: Sequence[Any]) -> list[dict[str, Any]]:
        """Shape each record separately after a failure of all together; a single record, field by field."""
        if len(records) == 1:
            return [self.shape_carefully(shape, records[0])]
        return [shape_leaves(shape, self, (record,))[0] for record in records]

    def shape_carefully(self, shape: Shape, record: Any) -> dict[str, Any]:  # noqa: ANN401 - any record
        """Shape one record, field by field; whatever a field raises is its own error."""
        answer = build_null_object(shape)
        for field in shape.fields:
            if field.is_leaf and not isinstance(field.kind, BatchField):
                self._put_leaf_carefully(field, record, answer)
        return answer

    def _put_leaf_carefully(self, field: PlanField, record: Any, answer: dict[str, Any]) -> None:  # noqa: ANN401 - any record
        try:
            value = self._get_raw_value(field, record)
        except FactMissing as pending:
            self.facts.resume_when_known(
                self.pending_work, pending.missing, partial(self._put_leaf_carefully, field, record, answer)
            )
            return
        except Exception as fault:  # noqa: BLE001 - whatever a field raises is the error of that field
            self.field_errors.record(field, answer, (), fault)
            return
        answer[field.key] = coerce_carefully(
            field.type, value, field.name, partial(self.field_errors.record, field, answer)
        )

    # Fields that hold other records, or load them.

    def put_nested(self, field: PlanField, records: Sequence[Any], answers: Sequence[dict[str, Any]]) -> None:
        """Place a field whose value, a record or records, is part of its parent."""
        self._complete(field, *self._wait_for_facts(field, records, self._get_values(field, records), answers))

    def _wait_for_facts(
        self, field: PlanField, records: Sequence[Any], values: Sequence[Any], answers: Sequence[dict[str, Any]]
    ) -> tuple[Sequence[Any], Sequence[dict[str, Any]]]:
        """The values and their targets; none if one waits for a fact, because a step resumes as a whole."""
        missing = (
            [each for value in values if type(value) is FactMissing for each in value.missing]
            if self.facts.has_waited
            else ()
        )
        if not missing:
            return values, answers
        self.facts.resume_when_known(self.pending_work, missing, partial(self.put_nested, field, records, answers))
        return (), ()

    def _get_values(self, field: PlanField, records: Iterable[Any]) -> list[Any]:
        values: list[Any] = []
        for record in records:
            try:
                values.append(self._get_raw_value(field, record))
            except FactMissing as pending:
                values.append(pending.with_traceback(None))
            except Exception as fault:  # noqa: BLE001 - whatever a field raises is the error of that field
                values.append(FailedAnswer(fault))
        return values

    def request_batch(self, group: Sequence[PlanField], records: Sequence[Any], answers: list[dict[str, Any]]) -> None:
        """Load fields that one batch answers, by one key or a list of keys per record."""
        self._request(
            group, collect_plain_keys(self, group[0], records, answers) or collect_keys(self, group, records, answers)
        )

    async def _request_batch_in_slices(
        self, group: Sequence[PlanField], records: Sequence[Any], answers: list[dict[str, Any]]
    ) -> None:
        """As `request_batch`, for many records: keys are collected in slices, and still loaded in one call."""
        all_keys = EdgeKeys([], [], {})
        for part in iterate_slices(len(records)):
            edge_keys = collect_plain_keys(self, group[0], records[part], answers[part]) or collect_keys(
                self, group, records[part], answers[part]
            )
            all_keys.keys.extend(edge_keys.keys)
            all_keys.targets.extend(edge_keys.targets)
            all_keys.distinct_keys.update(edge_keys.distinct_keys)
            await asyncio.sleep(0)
        self._request(group, all_keys)

    def _request(self, group: Sequence[PlanField], edge_keys: EdgeKeys) -> None:
        if edge_keys.keys:
            self.pending_work.begin()
            edge = group[0].edge
            if self.read_tracker is not None and group[0].parent is self._plan.root and not group[0].is_public:
                self.read_tracker.record_keys(group, edge_keys)
            request_count = sum(map(len, edge_keys.keys)) if edge.has_many_keys else len(edge_keys.keys)
            self._scheduler.request(
                edge.batch,
                edge.facet,
                edge_keys.distinct_keys,
                partial(self.pending_work.end, self._put_all, group, edge_keys),
                request_count=request_count,
            )

    def _put_all(self, group: Sequence[PlanField], edge_keys: EdgeKeys, answers: Mapping[Hashable, Any]) -> None:
        stale_answers = self._scheduler.freshness.stale_answers
        if self._routing_log.incomplete:
            missing = self._routing_log.incomplete.get(group[0].edge.batch, {})
            self.stale_fields += find_stale_fields(group, edge_keys, missing)
        if stale_answers:
            edge = group[0].edge
            self.stale_fields += find_stale_fields(group, edge_keys, stale_answers.get((edge.batch, edge.facet), {}))
        # Work that takes longer than a slice runs as a task, and each `sleep(0)` in it gives other requests a turn.
        if len(edge_keys.keys) > SLICE:
            self.pending_work.run_as_task(self._put_in_slices(group, edge_keys, answers))
        else:
            for field in group:
                self._put(field, edge_keys, self._get_answers(field, edge_keys.distinct_keys, answers))

    def _get_answers(
        self, field: PlanField, keys: Iterable[Hashable], answers: Mapping[Hashable, Any]
    ) -> Mapping[Hashable, Any]:
        """The field's values by key."""
        edge = field.edge
        if edge.value_attribute is None and edge.transform is None:
            return answers
        arguments = self.get_arguments(field)
        values: dict[Hashable, Any] = {}
        for key in keys:
            answer = answers[key]
            if answer is not None and type(answer) is not FailedAnswer:
                try:
                    answer = edge.get_value(answer, arguments)
                except Exception as fault:  # noqa: BLE001 - whatever a field raises is the error of that field
                    answer = FailedAnswer(fault)
            values[key] = answer
        return values

    def _put(self, field: PlanField, edge_keys: EdgeKeys, values: Mapping[Hashable, Any]) -> None:
        # The fast path handles most records; many keys, leaves and mixed answers are placed one by one.
        if field.edge.has_many_keys or not place_by_key(self, field, edge_keys, values):
            collected = _collect_values(field, edge_keys.keys, values)
            (self._put_leaves if field.is_leaf else self._complete)(field, collected, edge_keys.targets)

    async def _put_in_slices(
        self, group: Sequence[PlanField], edge_keys: EdgeKeys, answers: Mapping[Hashable, Any]
    ) -> None:
        for field in group:
            values: dict[Hashable, Any] = {}
            keys = list(edge_keys.distinct_keys)
            for part in iterate_slices(len(keys)):
                values.update(self._get_answers(field, keys[part], {key: answers[key] for key in keys[part]}))
                await asyncio.sleep(0)
            collected: list[Any] = []
            for part in iterate_slices(len(edge_keys.keys)):
                collected += _collect_values(field, edge_keys.keys[part], values)
                if field.is_leaf:
                    self._put_leaves(field, collected[part], edge_keys.targets[part])
                await asyncio.sleep(0)
            if not field.is_leaf:
                self._complete(field, collected, edge_keys.targets)

    def _put_leaves(self, field: PlanField, values: Sequence[Any], targets: Sequence[dict[str, Any]]) -> None:
        complete = field.coerce
        key = field.key
        for value, answer in zip(values, targets, strict=True):
            if type(value) is FailedAnswer:
                self.field_errors.record(field, answer, (), value.failure)
                continue
            try:
                answer[key] = complete(value)  # type: ignore[misc]  # `prepare_shapes` sets it for leaves
            except Exception:  # noqa: BLE001 - the careful coercion reports the error
                answer[key] = coerce_carefully(
                    field.type, value, field.name, partial(self.field_errors.record, field, answer)
                )

    # Objects below a field.

    def _complete(self, field: PlanField, values: Sequence[Any], targets: Sequence[dict[str, Any]]) -> None:
        """Place the objects below a field, for all parents together; the same object is shaped once."""
        # The common case: records of a single class, and no lists.
        only = field.only_shape
        if only is not None and not field.depth and len(values) <= SLICE and set(map(type, values)) == {only.record}:
            key = field.key
            for shaped, answer in zip(self.shape_records(only, values), targets, strict=True):
                answer[key] = shaped
            return
        placement = ObjectPlacement(self._plan, field, self)
        values = placement.collect(values)
        if len(placement.objects) > SLICE or len(values) > SLICE:
            self.pending_work.run_as_task(self._complete_in_slices(placement, values, targets))
            return
        # Lists or several classes: shape each object once, load what is below it, and place it wherever it occurs.
        placement.shape(placement.objects)
        for shape, (records, answers) in placement.by_shape.items():
            self._run_below(shape, records, answers)
        placement.place(values, targets)

    async def _complete_in_slices(
        self, placement: ObjectPlacement, values: Sequence[Any], targets: Sequence[dict[str, Any]]
    ) -> None:
        for part in iterate_slices(len(placement.objects)):
            placement.shape(placement.objects[part])
            await asyncio.sleep(0)
        for shape, (records, answers) in placement.by_shape.items():
            for nested in shape.nested:
                values_below: list[Any] = []
                for part in iterate_slices(len(records)):
                    values_below += self._get_values(nested, records[part])
                    await asyncio.sleep(0)
                self._complete(nested, *self._wait_for_facts(nested, records, values_below, answers))
            for group in shape.groups:
                await self._request_batch_in_slices(group, records, answers)
        for part in iterate_slices(len(values)):
            placement.place(values[part], targets[part])
            await asyncio.sleep(0)

    def _get_raw_value(self, field: PlanField, record: Any) -> Any:  # noqa: ANN401 - any record and value
        kind = field.kind
        arguments = self.get_arguments(field)
        # Decide before the value is computed: even its error could reveal something of the record.
        decider = self.get_decider(field)
        denial = self.facts.decide(decider(record, None)) if decider is not None else None
        if denial is not None:
            raise denial  # the field stays null: see `engine/execution/denied_fields.py`
        if isinstance(kind, ComputedField):
            return kind.function(record, arguments, self.context)
        return getattr(record, kind.attribute)  # type: ignore[union-attr]  # batch fields never come here


def _collect_values(field: PlanField, keys: Sequence[Any], values: Mapping[Hashable, Any]) -> list[Any]:
    """The field's values in the order of the keys."""
    if field.edge.has_many_keys:
        return [
            [each if isinstance(each, Exception) else _unwrap_failure(values[each]) for each in key] for key in keys
        ]
    return [values[key] for key in keys]


def _unwrap_failure(value: Any) -> Any:  # noqa: ANN401 - any value
    """In a list, an exception represents a failure."""
    return value.failure if type(value) is FailedAnswer else value
