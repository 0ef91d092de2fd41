"""The kinds of field a published type can have.

Each field knows its rule, and the people its parent record is about, so that the decision about a field is taken
before anything is read or asked. The engine finds all this on the finished schema through the field's definition.

- shown: an attribute of the record
- facet: an attribute of a group that one batch fetches for the record
- edge: leads to other records by a key and a batch
- derived: a pure, synchronous function of the record
- node id: the sealed key of the record
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from graphql import OperationType
from graphql.pyutils import Path
from strawberry.schema.config import StrawberryConfig
from strawberry.types.arguments import convert_arguments
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver

from auth.rules import Access, Rule, access_of
from engine.batch import Batch
from engine.edge import Edge
from engine.kinds import Depends, Derived, Guarding, Leads, Shown, Verdict
from engine.old_places import OldPlace
from schema.access import directives_of, in_words
from schema.asking import Asking
from schema.guards import Guard
from schema.settling import refusal, when_settled
from schema.signatures import annotation, key_function, only_arguments, reads_caller

About: TypeAlias = int | Callable[[Mapping[str, Any]], int] | None


@dataclass(frozen=True, slots=True)
class Conversion:
    """What Strawberry needs to make Python values of arguments."""

    scalars: Mapping[object, Any]
    config: StrawberryConfig


class PublishedField(StrawberryField):
    """A field of a published type. `guard` is set by `publishes`, or stands on the field itself."""

    guard: Guard | None = None
    own_access: Access | None = None
    conversion: Conversion | None = None
    """Set when the schema is finished."""

    def says_who(self, rule: Rule | Access | None) -> None:
        """Give the field a rule of its own, and tell readers of the graph; None leaves it to its type."""
        if rule is None:
            return
        self.own_access = access_of(rule)
        self.directives = list(directives_of(self.own_access))
        self.description = "\n\n".join(filter(None, (self.description, in_words(self.own_access))))

    @property
    def is_basic_field(self) -> bool:
        """Public attributes need no `info`; all others do."""
        return False

    def passed(self, record: object, key: object, asking: Asking) -> Depends | None:
        """Decide about the field for this record and key: raises the refusal, or gives what it depends on."""
        guard = self.engine_guard()
        if guard.is_public:
            return None
        decide = guard.prepared(asking)
        verdict = None if decide is None else decide(record, key)
        if isinstance(verdict, Exception):
            raise verdict
        return verdict

    def when_passed(self, record: object, asking: Asking, value: Callable[[], Any]) -> Any:  # noqa: ANN401 - any value
        """The value, where the caller may see it: at once, or when the fact is known that it depends on."""
        depends = self.passed(record, None, asking)
        return value() if depends is None else when_settled(depends, asking, value)

    def engine_guard(self) -> Guarding:
        """Who may see the field."""
        if self.guard is None:
            raise TypeError(f"The field {self.python_name} has no rule; the schema's own checks let it through.")
        return self.guard

    def engine_arguments(self, coerced: Mapping[str, Any]) -> Mapping[str, Any]:
        """Arguments by the names and types of Python."""
        if self.conversion is None:
            raise TypeError(f"The field {self.python_name} belongs to no finished schema.")
        return convert_arguments(dict(coerced), self.arguments, self.conversion.scalars, self.conversion.config)


class ShownField(PublishedField):
    """An attribute of the record."""

    @property
    def is_basic_field(self) -> bool:
        """True where nothing has to be decided."""
        return self.guard is not None and self.guard.is_public

    def get_result(self, source: Any, info: Any, args: list[Any], kwargs: Any) -> Any:  # noqa: ANN401, ARG002 - Strawberry's signature
        """The record's attribute."""
        if info is None:
            return getattr(source, self.python_name)
        return self.when_passed(source, info.context, lambda: getattr(source, self.python_name))

    def engine_kind(self) -> Shown:
        """For plans."""
        return Shown(self.python_name)


class DerivedField(PublishedField):
    """A pure, synchronous function of the record."""

    derive: Callable[..., Any]
    about: int | None = None

    def get_result(self, source: Any, info: Any, args: list[Any], kwargs: Any) -> Any:  # noqa: ANN401, ARG002 - Strawberry's signature
        """The function's value for the record."""
        return self.when_passed(source, info.context, lambda: self.derive(record=source, **kwargs))

    def engine_kind(self) -> Derived:
        """For plans."""
        derive = self.derive
        return Derived(lambda record, arguments, _context: derive(record=record, **arguments), self.about)


class NodeIdField(PublishedField):
    """The opaque id of the record: its type and key, sealed."""

    type_name: str
    key_of: Callable[[Any], str]

    def get_result(self, source: Any, info: Any, args: list[Any], kwargs: Any) -> Any:  # noqa: ANN401, ARG002 - Strawberry's signature
        """The sealed id."""
        return self.when_passed(
            source, info.context, lambda: info.context.node_ids.seal(self.type_name, self.key_of(source))
        )

    def engine_kind(self) -> Derived:
        """For plans."""
        return Derived(lambda record, _arguments, asking: asking.node_ids.seal(self.type_name, self.key_of(record)))


class EdgeField(PublishedField):
    """Leads to other records, or to a facet of this one, by a key and a batch."""

    edge: Edge

    def get_result(self, source: Any, info: Any, args: list[Any], kwargs: Any) -> Any:  # noqa: ANN401, ARG002 - Strawberry's signature
        """An awaitable for the answer; the key joins all others that are wanted at this moment."""
        asking: Asking = info.context
        if info.operation.operation is OperationType.MUTATION and info.path.prev is None:
            asking.bridge.forget()  # what was read before a change is read again
        if asking.size.exceeded:
            return None
        key = self.key(source, kwargs, asking)
        if self.edge.many and self.engine_guard().of_each_key:
            asking.size.add(len(key))
            verdicts = [self._verdict(source, each, asking) for each in key]
            return self._each_answered(asking, key, kwargs, verdicts, info.path)
        depends = self.passed(source, key, asking)
        if depends is not None:
            return when_settled(depends, asking, lambda: self._answered(asking, key, kwargs, info.path))
        return self._answered(asking, key, kwargs, info.path)

    def engine_kind(self) -> Leads:
        """For plans."""
        return Leads(self.edge, self.key)

    def key(self, record: Any, arguments: Mapping[str, Any], asking: Asking) -> Any:  # noqa: ANN401 - any record and key
        """The key, or keys, of a record."""
        return self.edge.key(record, arguments, asking.caller)

    def _answered(self, asking: Asking, key: Any, arguments: Mapping[str, Any], path: Path) -> Any:  # noqa: ANN401 - any key
        """An awaitable for the answer, or one for each key."""
        if key is None:
            return None
        asking.size.add(len(key) if self.edge.many else 1)
        if self.edge.many:
            return [self._loaded(asking, each, arguments, path, index) for index, each in enumerate(key)]
        return self._loaded(asking, key, arguments, path)

    def _verdict(self, record: Any, key: Any, asking: Asking) -> Verdict:  # noqa: ANN401 - any record and key
        """The decision about one of several keys: a fault is the fault of that key."""
        try:
            return key if isinstance(key, Exception) else self.passed(record, key, asking)
        except Exception as fault:  # noqa: BLE001 - where nothing can be decided, that place fails alone
            return fault

    def _each_answered(
        self,
        asking: Asking,
        keys: Sequence[Any],
        arguments: Mapping[str, Any],
        verdicts: Sequence[Verdict],
        path: Path,
    ) -> Any:  # noqa: ANN401 - a list, or an awaitable for it
        """An awaitable for each key, once all that the keys depend on is known."""

        def answered(settled: Sequence[Verdict]) -> list[Any]:
            given = [key if refusal is None else refusal for key, refusal in zip(keys, settled, strict=True)]
            return [self._loaded(asking, each, arguments, path, index) for index, each in enumerate(given)]

        async def when_settled() -> list[Any]:
            return answered(await asyncio.gather(*(refusal(each, asking) for each in verdicts)))

        return when_settled() if any(type(each) is Depends for each in verdicts) else answered(verdicts)

    async def _loaded(
        self,
        asking: Asking,
        key: Any,  # noqa: ANN401 - any key
        arguments: Mapping[str, Any],
        path: Path,
        index: int | None = None,
    ) -> Any:  # noqa: ANN401 - any value
        if isinstance(key, Exception):
            raise key
        batch, facet = self.edge.batch, self.edge.facet
        answer = await asking.bridge.load(batch, key, facet)
        staleness = asking.bridge.staleness(batch, key, facet)
        if staleness is not None:
            place = path.as_list() if index is None else [*path.as_list(), index]
            asking.old_places.append(OldPlace(place, batch.agency, staleness))
        if asking.size.exceeded:
            return None
        value = self.edge.value(answer, arguments)
        if isinstance(value, list | tuple):
            asking.size.add(len(value))
        return value


class RootField(EdgeField):
    """A field of the root: there is no record, so the key itself is, or tells, the person the answer is about."""

    people_of_key: Callable[[Any], Any] | None = None
    agency: str | None = None
    told_by: Batch[Any, Any] | None = None

    def engine_guard(self) -> Guarding:
        """Who may see the field."""
        if self.own_access is None:
            raise TypeError(f"The root field {self.python_name} has no rule; the schema's own checks let it through.")
        return Guard(
            access=self.own_access,
            agency=self.agency,
            of_key=True,
            people_of_key=self.people_of_key,
            told_by=self.told_by,
        )


def edge(
    batch: Batch[Any, Any],
    *,
    by: str | Callable[..., Any],
    says: str,
    rule: Rule | Access | None = None,
    facet: type[Any] | None = None,
    about: About = None,
    then: Callable[[Any, Mapping[str, Any]], Any] | None = None,
) -> Any:  # noqa: ANN401 - stands in a class body where an annotation says what the field is
    """A field that leads to other records.

    `by` is the attribute of the record that holds the key, or a pure function from the record (and the field's
    arguments, which are its further parameters) to the key. `rule` where the type's own does not fit. `facet` where the
    batch answers facets and the field is one of them, whole. `about` says how many objects a list usually holds, as a
    number or a function of the field's arguments, where the caller does not say it by `first`.
    """
    field = EdgeField(description=says)
    field.says_who(rule)
    field.edge = Edge(
        batch=batch,
        key=key_function(by),
        by=by if isinstance(by, str) else None,
        reads_caller=not isinstance(by, str) and reads_caller(by),
        facet=facet,
        about=about,
        then=then,
    )
    if callable(by):
        field.arguments = StrawberryResolver(only_arguments(by)).arguments
    return field


def of_facet(record: type[Any], name: str, *, through: Batch[Any, Any], by: str, says: str) -> EdgeField:
    """A field that is an attribute of a facet: a group of fields that `through` fetches together by the key `by`."""
    field = EdgeField(description=says)
    field.edge = Edge(batch=through, key=key_function(by), by=by, facet=record, pick=name)
    return field


def derived(
    *,
    answers: Any,  # noqa: ANN401 - any annotation
    rule: Rule | Access | None = None,
    about: int | None = None,
) -> Callable[[Callable[..., Any]], Any]:
    """A field computed from the record alone, by a pure function of `record` and the field's arguments.

    `answers` is the field's type; the function's docstring is its description. `about` says how many objects it usually
    holds, where it is a list of records.
    """

    def declare(function: Callable[..., Any]) -> Any:  # noqa: ANN401 - stands in a class body
        if inspect.iscoroutinefunction(function):
            raise TypeError(f"The derived field {function.__name__} is async; what has to be fetched is an edge.")
        field = DerivedField(description=inspect.getdoc(function))
        field.type_annotation = annotation(answers, function)
        field.arguments = StrawberryResolver(only_arguments(function)).arguments
        field.derive = function
        field.about = about
        field.says_who(rule)
        return field

    return declare


def root(
    batch: Batch[Any, Any],
    *,
    answers: Any,  # noqa: ANN401 - any annotation
    rule: Rule | Access,
    many: bool = False,
    about: About = None,
    then: Callable[[Any, Mapping[str, Any]], Any] | None = None,
    subject: Callable[[Any], Any] | None = None,
    agency: str | None = None,
    told_by: Batch[Any, Any] | None = None,
) -> Callable[[Callable[..., Any]], Any]:
    """A field of the root, made of a pure function from arguments (and `caller`) to the key, or keys.

    `answers` is the field's type; the function's docstring is its description. `about` is as for an edge. `subject`
    tells from the key whom it is about, where the key is no person itself; `told_by` is the batch that tells it, where
    the key does not say it at all; `agency` names the key's attribute with the agency whose readers it is about.
    """

    def declare(key: Callable[..., Any]) -> Any:  # noqa: ANN401 - stands in a class body
        field = RootField(description=inspect.getdoc(key))
        field.type_annotation = annotation(answers, key)
        field.arguments = StrawberryResolver(only_arguments(key)).arguments
        field.says_who(rule)
        field.people_of_key, field.agency, field.told_by = subject, agency, told_by
        field.edge = Edge(
            batch=batch, key=key_function(key), reads_caller=reads_caller(key), many=many, about=about, then=then
        )
        return field

    return declare


def node_id(type_name: str, key_of: Callable[[Any], str]) -> NodeIdField:
    """The `id` of a node."""
    field = NodeIdField(description="Opaque, stable identifier of this object. Give it to `node` to read it again.")
    field.says_who(Rule.PUBLIC)
    field.type_name = type_name
    field.key_of = key_of
    return field
