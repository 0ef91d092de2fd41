"""How large an operation may be, counted once per fragment so that counting itself stays linear.

A first, static bound; it exists so that a document of a few hundred characters can never keep a process busy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from engine.errors import SafeError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on a document; each is named in the error that refuses."""

    tokens: int = 5_000
    """Lexical tokens of the whole document."""
    depth: int = 20
    """Fields inside fields."""
    fields: int = 2_000
    """Fields after all fragments are spread, aliases included."""
    records: int = 20_000
    """Edges that graphql-core may follow for one answer, and records in their lists, counted while it is made."""
    objects: int = 50_000
    """Objects that an answer of a plan may hold, those inside records included, once it is written out."""
    values: int = 4_000_000
    """Values that an answer may hold: members of its objects, once it is written out. For graphql-core, records times
    fields of the operation: a line of query may ask for the same name a thousand times under other names."""
    comparisons: int = 40_000
    """Units of work for finding out whether fields of the same name may be merged, which grows with the square of
    their number. graphql-core allows itself 500,000, which take about two seconds."""


class TooLarge(SafeError):  # noqa: N818 - reads as what it is
    """The operation exceeds a limit; the text holds the number, the limit and the mend."""

    code = "OPERATION_TOO_LARGE"


class AnswerSize:
    """Counts what is read for one answer, and stops the operation from reading on where it is too much.

    Lists inside lists multiply. Whoever follows an edge looks at `exceeded` first: an answer that is too large is given
    up as a whole, and tens of thousands of refusals, one for each edge left, would cost more than the answer.
    """

    def __init__(self, most: int = Limits().records) -> None:
        """Belong to one request."""
        self._most = most
        self._count = 0

    @property
    def exceeded(self) -> bool:
        """Whether the answer is too large and will be given up."""
        return self._count > self._most

    def narrow(self, most: int) -> None:
        """Allow no more than this, where that is less."""
        self._most = min(self._most, most)

    def add(self, count: int) -> None:
        """Count edges that are followed, or records that they led to; raises `TooLarge`."""
        self._count += count
        if self.exceeded:
            raise self.refusal()

    def refusal(self) -> TooLarge:
        """What the caller is told."""
        return TooLarge(f"The answer would hold more than {self._most} records. Ask in several operations.")

    def __repr__(self) -> str:
        """How far it came."""
        return f"<AnswerSize {self._count} of {self._most}>"


@dataclass(frozen=True, slots=True)
class _Size:
    depth: int
    fields: int


def check(document: DocumentNode, operation: OperationDefinitionNode, limits: Limits) -> int:
    """How many fields an operation has, fragments spread out; raises `TooLarge` beyond the limits.

    The document must be valid: its fragments form no cycles.
    """
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    size = _measure(operation.selection_set, fragments, {})
    if size.depth > limits.depth:
        raise TooLarge(
            f"The operation is {size.depth} fields deep; at most {limits.depth} are allowed. Ask in several operations."
        )
    if size.fields > limits.fields:
        raise TooLarge(
            f"The operation selects more than {limits.fields} fields, fragments spread out. Ask in several operations."
        )
    return size.fields


def _measure(
    selections: SelectionSetNode | None, fragments: dict[str, FragmentDefinitionNode], known: dict[str, _Size]
) -> _Size:
    depth = fields = 0
    for selection in selections.selections if selections else ():
        if isinstance(selection, FragmentSpreadNode):
            name = selection.name.value
            if name not in known:
                known[name] = _measure(fragments[name].selection_set, fragments, known)
            inner = known[name]
        else:
            inner = _measure(cast("FieldNode | InlineFragmentNode", selection).selection_set, fragments, known)
        own = 1 if isinstance(selection, FieldNode) else 0
        depth = max(depth, inner.depth + own)
        fields += inner.fields + own
    return _Size(depth, fields)
