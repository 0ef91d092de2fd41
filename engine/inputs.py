"""What a refused value of a custom scalar says: the argument, the rule, the mend, and never the value."""

from __future__ import annotations

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    GraphQLError,
    Node,
    ObjectFieldNode,
    VariableNode,
    Visitor,
    visit,
)


class RefusedValue(GraphQLError):  # noqa: N818 - reads as what it is
    """A value that its scalar refused; the message is the scalar's rule and does not hold the value."""


def named(error: GraphQLError, document: DocumentNode) -> str:
    """The message for a value that was refused, with the argument it was given for.

    graphql-core quotes refused values in its messages; identity numbers must never be echoed, so the message is
    written anew from the scalar's rule.
    """
    refused = _refused(error)
    if refused is None:
        return error.message
    place = _Place(error)
    visit(document, place)
    return f"{place.says}: {refused.message}" if place.says else refused.message


def _refused(error: GraphQLError) -> RefusedValue | None:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, RefusedValue):
            return cause
        cause = cause.original_error if isinstance(cause, GraphQLError) else None
    return None


class _Place(Visitor):
    """Finds the argument that holds the refused literal, or uses the refused variable."""

    def __init__(self, error: GraphQLError) -> None:
        super().__init__()
        self._nodes = error.nodes or []
        self._variables = {
            node.variable.name.value for node in self._nodes if hasattr(node, "variable") and node.variable is not None
        }
        self._fields: list[str] = []
        self.says = ""

    def enter_field(self, node: FieldNode, *_: object) -> None:
        self._fields.append(node.name.value)

    def leave_field(self, *_: object) -> None:
        self._fields.pop()

    def enter_argument(self, node: ArgumentNode, *_: object) -> None:
        if not self.says and self._holds(node.value):
            self.says = f"Argument '{node.name.value}'" + (f" of '{self._fields[-1]}'" if self._fields else "")

    def _holds(self, value: Node | None) -> bool:
        if value is None:
            return False
        if isinstance(value, VariableNode):
            return value.name.value in self._variables
        if any(value is node for node in self._nodes):
            return True
        return any(
            self._holds(child.value if isinstance(child, ObjectFieldNode) else child)
            for child in (*(getattr(value, "values", None) or ()), *(getattr(value, "fields", None) or ()))
        )
