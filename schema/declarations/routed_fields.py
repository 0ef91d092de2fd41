"""Fields of domains that several agencies answer: the caller chooses agencies, and ids name the agency of their object.

A hub with one agency for each domain has none of these fields.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeVar

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from engine.agencies.agency_codes import AgencyCodes
from engine.agencies.agency_routing import AgencyChoiceRequired, RoutedKey
from engine.errors import BadInput
from engine.field_kinds import ComputedField
from records.description import DescribedEnum
from records.identifiers import RegionCode
from schema.declarations.fields import EdgeField, NodeIdField, RootField
from schema.declarations.request_context import RequestContext
from schema.declarations.scalars import publish_enum

F = TypeVar("F", bound=StrawberryField)

AGENCY_MARK: Final = "@"
"""Separates the code of the agency from the key inside an id."""


class AgencyChoice(DescribedEnum):
    """Which agencies are called about a person, where several may hold the data. A call discloses the person."""

    ALL = "all", "All agencies, one after another. The list is null, with an error, if one of them fails."
    AVAILABLE = "available", "All agencies, one after another. Those that fail are named in `extensions.incomplete`."


publish_enum(AgencyChoice)
REGION_ARGUMENT, AGENCIES_ARGUMENT = "region", "agencies"


class RoutedEdgeField(EdgeField):
    """An edge to records that several agencies hold, from a record that no agency among them holds."""

    def compute_key(self, record: Any, arguments: Mapping[str, Any], context: RequestContext) -> Any:  # noqa: ANN401 - any record and key
        """Returns the key, with the agencies that the caller chose. Raises `AgencyChoiceRequired`, `BadInput`."""
        own = {name: value for name, value in arguments.items() if name not in {REGION_ARGUMENT, AGENCIES_ARGUMENT}}
        key = super().compute_key(record, own, context)
        if key is None:
            return None
        region, choice = arguments.get(REGION_ARGUMENT), arguments.get(AGENCIES_ARGUMENT)
        if region is None and choice is None:
            raise AgencyChoiceRequired
        batch = self.edge.batch
        router = context.agencies.routers[batch.domain]  # type: ignore[index]  # it is routed
        serving = router.find_serving(batch.domain_read, () if region is None else (region,))
        if not serving:
            raise BadInput(f"Argument 'region' is {region}; no agency there has this. Name another place in the city.")
        return RoutedKey(key, serving, accepts_partial=choice is AgencyChoice.AVAILABLE)


class OriginEdgeField(EdgeField):
    """An edge between records of the same agency."""

    def compute_key(self, record: Any, arguments: Mapping[str, Any], context: RequestContext) -> Any:  # noqa: ANN401 - any record and key
        """Returns the key, with the agency of the record."""
        key, agency = super().compute_key(record, arguments, context), context.routing_log.get_origin(record)
        return key if key is None or agency is None else RoutedKey(key, (agency,))


class OriginNodeIdField(NodeIdField):
    """The id of an object in one of several agencies. It names the agency."""

    def get_result(self, source: Any, info: Any, args: list[Any], kwargs: Any) -> Any:  # noqa: ANN401, ARG002 - Strawberry's signature
        """Returns the sealed id."""
        return self.resolve_if_allowed(source, info.context, lambda: self._seal(source, info.context))

    def engine_kind(self) -> ComputedField:
        """For plans."""
        return ComputedField(lambda record, _arguments, context: self._seal(record, context))

    def _seal(self, record: Any, context: RequestContext) -> str:  # noqa: ANN401 - any record
        agency = context.routing_log.get_origin(record)
        text = self.get_key(record)
        return context.node_ids.seal(self.type_name, text if agency is None else f"{agency}{AGENCY_MARK}{text}")


def route_field(field: StrawberryField, domain: type[Any] | None, codes: AgencyCodes) -> StrawberryField:
    """The field as it is where several agencies answer; `domain` is that of the records with the field."""
    if isinstance(field, NodeIdField) and codes.has_several(domain):
        return copy_as(OriginNodeIdField, field)
    if (
        not isinstance(field, EdgeField)
        or isinstance(field, RootField)
        or not codes.has_several(field.edge.batch.domain)
    ):
        return field
    is_of_same_domain = field.edge.batch.domain is domain
    routed = copy_as(OriginEdgeField if is_of_same_domain else RoutedEdgeField, field)
    routed.edge = dataclasses.replace(field.edge, key_attribute=None)
    if not is_of_same_domain:
        routed.arguments = [*field.arguments, *_build_choice_arguments()]
    return routed


def copy_as(kind: type[F], field: StrawberryField) -> F:
    """A copy of a declared field as another kind of field."""
    copied = kind.__new__(kind)
    vars(copied).update(vars(field))
    for slot in dataclasses.Field.__slots__:  # Strawberry's field is a dataclass's; its type is in the annotation
        if slot != "type" and hasattr(field, slot):
            setattr(copied, slot, getattr(field, slot))
    return copied


def _build_choice_arguments() -> list[StrawberryArgument]:
    region = "Only of the agencies that serve this region."
    choice = "Which agencies are called, if no region, or a region of several agencies, is named."
    return [
        StrawberryArgument(
            name,
            None,
            StrawberryAnnotation(Annotated[type_ | None, strawberry.argument(description=text)]),
            default=None,
        )
        for name, type_, text in ((REGION_ARGUMENT, RegionCode, region), (AGENCIES_ARGUMENT, AgencyChoice, choice))
    ]
