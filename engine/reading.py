"""What of whom stands in an answer that graphql-core made: the same report as of a plan's run, field by field."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from functools import partial
from inspect import isawaitable
from typing import Any

from graphql import GraphQLResolveInfo

from engine.kinds import Leads, PlannedField
from engine.plan.placed import agency_of
from engine.plan.plan import Plan
from engine.plan.tree import DEFINITION
from engine.reads import Read

Info = GraphQLResolveInfo[Any]


class Reading:
    """Middleware of graphql-core for one request: notes each guarded field that was answered."""

    def __init__(self, plan: Plan, who: Hashable | None = None) -> None:
        """The plan of the operation, which graphql-core runs, knows where its fields come from; `who` asks."""
        self._who = who
        self._classes: dict[tuple[str, str], str | None] = {}
        self._agencies = {
            (field.parent.type.name, field.nodes[0].name.value): agency_of(field) for field in plan.fields
        }
        self._found: dict[tuple[Hashable, bool], dict[tuple[str, str], None]] = {}
        """By subject, and whether it was read as one's own."""

    def resolve(self, resolver: Callable[..., Any], source: Any, info: Info, **arguments: Any) -> Any:  # noqa: ANN401 - graphql-core's signature
        """The field's value; noted where there is one."""
        value = resolver(source, info, **arguments)
        field = info.parent_type.fields.get(info.field_name)
        definition = field.extensions.get(DEFINITION) if field is not None else None
        if not isinstance(definition, PlannedField) or definition.engine_guard().is_public:
            return value
        keys = _keys(definition, source, info, arguments)
        if keys is not None:
            note = partial(self._note_of_each, definition, source, info, keys)
            return self._awaited(value, note) if isawaitable(value) else note(value)

        def noted(answer: Any) -> Any:  # noqa: ANN401 - any value
            self._note(definition, source, info, _key(definition, source, info, arguments))
            return answer

        return self._awaited(value, noted) if isawaitable(value) else noted(value)

    def reads(self) -> Sequence[Read]:
        """What was answered, by subject."""
        reads = []
        for (subject, own), fields in self._found.items():
            names = tuple(sorted(f"{type_}.{name}" for type_, name in fields))
            agencies = {agency for each in fields if (agency := self._agencies.get(each)) is not None}
            classes = {of for each in fields if (of := self._classes[each]) is not None}
            reads.append(Read(subject, names, tuple(sorted(agencies)), tuple(sorted(classes)), own))
        return reads

    async def _awaited(self, value: Awaitable[Any], noted: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - any value
        return noted(await value)

    def _note_of_each(
        self,
        definition: PlannedField,
        source: Any,  # noqa: ANN401 - any record
        info: Info,
        keys: Sequence[Any],
        answers: Sequence[Awaitable[Any]] | None,
    ) -> Sequence[Awaitable[Any]] | None:
        """The answers of several keys, each noted by itself: one that is refused was not read."""
        if answers is None:  # the answer was given up for its size
            return None

        def noted(key: Any, answer: Any) -> Any:  # noqa: ANN401 - any key and value
            self._note(definition, source, info, key)
            return answer

        return [self._awaited(each, partial(noted, key)) for key, each in zip(keys, answers, strict=True)]

    def _note(self, definition: PlannedField, source: Any, info: Info, key: Any) -> None:  # noqa: ANN401 - any record and key
        name, guard = (info.parent_type.name, info.field_name), definition.engine_guard()
        self._classes[name] = guard.data_class
        about = guard.subjects(source, key)
        own = self._who is not None and self._who in about
        for subject in about:
            self._found.setdefault((subject, own), {})[name] = None


def _keys(definition: PlannedField, source: Any, info: Info, arguments: dict[str, Any]) -> Sequence[Any] | None:  # noqa: ANN401 - any record
    """The keys of a field of the root that has several; None for every other field."""
    kind = definition.engine_kind()
    if info.path.prev is not None or not isinstance(kind, Leads) or not kind.edge.many:
        return None
    return list(kind.key(source, definition.engine_arguments(arguments), info.context))


def _key(definition: PlannedField, source: Any, info: Info, arguments: dict[str, Any]) -> Any:  # noqa: ANN401 - any record and key
    """The key of a field of the root, where it is what the field is about; elsewhere the record says that."""
    kind = definition.engine_kind()
    if info.path.prev is not None or not isinstance(kind, Leads):
        return None
    return kind.key(source, definition.engine_arguments(arguments), info.context)
