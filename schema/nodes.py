"""Reading nodes again by their opaque ids."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument

from auth.node_ids import UnknownNodeId
from auth.rules import Classification, Rule
from engine.batch import Batch, answers_of, batch
from engine.edge import Edge
from engine.errors import BadInput, SafeError
from engine.kinds import Decide, Guarding, Verdict
from records.answers import Answers
from records.failures import AgencyFailure
from records.identifiers import Nik
from resolvers.ask import Ask
from resolvers.population import households_of
from resolvers.wishes import wishes_of
from schema.asking import Asking
from schema.fields import EdgeField
from schema.guards import Guard
from schema.publishing import Publication, Refetch
from schema.relay import MOST_PER_PAGE, Node


class NodeKey(NamedTuple):
    """A node to read again: how, and by which key."""

    refetch: Refetch
    key: Any
    guard: Guard
    """Who may read it, by the person that its key names."""


@batch(agency=None, reads_caller=True)
async def nodes(keys: Sequence[NodeKey], ask: Ask) -> Answers[NodeKey, Any]:
    """Nodes of whatever types; each type is asked for all of its nodes at once."""
    by_batch: dict[Batch[Any, Any], list[NodeKey]] = {}
    for key in keys:
        by_batch.setdefault(key.refetch.batch, []).append(key)

    async def of_one_type(asked: Batch[Any, Any], wanted: Sequence[NodeKey]) -> dict[NodeKey, Any]:
        try:
            found = await answers_of(asked, [each.key for each in wanted], ask)
        except AgencyFailure as failure:
            return dict.fromkeys(wanted, failure)
        return {each: found[each.key] for each in wanted if each.key in found}

    answers = await asyncio.gather(*(of_one_type(asked, wanted) for asked, wanted in by_batch.items()))
    return {key: answer for part in answers for key, answer in part.items()}


class NodeGuard:
    """Who may read nodes: said by the type of each, and decided by the person that its key names."""

    is_public = False
    of_each_key = True
    facts = (households_of, wishes_of)
    data_class = Classification.PERSONAL.label
    """That there is such a node tells something of the person; what it holds is classified by its own fields."""

    def never(self, context: Asking) -> None:
        """There are nodes of public types."""

    def prepared(self, context: Asking) -> Decide:
        """The decision for this caller."""
        prepared: dict[Guard, Decide | None] = {}

        def verdict(record: Any, key: NodeKey) -> Verdict:  # noqa: ANN401 - any record
            guard = key.guard
            if guard.is_public or guard.public_when is not None:  # decided by the record, field by field
                return None
            if guard not in prepared:
                prepared[guard] = guard.prepared(context)
            decide = prepared[guard]
            return None if decide is None else decide(record, key.refetch.subject(key.key))

        return verdict

    def subjects(self, record: Any, key: NodeKey) -> Collection[Nik | None]:  # noqa: ANN401 - any record
        """The person in the key, even if only `id` or `__typename` is selected: their existence is a read.

        Empty for records that are public, or that may be: the fields of such a record name its people.
        """
        guard = key.guard
        if guard.is_public or guard.public_when is not None:
            return ()
        return guard.subjects(record, key.refetch.subject(key.key))


_NODE_GUARD = NodeGuard()


class NodeField(EdgeField):
    """`node(id:)` and `nodes(ids:)`: the batch is chosen by the type inside each id."""

    publications: Mapping[str, Publication]
    guards: Mapping[str, Guard]

    def key(self, record: Any, arguments: Mapping[str, Any], asking: Asking) -> Any:  # noqa: ANN401, ARG002 - as for an edge
        """The key inside the id; for several ids the keys, with the fault in place of an id that is none."""
        if "id" in arguments:
            return self._key(arguments["id"], asking)
        ids = arguments["ids"]
        if len(ids) > MOST_PER_PAGE:
            raise BadInput(
                f"Argument 'ids' holds {len(ids)} ids; at most {MOST_PER_PAGE} may be asked at once. Ask in parts."
            )
        return [self._key_or_fault(each, asking) for each in ids]

    def _key_or_fault(self, node_id: str, asking: Asking) -> NodeKey | SafeError:
        try:
            return self._key(node_id, asking)
        except SafeError as fault:
            return fault

    def _key(self, node_id: str, asking: Asking) -> NodeKey:
        try:
            type_name, text = asking.node_ids.open(node_id)
            publication = self.publications[type_name]
        except (UnknownNodeId, KeyError):
            raise BadInput("An id was not made by this hub. Give ids as they were received.") from None
        refetch = publication.refetch
        if refetch is None:
            raise TypeError(f"{type_name} has no refetch; only nodes have ids.")
        return NodeKey(refetch, refetch.unseal(text), self.guards[type_name])

    def engine_guard(self) -> Guarding:
        """Who may read a node is said by its type, and decided by its key."""
        return _NODE_GUARD


def node_fields(publications: Mapping[str, Publication]) -> dict[str, NodeField]:
    """The root fields `node` and `nodes` over the published nodes."""
    one = _field(publications, "The object with this id, or null where it no longer exists.", Node | None, many=False)
    one.arguments = [_argument("id", strawberry.ID, "An id as it was received.")]
    many = _field(publications, "The objects with these ids, in the same order.", list[Node | None] | None, many=True)
    many.arguments = [_argument("ids", list[strawberry.ID], f"Ids as they were received, at most {MOST_PER_PAGE}.")]
    return {"node": one, "nodes": many}


def _field(publications: Mapping[str, Publication], says: str, answers: Any, *, many: bool) -> NodeField:  # noqa: ANN401 - an annotation
    field = NodeField(description=says, type_annotation=StrawberryAnnotation(answers))
    field.says_who(Rule.PUBLIC)
    field.publications = publications
    field.guards = {
        name: Guard(access=each.guard.access, public_when=each.guard.public_when, of_key=True)
        for name, each in publications.items()
    }
    asks = [each.refetch.batch for each in publications.values() if each.refetch is not None]
    field.edge = Edge(
        batch=nodes,
        key=lambda *_: None,
        reads_caller=True,
        many=many,
        asks=asks,
        agencies={name: each.refetch.batch.agency for name, each in publications.items() if each.refetch is not None},
    )
    return field


def _argument(name: str, annotation: Any, says: str) -> StrawberryArgument:  # noqa: ANN401 - an annotation
    note = Annotated[annotation, strawberry.argument(description=says)]
    return StrawberryArgument(name, None, StrawberryAnnotation(note))
