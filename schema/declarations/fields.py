"""The kinds of field a published type can have.

Each field knows its rule, and the people of its parent record, so that the decision about a field is made before
anything is fetched. The engine finds all this through the field's definition in the finished schema.

- shown: an attribute of the record
- facet: an attribute of a group that one batch fetches for the record
- edge: leads to other records by a key and a batch
- derived: a pure, synchronous function of the record, and perhaps of what the hub has bound
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
from strawberry.relay import GlobalID
from strawberry.scalars import is_scalar
from strawberry.schema.config import StrawberryConfig
from strawberry.types.arguments import StrawberryArgument, convert_arguments
from strawberry.types.base import StrawberryOptional
from strawberry.types.enum import StrawberryEnumDefinition
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver

from auth.policy.rules import Access, Rule, to_access
from engine.batch import Batch
from engine.edge import Edge
from engine.execution.stale_fields import StalePath
from engine.field_kinds import AttributeField, BatchField, ComputedField, FactRequest, FieldGuard, Verdict
from schema.declarations.access_directives import build_directives, describe_access
from schema.declarations.deferred_authorization import find_refusal, resolve_after_fact
from schema.declarations.guards import Guard
from schema.declarations.request_context import RequestContext
from schema.declarations.signatures import (
    build_annotation,
    build_key_function,
    find_context_parameters,
    takes_caller,
    without_hub_parameters,
)

ExpectedSize: TypeAlias = int | Callable[[Mapping[str, Any]], int] | None


@dataclass(frozen=True, slots=True)
class ArgumentConversion:
    """The schema information that Strawberry needs to convert arguments to Python values."""

    scalars: Mapping[object, Any]
    config: StrawberryConfig

    def is_plain(self, argument: StrawberryArgument) -> bool:
        """Whether the argument's Python value is the one that graphql-core coerced: a scalar or an enum."""
        type_ = argument.type.of_type if type(argument.type) is StrawberryOptional else argument.type
        return type_ is not GlobalID and (is_scalar(type_, self.scalars) or isinstance(type_, StrawberryEnumDefinition))


class PublishedField(StrawberryField):
    """A field of a published type. `publishes` sets the `guard`, or the field has its own."""

    guard: Guard | None = None
    own_access: Access | None = None
    conversion: ArgumentConversion | None = None
    """Set when the schema is finished."""

    def set_rule(self, rule: Rule | Access | None) -> None:
        """Give the field its own rule and show it in the graph; None inherits the rule of the type."""
        if rule is None:
            return
        self.own_access = to_access(rule)
        self.directives = list(build_directives(self.own_access))
        self.description = "\n\n".join(filter(None, (self.description, describe_access(self.own_access))))

    @property
    def is_basic_field(self) -> bool:
        """Public attributes need no `info`; all other fields do."""
        return False

    def check_access(self, record: object, key: object, context: RequestContext) -> FactRequest | None:
        """Decide about the field for this record and key: raises the refusal, or returns a request for a fact."""
        guard = self.engine_guard()
        if guard.is_public:
            return None
        decide = guard.build_decider(context)
        verdict = None if decide is None else decide(record, key)
        if isinstance(verdict, Exception):
            raise verdict
        return verdict

    def resolve_if_allowed(self, record: object, context: RequestContext, value: Callable[[], Any]) -> Any:  # noqa: ANN401 - any value
        """The value, if the caller may see it: immediately, or once the fact that the decision needs is known."""
        depends = self.check_access(record, None, context)
        return value() if depends is None else resolve_after_fact(depends, context, value)

    def engine_guard(self) -> FieldGuard:
        """Who may see the field."""
        if self.guard is None:
            raise TypeError(f"The field {self.python_name} has no rule; the schema's own checks let it through.")
        return self.guard

    def engine_arguments(self, coerced: Mapping[str, Any]) -> Mapping[str, Any]:
        """Arguments by Python names and types."""
        conversion = self._require_conversion()
        return convert_arguments(dict(coerced), self.arguments, conversion.scalars, conversion.config)

    def engine_argument_names(self) -> Mapping[str, str] | None:
        """Python names of the arguments; None if Strawberry converts one, as it does all but scalars and enums."""
        conversion = self._require_conversion()
        if not all(conversion.is_plain(each) for each in self.arguments):
            return None
        return {conversion.config.name_converter.from_argument(each): each.python_name for each in self.arguments}

    def _require_conversion(self) -> ArgumentConversion:
        if self.conversion is None:
            raise TypeError(f"The field {self.python_name} belongs to no finished schema.")
        return self.conversion


class PublishedAttribute(PublishedField):
    """An attribute of the record."""

    @property
    def is_basic_field(self) -> bool:
        """True if no decision is needed."""
        return self.guard is not None and self.guard.is_public

    def get_result(self, source: Any, info: Any, args: list[Any], kwargs: Any) -> Any:  # noqa: ANN401, ARG002 - Strawberry's signature
        """The record's attribute."""
        if info is None:
            return getattr(source, self.python_name)
        return self.resolve_if_allowed(source, info.context, lambda: getattr(source, self.python_name))

    def engine_kind(self) -> AttributeField:
        """For plans."""
        return AttributeField(self.python_name)


class DerivedField(PublishedField):
    """A pure, synchronous function of the record, and perhaps of what the hub has bound."""

    derive: Callable[..., Any]
    expected_size: int | None = None

    def get_result(self, source: Any, info: Any, args: list[Any], kwargs: Any) -> Any:  # noqa: ANN401, ARG002 - Strawberry's signature
        """The function's value for the record."""
        compute = self.engine_kind().function
        return self.resolve_if_allowed(source, info.context, lambda: compute(source, kwargs, info.context))

    def engine_kind(self) -> ComputedField:
        """For plans."""
        derive, wanted = self.derive, find_context_parameters(self.derive)
        if not wanted:
            return ComputedField(
                lambda record, arguments, _context: derive(record=record, **arguments), self.expected_size
            )
        return ComputedField(
            lambda record, arguments, context: derive(
                record=record, **{name: get(context) for name, get in wanted.items()}, **arguments
            ),
            self.expected_size,
            depends_on_caller="language" in wanted,
            changes_by_itself="agencies" in wanted,  # what they know may change with the time
        )


class NodeIdField(PublishedField):
    """The opaque id of the record: its type and key, sealed."""

    type_name: str
    get_key: Callable[[Any], str]

    def get_result(self, source: Any, info: Any, args: list[Any], kwargs: Any) -> Any:  # noqa: ANN401, ARG002 - Strawberry's signature
        """The sealed id."""
        return self.resolve_if_allowed(
            source, info.context, lambda: info.context.node_ids.seal(self.type_name, self.get_key(source))
        )

    def engine_kind(self) -> ComputedField:
        """For plans."""
        return ComputedField(
            lambda record, _arguments, asking: asking.node_ids.seal(self.type_name, self.get_key(record))
        )


class EdgeField(PublishedField):
    """Leads to other records, or to a facet of this one, by a key and a batch."""

    edge: Edge
    key_function: Callable[..., Any] | None = None
    """The declared function that computes the key; None if the key is an attribute."""

    def get_result(self, source: Any, info: Any, args: list[Any], kwargs: Any) -> Any:  # noqa: ANN401, ARG002 - Strawberry's signature
        """An awaitable for the answer; the key joins all other keys of this moment."""
        context: RequestContext = info.context
        if info.operation.operation is OperationType.MUTATION and info.path.prev is None:
            context.bridge.drop_known_answers()  # values from before the change are loaded again
        if context.size.is_exceeded:
            return None
        key = self.compute_key(source, kwargs, context)
        if self.edge.has_many_keys and self.engine_guard().is_keyed:
            context.size.add(len(key))
            verdicts = [self._decide_key(source, each, context) for each in key]
            return self._load_each(context, key, kwargs, verdicts, info.path)
        depends = self.check_access(source, key, context)
        if depends is not None:
            return resolve_after_fact(depends, context, lambda: self._load_answer(context, key, kwargs, info.path))
        return self._load_answer(context, key, kwargs, info.path)

    def engine_kind(self) -> BatchField:
        """For plans."""
        return BatchField(self.edge, self.compute_key)

    def compute_key(self, record: Any, arguments: Mapping[str, Any], context: RequestContext) -> Any:  # noqa: ANN401 - any record and key
        """The key, or keys, of a record."""
        return self.edge.key(record, arguments, context.caller)

    def _load_answer(self, context: RequestContext, key: Any, arguments: Mapping[str, Any], path: Path) -> Any:  # noqa: ANN401 - any key
        """An awaitable for the answer, or one for each key."""
        if key is None:
            return None
        context.size.add(len(key) if self.edge.has_many_keys else 1)
        if self.edge.has_many_keys:
            return [self._load(context, each, arguments, path, index) for index, each in enumerate(key)]
        return self._load(context, key, arguments, path)

    def _decide_key(self, record: Any, key: Any, context: RequestContext) -> Verdict:  # noqa: ANN401 - any record and key
        """Decide about one of several keys: a fault affects that key only."""
        try:
            return key if isinstance(key, Exception) else self.check_access(record, key, context)
        except Exception as fault:  # noqa: BLE001 - where nothing can be decided, that place fails alone
            return fault

    def _load_each(
        self,
        context: RequestContext,
        keys: Sequence[Any],
        arguments: Mapping[str, Any],
        verdicts: Sequence[Verdict],
        path: Path,
    ) -> Any:  # noqa: ANN401 - a list, or an awaitable for it
        """An awaitable for each key, once the facts of all keys are known."""

        def answered(settled: Sequence[Verdict]) -> list[Any]:
            given = [key if refusal is None else refusal for key, refusal in zip(keys, settled, strict=True)]
            return [self._load(context, each, arguments, path, index) for index, each in enumerate(given)]

        async def when_settled() -> list[Any]:
            return answered(await asyncio.gather(*(find_refusal(each, context) for each in verdicts)))

        return when_settled() if any(type(each) is FactRequest for each in verdicts) else answered(verdicts)

    async def _load(
        self,
        context: RequestContext,
        key: Any,  # noqa: ANN401 - any key
        arguments: Mapping[str, Any],
        path: Path,
        index: int | None = None,
    ) -> Any:  # noqa: ANN401 - any value
        if isinstance(key, Exception):
            raise key
        batch, facet = self.edge.batch, self.edge.facet
        answer = await context.bridge.load(batch, key, facet)
        staleness = context.bridge.get_staleness(batch, key, facet)
        missing = context.routing_log.incomplete.get(batch, {}).get(key)
        for notice in (staleness, missing):
            if notice is not None:
                place = path.as_list() if index is None else [*path.as_list(), index]
                context.stale_paths.append(StalePath(place, notice))
        if context.size.is_exceeded:
            return None
        value = self.edge.get_value(answer, arguments)
        if isinstance(value, list | tuple):
            context.size.add(len(value))
        return value


class RootField(EdgeField):
    """A root field: there is no parent record, so the key is the person of the answer, or names that person."""

    people_of_key: Callable[[Any], Any] | None = None
    agency: str | None = None
    business_of_key: Callable[[Any], str | None] | None = None
    subject_batch: Batch[Any, Any] | None = None
    prepare_key: Callable[[Any, RequestContext], Any] | None = None

    def compute_key(self, record: Any, arguments: Mapping[str, Any], context: RequestContext) -> Any:  # noqa: ANN401 - any record and key
        """The key of the arguments, with what only the request knows."""
        key = self.edge.key(record, arguments, context.caller)
        return key if self.prepare_key is None else self.prepare_key(key, context)

    def engine_guard(self) -> FieldGuard:
        """Who may see the field."""
        if self.own_access is None:
            raise TypeError(f"The root field {self.python_name} has no rule; the schema's own checks let it through.")
        return Guard(
            access=self.own_access,
            agency=self.agency,
            is_keyed=True,
            people_of_key=self.people_of_key,
            business_of_key=self.business_of_key,
            subject_batch=self.subject_batch,
        )


def edge(  # noqa: PLR0913 - a declaration: its parameters are the fields of what is declared
    batch: Batch[Any, Any],
    *,
    key: str | Callable[..., Any],
    description: str,
    rule: Rule | Access | None = None,
    facet: type[Any] | None = None,
    expected_size: ExpectedSize = None,
    transform: Callable[[Any, Mapping[str, Any]], Any] | None = None,
) -> Any:  # noqa: ANN401 - used in a class body where an annotation says what the field is
    """A field that leads to other records.

    `key` is the record's attribute with the key, or a pure function from the record (and the field's arguments, as
    further parameters) to the key. `rule` replaces the rule of the type. `facet` is for a batch of facets: the field is
    one whole facet. `expected_size` is the usual number of objects in a list, as a number or a function of the field's
    arguments, if the caller does not limit the list by `first`.
    """
    field = EdgeField(description=description)
    field.set_rule(rule)
    field.edge = Edge(
        batch=batch,
        key=build_key_function(key),
        key_attribute=key if isinstance(key, str) else None,
        depends_on_caller=not isinstance(key, str) and takes_caller(key),
        facet=facet,
        expected_size=expected_size,
        transform=transform,
    )
    if callable(key):
        field.key_function = key
        field.arguments = StrawberryResolver(without_hub_parameters(key)).arguments
    return field


def facet_field(
    record: type[Any], name: str, *, batch: Batch[Any, Any], key_attribute: str, description: str
) -> EdgeField:
    """A field that is an attribute of a facet, which `batch` fetches as a whole by the key `key_attribute`."""
    field = EdgeField(description=description)
    field.edge = Edge(
        batch=batch,
        key=build_key_function(key_attribute),
        key_attribute=key_attribute,
        facet=record,
        value_attribute=name,
    )
    return field


def derived(
    *,
    returns: Any,  # noqa: ANN401 - any annotation
    rule: Rule | Access | None = None,
    expected_size: int | None = None,
) -> Callable[[Callable[..., Any]], Any]:
    """A field computed without a call, by a pure function of `record` and the field's arguments.

    With the parameter `agencies`, the function also gets what the hub has bound, such as the city's service levels;
    with `language`, the caller's language.

    `returns` is the field's type; the function's docstring is its description. `expected_size` is the usual number of
    objects, if it is a list of records.
    """

    def declare(function: Callable[..., Any]) -> Any:  # noqa: ANN401 - used in a class body
        if inspect.iscoroutinefunction(function):
            raise TypeError(f"The derived field {function.__name__} is async; what has to be fetched is an edge.")
        field = DerivedField(description=inspect.getdoc(function))
        field.type_annotation = build_annotation(returns, function)
        field.arguments = StrawberryResolver(without_hub_parameters(function)).arguments
        field.derive = function
        field.expected_size = expected_size
        field.set_rule(rule)
        return field

    return declare


def root(  # noqa: PLR0913 - a declaration: its parameters are the fields of what is declared
    batch: Batch[Any, Any],
    *,
    returns: Any,  # noqa: ANN401 - any annotation
    rule: Rule | Access,
    has_many_keys: bool = False,
    expected_size: ExpectedSize = None,
    transform: Callable[[Any, Mapping[str, Any]], Any] | None = None,
    subject: Callable[[Any], Any] | None = None,
    business: Callable[[Any], str | None] | None = None,
    agency: str | None = None,
    subject_batch: Batch[Any, Any] | None = None,
    prepare_key: Callable[[Any, RequestContext], Any] | None = None,
    description: str | None = None,
) -> Callable[[Callable[..., Any]], Any]:
    """A root field, built from a pure function of the arguments (and `caller`) to the key, or keys.

    `returns` is the field's type; `description` replaces the function's docstring. `expected_size` is as for an edge.
    `subject` gets the person from the key, if the key is not the person. `subject_batch` loads the person, if the key
    does not contain it. `business` gets the NIB from the key, if the field is about a business; `agency` is the key's
    attribute with the agency whose readers the field is about. `prepare_key` completes the key with what only the
    request knows, such as the record of a node id.
    """

    def declare(key: Callable[..., Any]) -> Any:  # noqa: ANN401 - used in a class body
        field = RootField(description=description or inspect.getdoc(key))
        field.type_annotation = build_annotation(returns, key)
        field.arguments = StrawberryResolver(without_hub_parameters(key)).arguments
        field.set_rule(rule)
        field.people_of_key, field.agency, field.subject_batch = subject, agency, subject_batch
        field.key_function, field.prepare_key, field.business_of_key = key, prepare_key, business
        field.edge = Edge(
            batch=batch,
            key=build_key_function(key),
            depends_on_caller=takes_caller(key),
            has_many_keys=has_many_keys,
            expected_size=expected_size,
            transform=transform,
        )
        return field

    return declare


def node_id(type_name: str, key_of: Callable[[Any], str]) -> NodeIdField:
    """The `id` of a node."""
    field = NodeIdField(description="Opaque, stable identifier of this object. Give it to `node` to read it again.")
    field.set_rule(Rule.PUBLIC)
    field.type_name = type_name
    field.get_key = key_of
    return field
