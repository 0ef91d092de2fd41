"""How large an operation may be: what is refused before any agency is asked, and what stops an answer on its way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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

ASK_FOR_LESS = "Ask in several operations."
"""The mend, where nothing better can be said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on an operation and its answer; each is named in the error that refuses. The same for every way to run."""

    tokens: int = 5_000
    """Lexical tokens of the whole document."""
    depth: int = 20
    """Fields inside fields."""
    fields: int = 2_500
    """Fields, and spreads of fragments, once all fragments are spread, for each type that an object may be of."""
    breadth: int = 300
    """Fields that may be selected of one object."""
    aliases: int = 100
    """Names under which one field of one object may be asked for."""
    list_items: int = 2_000
    """Values in the lists of all arguments together, and in the lists of the variables."""
    calls: int = 200
    """Calls to one agency that the operation is expected to take."""
    calls_by_agency: Mapping[str, int] = field(default_factory=dict)
    """By agency, where fewer than that can be answered in the time of a request."""
    objects: int = 50_000
    """Objects that the answer is expected to hold, and that it may hold, those inside records included."""
    values: int = 4_000_000
    """Values that an answer may hold: members of its objects."""
    introspection: int = 400
    """Objects that an answer about the schema itself is expected to hold, for each type in the schema. What tools ask
    for at the start is expected to hold 125."""
    comparisons: int = 40_000
    """Units of work for finding out whether fields of the same name may be merged, which grows with the square of
    their number. graphql-core allows itself 500,000, which take about two seconds."""

    def get_call_limit(self, agency: str) -> int:
        """How many calls to the agency one operation may take."""
        return min(self.calls, self.calls_by_agency.get(agency, self.calls))


class TooLarge(SafeError):  # noqa: N818 - reads as what it is
    """The operation exceeds a limit; the text holds the number, the limit and the mend."""

    code = "OPERATION_TOO_LARGE"


def build_too_many_values_error(what: str, count: int, limit: int) -> TooLarge:
    """The refusal of lists that are too long."""
    return TooLarge(f"The lists of the {what} hold {count} values; at most {limit} are allowed. {ASK_FOR_LESS}")


def compute_depth(document: DocumentNode, operation: OperationDefinitionNode) -> int:
    """How deep fields lie inside fields. The document must be valid: its fragments form no cycles."""
    fragments = {
        definition.name.value: definition.selection_set
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    known: dict[str, int] = {}

    def deep(selections: SelectionSetNode | None) -> int:
        most = 0
        for selection in selections.selections if selections else ():
            inner = 0
            if isinstance(selection, FieldNode):
                inner = 1 + deep(selection.selection_set)
            elif isinstance(selection, InlineFragmentNode):
                inner = deep(selection.selection_set)
            elif isinstance(selection, FragmentSpreadNode):
                name = selection.name.value
                if name not in known:
                    known[name] = deep(fragments[name])
                inner = known[name]
            most = max(most, inner)
        return most

    return deep(operation.selection_set)


def count_list_items(value: object) -> int:
    """How many values the lists hold that are somewhere in a JSON value; lists inside lists count with theirs."""
    count = 0
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, list | tuple):
            count += len(each)
            left += [inner for inner in each if isinstance(inner, list | tuple | dict)]
        elif isinstance(each, dict):
            left += [inner for inner in each.values() if isinstance(inner, list | tuple | dict)]
    return count
