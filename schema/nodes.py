"""Reading nodes again by their opaque ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument

from auth.node_ids import UnknownNodeId
from auth.rules import Rule
from engine.errors import BadInput
from schema.asking import Asking
from schema.fields import PublishedField, people
from schema.publishing import Publication
from schema.relay import MOST_PER_PAGE, Node


class NodeField(PublishedField):
    """`node(id:)` and `nodes(ids:)`: the batch is chosen by the type inside each id."""

    publications: Mapping[str, Publication]

    def get_result(self, source: Any, info: Any, args: list[Any], kwargs: Any) -> Any:  # noqa: ANN401, ARG002 - Strawberry's signature
        """An awaitable for each node."""
        if "id" in kwargs:
            return self._loaded(info.context, kwargs["id"])
        ids = kwargs["ids"]
        if len(ids) > MOST_PER_PAGE:
            raise BadInput(
                f"Argument 'ids' holds {len(ids)} ids; at most {MOST_PER_PAGE} may be asked at once. Ask in parts."
            )
        return [self._loaded(info.context, each) for each in ids]

    async def _loaded(self, asking: Asking, node_id: str) -> Any:  # noqa: ANN401 - any record
        try:
            type_name, text = asking.node_ids.open(node_id)
            publication = self.publications[type_name]
        except (UnknownNodeId, KeyError):
            raise BadInput("An id was not made by this hub. Give ids as they were received.") from None
        refetch, guard = publication.refetch, publication.guard
        if refetch is None:
            raise TypeError(f"{type_name} has no refetch; only nodes have ids.")
        key = refetch.unseal(text)
        if guard.rule is not Rule.PUBLIC and guard.public_when is None:
            asking.guard(guard.rule, people(refetch.subject(key)))
        return await asking.bridge.load(refetch.batch, key)


def node_fields(publications: Mapping[str, Publication]) -> dict[str, NodeField]:
    """The root fields `node` and `nodes` over the published nodes."""
    one = _field(publications, "The object with this id, or null where it no longer exists.", Node | None)
    one.arguments = [_argument("id", strawberry.ID, "An id as it was received.")]
    many = _field(publications, "The objects with these ids, in the same order.", list[Node | None] | None)
    many.arguments = [_argument("ids", list[strawberry.ID], f"Ids as they were received, at most {MOST_PER_PAGE}.")]
    return {"node": one, "nodes": many}


def _field(publications: Mapping[str, Publication], says: str, answers: Any) -> NodeField:  # noqa: ANN401 - an annotation
    field = NodeField(description=says, type_annotation=StrawberryAnnotation(answers))
    field.own_rule = Rule.PUBLIC
    field.publications = publications
    return field


def _argument(name: str, annotation: Any, says: str) -> StrawberryArgument:  # noqa: ANN401 - an annotation
    note = Annotated[annotation, strawberry.argument(description=says)]
    return StrawberryArgument(name, None, StrawberryAnnotation(note))
