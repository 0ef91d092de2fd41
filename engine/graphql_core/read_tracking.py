"""What of whom stands in an answer that graphql-core made: the same report as of a plan's run, field by field."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from functools import partial
from inspect import isawaitable
from typing import Any

from graphql import GraphQLResolveInfo

from engine.execution.read_tracking import get_agency
from engine.field_kinds import BatchField, PlannedField
from engine.plan.plan import Plan
from engine.plan.tree import DEFINITION
from records.calls.subject_reads import SubjectRead

ResolveInfo = GraphQLResolveInfo[Any]


class ReadTrackingMiddleware:
    """Middleware of graphql-core for one request: notes each guarded field that was answered."""

    def __init__(self, plan: Plan, reader: Hashable | None = None) -> None:
        """The plan of the operation, which graphql-core runs, knows where its fields come from; `reader` asks."""
        self._reader = reader
        self._classes: dict[tuple[str, str], str | None] = {}
        self._agencies = {
            (field.parent.type.name, field.nodes[0].name.value): get_agency(field) for field in plan.fields
        }
        self._found: dict[tuple[Hashable, bool], dict[tuple[str, str], None]] = {}
        """By subject, and whether it was read as one's own."""

    def resolve(self, resolver: Callable[..., Any], source: Any, info: ResolveInfo, **arguments: Any) -> Any:  # noqa: ANN401 - graphql-core's signature
        """The field's value; noted where there is one."""
        value = resolver(source, info, **arguments)
        field = info.parent_type.fields.get(info.field_name)
        definition = field.extensions.get(DEFINITION) if field is not None else None
        if not isinstance(definition, PlannedField) or definition.engine_guard().is_public:
            return value
        keys = _compute_keys(definition, source, info, arguments)
        if keys is not None:
            note = partial(self._record_each, definition, source, info, keys)
            return self._record_when_done(value, note) if isawaitable(value) else note(value)

        def record(answer: Any) -> Any:  # noqa: ANN401 - any value
            self._record(definition, source, info, _compute_key(definition, source, info, arguments))
            return answer

        return self._record_when_done(value, record) if isawaitable(value) else record(value)

    def reads(self) -> Sequence[SubjectRead]:
        """What was answered, by subject."""
        reads = []
        for (subject, own), fields in self._found.items():
            names = tuple(sorted(f"{type_}.{name}" for type_, name in fields))
            agencies = {agency for each in fields if (agency := self._agencies.get(each)) is not None}
            classes = {of for each in fields if (of := self._classes[each]) is not None}
            reads.append(SubjectRead(subject, names, tuple(sorted(agencies)), tuple(sorted(classes)), own))
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
        """The answers of several keys, each noted by itself: one that is refused was not read."""
        if answers is None:  # the answer was given up for its size
            return None

        def record(key: Any, answer: Any) -> Any:  # noqa: ANN401 - any key and value
            self._record(definition, source, info, key)
            return answer

        return [self._record_when_done(each, partial(record, key)) for key, each in zip(keys, answers, strict=True)]

    def _record(self, definition: PlannedField, source: Any, info: ResolveInfo, key: Any) -> None:  # noqa: ANN401 - any record and key
        name, guard = (info.parent_type.name, info.field_name), definition.engine_guard()
        self._classes[name] = guard.data_class
        about = guard.get_subjects(source, key)
        own = self._reader is not None and self._reader in about
        for subject in about:
            self._found.setdefault((subject, own), {})[name] = None


def _compute_keys(
    definition: PlannedField,
    source: Any,  # noqa: ANN401 - any record
    info: ResolveInfo,
    arguments: dict[str, Any],
) -> Sequence[Any] | None:
    """The keys of a field of the root that has several; None for every other field."""
    kind = definition.engine_kind()
    if info.path.prev is not None or not isinstance(kind, BatchField) or not kind.edge.has_many_keys:
        return None
    return list(kind.key(source, definition.engine_arguments(arguments), info.context))


def _compute_key(definition: PlannedField, source: Any, info: ResolveInfo, arguments: dict[str, Any]) -> Any:  # noqa: ANN401 - any record and key
    """The key of a field of the root, where it is what the field is about; elsewhere the record says that."""
    kind = definition.engine_kind()
    if info.path.prev is not None or not isinstance(kind, BatchField):
        return None
    return kind.key(source, definition.engine_arguments(arguments), info.context)
