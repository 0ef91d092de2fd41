"""Refetching nodes by their opaque ids (`node` and `nodes`)."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any, Final, NamedTuple

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument

from auth.crypto.node_ids import UnknownNodeId
from auth.policy.rules import Classification, Rule
from engine.agencies.agency_codes import ANY_AGENCIES, AgencyCodes
from engine.agencies.agency_routing import RoutedKey
from engine.batch import Batch, batch, load_answers
from engine.edge import Edge
from engine.errors import BadInput, SafeError
from engine.field_kinds import Decider, FieldGuard, Verdict
from records.calls.answers import Answers, keep_date
from records.calls.failures import AgencyFailure
from records.identifiers import Nik
from resolvers.batch_context import HubBatchContext
from resolvers.hub.data_preferences import preferences_of
from resolvers.population import family_cards_of
from schema.declarations.fields import EdgeField
from schema.declarations.guards import Guard
from schema.declarations.publishing import Publication, Refetch
from schema.declarations.relay import MAX_PAGE_SIZE, Node
from schema.declarations.request_context import RequestContext
from schema.declarations.routed_fields import AGENCY_MARK

_NOT_ISSUED: Final = "An id was not issued by this hub. Send ids exactly as they were received."


class NodeKey(NamedTuple):
    """A node to refetch, by its key."""

    refetch: Refetch
    key: Any
    guard: Guard
    """Decides by the person that the key names."""
    agency: str | None = None
    """The agency that the id names, if several answer its domain."""


@batch(domain=None, depends_on_caller=True)
async def nodes(keys: Sequence[NodeKey], context: HubBatchContext) -> Answers[NodeKey, Any]:
    """Loads nodes of any types, with one batch call for each type."""
    by_batch: dict[Batch[Any, Any], list[NodeKey]] = {}
    for key in keys:
        by_batch.setdefault(key.refetch.batch, []).append(key)

    async def of_one_type(asked: Batch[Any, Any], wanted: Sequence[NodeKey]) -> Answers[NodeKey, Any]:
        try:
            key_of = {each: each.key if each.agency is None else RoutedKey(each.key, (each.agency,)) for each in wanted}
            found = await load_answers(asked, list(key_of.values()), context)
        except AgencyFailure as failure:
            return dict.fromkeys(wanted, failure)
        return keep_date({each: found[key] for each, key in key_of.items() if key in found}, found)

    answers = await asyncio.gather(*(of_one_type(asked, wanted) for asked, wanted in by_batch.items()))
    # The answers of one copy have its date; those of several types have no date in common.
    return answers[0] if len(answers) == 1 else {key: answer for part in answers for key, answer in part.items()}


class NodeGuard:
    """Applies to each node the rule of its type, by the person that its key names."""

    is_public = False
    is_keyed = True
    depends_on_time = True
    """Because the rule of some node types does."""
    fact_batches = (family_cards_of, preferences_of)
    data_class = Classification.PERSONAL.label
    """For the existence of the node; its fields have their own classes."""
    read_subject = None
    key_is_subject = False

    def find_blanket_refusal(self, context: RequestContext) -> None:
        """Returns None, because some node types are public."""

    def build_decider(self, context: RequestContext) -> Decider:
        """Builds the decision for this caller."""
        prepared: dict[Guard, Decider | None] = {}

        def verdict(record: Any, key: NodeKey) -> Verdict:  # noqa: ANN401 - any record
            guard = key.guard
            if guard.is_public or guard.public_when is not None:  # decided by the record, field by field
                return None
            if guard not in prepared:
                prepared[guard] = guard.build_decider(context)
            decide = prepared[guard]
            return None if decide is None else decide(record, key.refetch.get_subject(key.key))

        return verdict

    def allows_own(self, context: RequestContext, records: Sequence[Any]) -> bool:  # noqa: ARG002 - the engine's protocol
        """Returns False: the key names the person."""
        return False

    def allows_own_key(self, context: RequestContext, record: Any, key: NodeKey) -> bool:  # noqa: ANN401, ARG002 - any record
        """Returns False: each type has a guard, which the decider knows."""
        return False

    def get_read_subjects(self, record: Any, key: NodeKey) -> Collection[Nik | None]:  # noqa: ANN401 - any record
        """Returns the person in the key, even if only `id` or `__typename` is selected: their existence is a read.

        Empty for records that are public, or that may be: the fields of such a record name its people.
        """
        guard = key.guard
        if guard.is_public or guard.public_when is not None:
            return ()
        return guard.get_read_subjects(record, key.refetch.get_subject(key.key))


_NODE_GUARD = NodeGuard()


class NodeField(EdgeField):
    """`node(id:)` and `nodes(ids:)`: the batch is chosen by the type inside each id."""

    publications: Mapping[str, Publication]
    guards: Mapping[str, Guard]
    codes: AgencyCodes

    def compute_key(self, record: Any, arguments: Mapping[str, Any], context: RequestContext) -> Any:  # noqa: ANN401, ARG002 - as for an edge
        """Returns the key inside the id; for several ids, the keys, with an error in place of each invalid id."""
        if "id" in arguments:
            return self._open_id(arguments["id"], context)
        ids = arguments["ids"]
        if len(ids) > MAX_PAGE_SIZE:
            raise BadInput(
                f"Argument 'ids' holds {len(ids)} ids; at most {MAX_PAGE_SIZE} are allowed. Send several requests."
            )
        return [self._open_id_or_error(each, context) for each in ids]

    def _open_id_or_error(self, node_id: str, context: RequestContext) -> NodeKey | SafeError:
        try:
            return self._open_id(node_id, context)
        except SafeError as fault:
            return fault

    def _open_id(self, node_id: str, context: RequestContext) -> NodeKey:
        try:
            type_name, text = context.node_ids.open(node_id)
            publication = self.publications[type_name]
        except (UnknownNodeId, KeyError):
            raise BadInput(_NOT_ISSUED) from None
        refetch = publication.refetch
        if refetch is None:
            raise TypeError(f"{type_name} has no refetch; only nodes have ids.")
        text, agency = _split_agency(text, refetch.batch.domain, self.codes)
        return NodeKey(refetch, refetch.unseal(text), self.guards[type_name], agency)

    def engine_guard(self) -> FieldGuard:
        """Returns the guard for nodes of all types."""
        return _NODE_GUARD


def open_node_argument(
    node_id: str, type_name: str, domain: type[Any], context: RequestContext
) -> tuple[str, str | None]:
    """The key in an id of a type, and the agency that it names if several answer the domain. Raises `BadInput`."""
    try:
        opened, text = context.node_ids.open(node_id)
    except UnknownNodeId:
        raise BadInput(_NOT_ISSUED) from None
    if opened != type_name:
        raise BadInput(f"An id is that of a {opened}. Send the id of a {type_name}.")
    return _split_agency(text, domain, context.agencies.codes)


def _split_agency(text: str, domain: type[Any] | None, codes: AgencyCodes) -> tuple[str, str | None]:
    """The key in the text of an id, and the agency before it. Raises `BadInput` if several answer and it names none."""
    agency, _, rest = text.partition(AGENCY_MARK)
    is_routed = codes.has_several(domain)
    if agency in codes.list(domain):
        return rest, agency if is_routed else None
    if is_routed:
        raise BadInput("An id names no agency, and several answer now. Read the object again, and send its new id.")
    return text, None


def build_node_fields(
    publications: Mapping[str, Publication], codes: AgencyCodes = ANY_AGENCIES
) -> dict[str, NodeField]:
    """Builds the root fields `node` and `nodes` for the published nodes."""
    one = _build_field(publications, "The object with this id; null if it no longer exists.", Node | None, many=False)
    one.arguments = [_build_argument("id", strawberry.ID, "An id, exactly as it was received.")]
    many = _build_field(
        publications, "The objects with these ids, in the same order.", list[Node | None] | None, many=True
    )
    many.arguments = [
        _build_argument("ids", list[strawberry.ID], f"Ids, exactly as they were received; at most {MAX_PAGE_SIZE}.")
    ]
    one.codes = many.codes = codes
    return {"node": one, "nodes": many}


def _build_field(publications: Mapping[str, Publication], description: str, returns: Any, *, many: bool) -> NodeField:  # noqa: ANN401 - an annotation
    field = NodeField(description=description, type_annotation=StrawberryAnnotation(returns))
    field.set_rule(Rule.PUBLIC)
    field.publications = publications
    field.guards = {
        name: Guard(access=each.guard.access, public_when=each.guard.public_when, is_keyed=True)
        for name, each in publications.items()
    }
    batches = {name: each.refetch.batch for name, each in publications.items() if each.refetch is not None}
    field.edge = Edge(
        batch=nodes,
        key=lambda *_: None,
        depends_on_caller=True,
        has_many_keys=many,
        delegated_batches=list(batches.values()),
        batches_by_type=batches,
    )
    return field


def _build_argument(name: str, annotation: Any, description: str) -> StrawberryArgument:  # noqa: ANN401 - an annotation
    note = Annotated[annotation, strawberry.argument(description=description)]
    return StrawberryArgument(name, None, StrawberryAnnotation(note))
