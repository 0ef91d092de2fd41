"""Tracks the reads of answers by graphql-core, field by field, with the same result as for the run of a plan."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from functools import partial
from inspect import isawaitable
from typing import Any

from graphql import GraphQLResolveInfo

from engine.agencies.routing_log import RoutingLog
from engine.execution.read_tracking import add_called_agencies, list_domains
from engine.field_kinds import BatchField, PlannedField
from engine.plan.plan import Plan
from engine.plan.tree import DEFINITION
from records.calls.subject_reads import SubjectRead

ResolveInfo = GraphQLResolveInfo[Any]


class ReadTrackingMiddleware:
    """Middleware of graphql-core for one request; records each guarded field that was answered."""

    def __init__(self, plan: Plan, reader: Hashable | None = None) -> None:
        """Takes the plan, which knows the agencies of the fields, and the caller as a subject."""
        self._reader = reader
        self._classes: dict[tuple[str, str], str | None] = {}
        self._codes = plan.codes
        self._domains = {
            (field.parent.type.name, field.nodes[0].name.value): list_domains(field) for field in plan.fields
        }
        self._found: dict[tuple[Hashable, bool], dict[tuple[str, str], None]] = {}
        """By subject, and whether the record is also about the caller."""

    def resolve(self, resolver: Callable[..., Any], source: Any, info: ResolveInfo, **arguments: Any) -> Any:  # noqa: ANN401 - graphql-core's signature
        """Resolve the field, and record its value."""
        value = resolver(source, info, **arguments)
        field = info.parent_type.fields.get(info.field_name)
        definition = field.extensions.get(DEFINITION) if field is not None else None
        if not isinstance(definition, PlannedField) or definition.engine_guard().is_public:
            return value
        keys = _compute_keys(definition, source, info, arguments)
        if keys is not None:
            record_each = partial(self._record_each, definition, source, info, keys)
            return self._record_when_done(value, record_each) if isawaitable(value) else record_each(value)

        def record(answer: Any) -> Any:  # noqa: ANN401 - any value
            self._record(definition, source, info, _compute_key(definition, source, info, arguments))
            return answer

        return self._record_when_done(value, record) if isawaitable(value) else record(value)

    def reads(self, routing_log: RoutingLog) -> Sequence[SubjectRead]:
        """The reads of the answer, by subject."""
        reads = []
        for (subject, own), fields in self._found.items():
            names = tuple(sorted(f"{type_}.{name}" for type_, name in fields))
            domains = {domain for each in fields for domain in self._domains.get(each, ())}
            agencies = {code for each in domains if (code := self._codes.get(each)) is not None}
            classes = {of for each in fields if (of := self._classes[each]) is not None}
            read = SubjectRead(subject, names, tuple(sorted(agencies)), tuple(sorted(classes)), own)
            reads.append(add_called_agencies(read, filter(self._codes.has_several, domains), routing_log))
        return reads

    async def _record_when_done(self, value: Awaitable[Any], record: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - any value
        return record(await value)

    def _record_each(
        self,
        definition: PlannedField,
        source: Any,  # noqa: ANN401 - any record
        info: ResolveInfo,
        keys: Sequence[Any],
        answers: Sequence[Awaitable[Any]] | None,
    ) -> Sequence[Awaitable[Any]] | None:
        """Record the answers of several keys separately: a refused one was not read."""
        if answers is None:  # the answer is too large, and dropped
            return None

        def record(key: Any, answer: Any) -> Any:  # noqa: ANN401 - any key and value
            self._record(definition, source, info, key)
            return answer

        return [self._record_when_done(each, partial(record, key)) for key, each in zip(keys, answers, strict=True)]

    def _record(self, definition: PlannedField, source: Any, info: ResolveInfo, key: Any) -> None:  # noqa: ANN401 - any record and key
        name, guard = (info.parent_type.name, info.field_name), definition.engine_guard()
        self._classes[name] = guard.data_class
        about = guard.get_read_subjects(source, key)
        own = self._reader is not None and self._reader in about
        for subject in about:
            self._found.setdefault((subject, own), {})[name] = None


def _compute_keys(
    definition: PlannedField,
    source: Any,  # noqa: ANN401 - any record
    info: ResolveInfo,
    arguments: dict[str, Any],
) -> Sequence[Any] | None:
    """The keys of a root field with many keys; None for every other field."""
    kind = definition.engine_kind()
    if info.path.prev is not None or not isinstance(kind, BatchField) or not kind.edge.has_many_keys:
        return None
    return list(kind.key(source, definition.engine_arguments(arguments), info.context))


def _compute_key(definition: PlannedField, source: Any, info: ResolveInfo, arguments: dict[str, Any]) -> Any:  # noqa: ANN401 - any record and key
    """The key of a root field, which names its subjects; None for other fields, whose record names them."""
    kind = definition.engine_kind()
    if info.path.prev is not None or not isinstance(kind, BatchField):
        return None
    return kind.key(source, definition.engine_arguments(arguments), info.context)
