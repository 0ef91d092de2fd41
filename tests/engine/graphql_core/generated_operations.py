"""Valid operations of all kinds over a schema.

hypothesis-graphql generates a selection of fields with literal arguments. `OperationDecorator` adds the rest of the
language: aliases, fragments, repeated fields, `__typename`, conditions, variables with and without defaults.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    GraphQLSchema,
    InlineFragmentNode,
    NullValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    Undefined,
    ValueNode,
    get_named_type,
    is_non_null_type,
    parse,
    parse_value,
    print_ast,
    validate,
    value_from_ast,
    value_from_ast_untyped,
)
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis_graphql import from_schema

Pools = Mapping[str, Sequence[str]]
"""Literals for arguments, by the argument's name, which a caller could know."""


@dataclass
class GeneratedOperation:
    """An operation with its variables."""

    text: str
    variables: dict[str, Any] = field(default_factory=dict)


@dataclass
class OperationDecorator:
    """Decorates one operation."""

    schema: GraphQLSchema
    chance: Random
    pools: Pools
    deepest: int = 6
    variables: dict[str, Any] = field(default_factory=dict)
    declared: dict[str, str] = field(default_factory=dict)
    fragments: list[str] = field(default_factory=list)
    aliases: int = 0

    def decorate(self, document: DocumentNode) -> GeneratedOperation:
        """The operation as text."""
        (operation,) = document.definitions
        assert isinstance(operation, OperationDefinitionNode)
        root = self.schema.get_root_type(operation.operation)
        assert root is not None
        selections = self._set(operation.selection_set, root, 0)
        declared = ", ".join(f"${name}: {type_}" for name, type_ in self.declared.items())
        head = operation.operation.value + (f" Asked({declared})" if declared else "")
        return GeneratedOperation("\n".join([f"{head} {selections}", *self.fragments]), self.variables)

    def often(self, share: float) -> bool:
        """True with this probability."""
        return self.chance.random() < share

    def _set(self, selections: SelectionSetNode, type_: Any, depth: int) -> str:  # noqa: ANN401 - any composite type
        parts: list[str] = []
        for each in selections.selections:
            parts += self._selection(each, type_, depth)
        if self.often(0.2) or not parts:
            parts.append(("__typename", "kind: __typename")[self.often(0.3)])
        if self.often(0.1):
            self.chance.shuffle(parts)
        return "{ " + " ".join(parts) + " }"

    def _selection(self, node: SelectionNode, type_: Any, depth: int) -> list[str]:  # noqa: ANN401 - any composite type
        if isinstance(node, InlineFragmentNode):
            inner = self.schema.get_type(node.type_condition.name.value) if node.type_condition else type_
            condition = f" on {inner}" if node.type_condition else ""
            return [f"...{condition}{self._condition()} {self._set(node.selection_set, inner, depth)}"]
        assert isinstance(node, FieldNode)
        texts = [self._field(node, type_, depth)]
        if self.often(0.15):
            texts.append(texts[0])  # again, so that it is merged with itself
        return [self._wrapped(each, type_) for each in texts]

    def _field(self, node: FieldNode, type_: Any, depth: int) -> str:  # noqa: ANN401 - any composite type
        name = node.name.value
        alias = node.alias.value if node.alias else None
        if alias is None and self.often(0.15):
            self.aliases += 1
            alias = f"a{self.aliases}"
        text = f"{alias}: {name}" if alias else name
        if name.startswith("__"):
            return text + self._condition()
        definition = type_.fields[name]
        arguments = [self._argument(each, definition.args[each.name.value]) for each in node.arguments or ()]
        if arguments:
            text += f"({', '.join(arguments)})"
        once, text = text, text + self._condition()
        if node.selection_set is None:
            return text
        inner: Any = get_named_type(definition.type)
        if depth >= self.deepest:
            return f"{text} {{ __typename }}"
        below = self._set(node.selection_set, inner, depth + 1)
        if self.often(0.1):  # the same field twice, each with a part of the selection
            return f"{text} {below} {once} {self._set(node.selection_set, inner, depth + 1)}"
        return f"{text} {below}"

    def _wrapped(self, text: str, type_: Any) -> str:  # noqa: ANN401 - any composite type
        if self.often(0.1):
            return f"...{self._condition()} {{ {text} }}"
        if self.often(0.08):
            return f"... on {type_}{self._condition()} {{ {text} }}"
        if self.often(0.12):
            name = f"F{len(self.fragments) + 1}"
            self.fragments.append(f"fragment {name} on {type_} {{ {text} }}")
            return f"...{name}{self._condition()}" + (f" ...{name}" if self.often(0.3) else "")
        return text

    def _condition(self) -> str:
        if not self.often(0.08):
            return ""
        kind = self.chance.choice(("include", "skip"))
        if self.often(0.4):
            return f" @{kind}(if: {self.chance.choice(('true', 'false'))})"
        name = f"c{self.chance.randrange(3)}"
        if name not in self.declared:
            self.declared[name], given = self.chance.choice(
                (("Boolean!", True), ("Boolean! = true", False), ("Boolean = false", False), ("Boolean = true", True))
            )
            if given:
                self.variables[name] = self.often(0.5)
        return f" @{kind}(if: ${name})"

    def _argument(self, node: ArgumentNode, argument: Any) -> str:  # noqa: ANN401 - graphql-core's argument
        name = node.name.value
        pool = [each for each in self.pools.get(name, ()) if _is_valid(parse_value(each), argument)]
        value: ValueNode = parse_value(self.chance.choice(pool)) if pool and self.often(0.9) else node.value
        literal = print_ast(value)
        if not self.often(0.35):
            return f"{name}: {literal}"
        variable = f"v{len(self.declared)}"
        type_ = str(argument.type)
        nullable = type_.rstrip("!")
        is_null = isinstance(value, NullValueNode)
        way = self.chance.randrange(4)
        if way == 0 and not is_null:
            self.declared[variable] = f"{nullable} = {literal}"  # not given: the default applies
        elif way == 1 and not is_null:
            # A nullable variable may be used for a non-null argument with a default: null fails at run time.
            self.declared[variable] = nullable if argument.default_value is not None else type_
            self.variables[variable] = value_from_ast_untyped(value)
            if self.declared[variable] == nullable and is_non_null_type(argument.type) and self.often(0.5):
                self.variables[variable] = None
        elif way == 2 and not is_non_null_type(argument.type):
            self.declared[variable] = nullable  # neither given nor defaulted: as if the argument were absent
        else:
            self.declared[variable] = type_
            self.variables[variable] = value_from_ast_untyped(value)
        return f"{name}: ${variable}"


def _is_valid(value: ValueNode, argument: Any) -> bool:  # noqa: ANN401 - graphql-core's argument
    """Whether an argument takes a value: arguments of different types have the same name."""
    return value_from_ast(value, argument.type) is not Undefined


def operations(
    schema: GraphQLSchema, *, scalars: Mapping[str, st.SearchStrategy[ValueNode]], pools: Pools
) -> st.SearchStrategy[GeneratedOperation]:
    """Operations that pass validation."""
    bare = from_schema(
        schema, custom_scalars=dict(scalars), print_ast=lambda document: document, allow_x00=False, codec="ascii"
    )

    def dress(document: DocumentNode, seed: int) -> GeneratedOperation:
        asked = OperationDecorator(schema, Random(seed), pools).decorate(document)  # noqa: S311 - nothing here is secret
        assume(not validate(schema, parse(asked.text)))
        return asked

    return st.builds(dress, bare, st.integers(0, 2**32))
