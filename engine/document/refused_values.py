"""Errors of values that a custom scalar refuses: they name the argument, the rule and the fix, never the value."""

from __future__ import annotations

from typing import Any

from graphql import (
    SKIP,
    ArgumentNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    GraphQLError,
    Node,
    ObjectFieldNode,
    OperationDefinitionNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    visit,
)

from engine.errors import SafeError

NUL = "\0"
NUL_MESSAGE = "The text contains the character NUL (U+0000), which is not allowed. Remove it."


class RefusedValue(SafeError, ValueError):  # noqa: N818 - reads as what it is
    """A scalar refused a value; the message is the scalar's rule, without the value.

    Not a `GraphQLError`: graphql-core passes those on unchanged, without the literal.
    """


def find_nul(value: object) -> str | None:
    """The path of a string with NUL in a JSON value, such as `.filter.search[0]`; None if there is none."""
    if isinstance(value, str):
        return "" if NUL in value else None
    if isinstance(value, list):
        for number, each in enumerate(value):
            if not isinstance(each, str) or NUL in each:
                place = find_nul(each)
                if place is not None:
                    return f"[{number}]{place}"
    elif isinstance(value, dict):
        for name, each in value.items():
            place = find_nul(each)
            if place is not None:
                return f".{name}{place}"
    return None


def find_refused_value(error: GraphQLError) -> RefusedValue | None:
    """The refusal of a custom scalar that caused an error, if any."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, RefusedValue):
            return cause
        cause = cause.original_error if isinstance(cause, GraphQLError) else None
    return None


def describe_refused_value(error: GraphQLError, document: DocumentNode) -> str:
    """The message for a refused value, with its argument.

    Messages of graphql-core quote refused values, which may be identity numbers. So this message is built from the
    scalar's rule.
    """
    rule = find_refused_value(error)
    if rule is None:
        return error.message
    place = _RefusedValueFinder(error, document)
    visit(document, place)
    return f"{place.description}: {rule}" if place.description else str(rule)


class _RefusedValueFinder(Visitor):
    """Finds the argument that holds the refused literal, or uses the variable whose value or default was refused."""

    def __init__(self, error: GraphQLError, document: DocumentNode) -> None:
        super().__init__()
        self._nodes = error.nodes or []
        self._operation: OperationDefinitionNode | None = None
        self._variable = ""
        for operation in document.definitions:
            if isinstance(operation, OperationDefinitionNode):
                self._find_variable(operation)
        self._field_path: list[str] = []
        self.description = f"Variable '${self._variable}'" if self._variable else ""
        self._found = False

    def _find_variable(self, operation: OperationDefinitionNode) -> None:
        for definition in operation.variable_definitions or ():
            if any(definition is node for node in self._nodes) or self._holds(definition.default_value):
                self._operation, self._variable = operation, definition.variable.name.value

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: object) -> Any:  # noqa: ANN401 - Visitor's
        # A variable belongs to one operation; other operations may use the same name.
        return SKIP if self._operation is not None and node is not self._operation else None

    def enter_variable_definition(self, _node: VariableDefinitionNode, *_: object) -> Any:  # noqa: ANN401 - Visitor's
        return SKIP

    def enter_field(self, node: FieldNode, *_: object) -> None:
        self._field_path.append(node.name.value)

    def leave_field(self, *_: object) -> None:
        self._field_path.pop()

    def enter_directive(self, node: DirectiveNode, *_: object) -> None:
        self._field_path.append(f"@{node.name.value}")

    def leave_directive(self, *_: object) -> None:
        self._field_path.pop()

    def enter_argument(self, node: ArgumentNode, *_: object) -> None:
        if not self._found and self._holds(node.value):
            self._found = True
            self.description = f"Argument '{node.name.value}' of '{self._field_path[-1]}'"

    def _holds(self, value: Node | None) -> bool:
        if value is None:
            return False
        if isinstance(value, VariableNode):
            return value.name.value == self._variable
        if any(value is node for node in self._nodes):
            return True
        return any(
            self._holds(child.value if isinstance(child, ObjectFieldNode) else child)
            for child in (*(getattr(value, "values", None) or ()), *(getattr(value, "fields", None) or ()))
        )
