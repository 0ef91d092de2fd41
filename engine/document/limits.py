"""Limits of operations, which are checked before any agency is called, and of answers."""

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

ASK_FOR_LESS = "Use several operations."
"""The fix, if there is no better one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on an operation and its answer, the same for plans and graphql-core. Each error names its bound."""

    tokens: int = 5_000
    """Lexical tokens of the whole document."""
    depth: int = 20
    """Fields inside fields."""
    fields: int = 2_500
    """Fields and fragment spreads, with all fragments spread out, counted for each type that an object may have."""
    breadth: int = 300
    """Fields selected of one object."""
    aliases: int = 100
    """Names under which one field of one object is selected."""
    list_items: int = 2_000
    """Values in the lists of all arguments together, and of all variables together."""
    calls: int = 200
    """Estimated calls to one agency."""
    calls_by_agency: Mapping[str, int] = field(default_factory=dict)
    """By agency, if it can answer fewer calls within the time of a request."""
    objects: int = 50_000
    """Objects in the answer, as estimated and as counted, including those inside records."""
    values: int = 4_000_000
    """Members of all objects in the answer, as estimated and as counted."""
    introspection: int = 400
    """Estimated objects of introspection, for each type of the schema. The introspection query of tools takes 125."""
    comparisons: int = 40_000
    """Units of work of the rule "Field Selection Merging", which grow with the square of the number of fields.
    graphql-core's own limit is 500,000, which take about two seconds."""

    def get_call_limit(self, agency: str) -> int:
        """Maximum number of calls to the agency in one operation."""
        return min(self.calls, self.calls_by_agency.get(agency, self.calls))


class TooLarge(SafeError):  # noqa: N818 - reads as what it is
    """The operation exceeds a limit; the text has the number, the limit and the fix."""

    code = "OPERATION_TOO_LARGE"


def build_too_many_values_error(what: str, count: int, limit: int) -> TooLarge:
    """The refusal of lists that are too long."""
    return TooLarge(f"The lists of the {what} hold {count} values; at most {limit} are allowed. {ASK_FOR_LESS}")


def compute_depth(document: DocumentNode, operation: OperationDefinitionNode) -> int:
    """The depth of nested fields. The document must be valid, so that its fragments form no cycles."""
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
    """The number of values in all lists inside a JSON value, nested lists included."""
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
