"""Fields with a path at this hub whose last segment is a sealed key: it opens here only, and nobody can make one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.field_kinds import ComputedField
from schema.declarations.fields import PublishedField
from schema.declarations.request_context import RequestContext


class SealedLinkField(PublishedField):
    """The path and the sealed key of the record."""

    path: str
    type_name: str
    get_key: Callable[[Any], str]

    def get_result(self, source: Any, info: Any, args: list[Any], kwargs: Any) -> Any:  # noqa: ANN401, ARG002 - Strawberry's signature
        """The link."""
        return self.resolve_if_allowed(source, info.context, lambda: self._build(source, info.context))

    def engine_kind(self) -> ComputedField:
        """For plans."""
        return ComputedField(lambda record, _arguments, context: self._build(record, context))

    def _build(self, record: Any, context: RequestContext) -> str:  # noqa: ANN401 - any record
        return f"{self.path}{context.node_ids.seal(self.type_name, self.get_key(record))}"


def sealed_link(path: str, type_name: str, get_key: Callable[[Any], str], *, description: str) -> Any:  # noqa: ANN401 - used in a class body
    """A field with such a path; `type_name` tells its keys from those of other types."""
    field = SealedLinkField(description=description)
    field.path, field.type_name, field.get_key = path, type_name, get_key
    return field
