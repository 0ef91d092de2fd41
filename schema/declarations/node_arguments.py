"""Root fields about objects that the caller names by their opaque ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument

from auth.crypto.node_ids import UnknownNodeId
from auth.policy.rules import Access, Rule
from engine.batch import Batch
from engine.edge import Edge
from engine.errors import BadInput
from schema.declarations.fields import RootField
from schema.declarations.publishing import Publication, Refetch, get_publication
from schema.declarations.relay import MAX_PAGE_SIZE
from schema.declarations.request_context import RequestContext


class NodesRootField(RootField):
    """A root field with the argument `ids`, whose keys are those inside the ids."""

    publication: Publication
    refetch: Refetch

    def compute_key(self, record: Any, arguments: Mapping[str, Any], context: RequestContext) -> Any:  # noqa: ANN401, ARG002 - as for an edge
        """Returns the keys, with an error in place of each invalid id. Raises `BadInput` for too many."""
        ids = arguments["ids"]
        if len(ids) > MAX_PAGE_SIZE:
            raise BadInput(f"Argument 'ids' holds {len(ids)} ids; at most {MAX_PAGE_SIZE} are allowed.")
        return [self._open_id_or_error(each, context) for each in ids]

    def _open_id_or_error(self, node_id: str, context: RequestContext) -> Any:  # noqa: ANN401 - any key
        try:
            type_name, text = context.node_ids.open(node_id)
        except UnknownNodeId:
            type_name, text = "", ""
        if type_name != self.publication.name:
            return BadInput(f"An id is not that of a {self.publication.name}. Send ids exactly as they were received.")
        return self.refetch.unseal(text)


def root_of_nodes(batch: Batch[Any, Any], published: type[Any], *, rule: Rule | Access, description: str) -> Any:  # noqa: ANN401 - used in a class body
    """A root field that answers each of the given ids of a published type by a batch of the keys inside.

    `rule` is decided for the person of each key. Raises `TypeError` for a type that has no ids.
    """
    publication = get_publication(published)
    if publication.refetch is None:
        raise TypeError(f"{published.__name__} has no ids; give it a refetch.")
    field = NodesRootField(description=description, type_annotation=StrawberryAnnotation(list[published | None] | None))  # type: ignore[valid-type]  # a class that is given
    note = Annotated[
        list[strawberry.ID],
        strawberry.argument(description=f"Ids, exactly as they were received; at most {MAX_PAGE_SIZE}."),
    ]
    field.arguments = [StrawberryArgument("ids", None, StrawberryAnnotation(note))]
    field.set_rule(rule)
    field.publication, field.refetch = publication, publication.refetch
    field.people_of_key = publication.refetch.get_subject
    field.edge = Edge(batch=batch, key=lambda *_: None, depends_on_caller=True, has_many_keys=True)
    return field
