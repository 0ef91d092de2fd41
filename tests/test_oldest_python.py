"""What Python 3.11 cannot do, and later versions can: it fails there only when the line runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
LAYERS = ("auth", "cache", "cli", "connectors", "engine", "records", "resolvers", "sandbox", "schema", "services")
MORE_LAYERS = ("settings", "store", "telemetry", "web", "wiring", "workers")


def parse_hub() -> Iterator[ast.Module]:
    for layer in LAYERS + MORE_LAYERS:
        for file in sorted((ROOT / layer).rglob("*.py")):
            yield ast.parse(file.read_text(), str(file.relative_to(ROOT)))


def find_frozen_generics(trees: Sequence[ast.Module]) -> set[str]:
    """The names of generic dataclasses that are frozen and have slots."""
    return {
        node.name
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(base).startswith("Generic[") for base in node.bases)
        and any({"frozen=True", "slots=True"} <= _get_arguments(each) for each in node.decorator_list)
    }


def find_calls(trees: Sequence[ast.Module], names: set[str]) -> list[str]:
    """The calls of these classes with a type in brackets."""
    return [
        ast.unparse(node.func)
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Subscript)
        and ast.unparse(node.func.value).rpartition(".")[2] in names
    ]


def _get_arguments(decorator: ast.expr) -> set[str]:
    return {ast.unparse(each) for each in decorator.keywords} if isinstance(decorator, ast.Call) else set()


def test_a_call_of_a_frozen_generic_with_its_type_is_found() -> None:
    tree = ast.parse(
        "@dataclass(frozen=True, slots=True)\n"
        "class Frozen(Generic[T]): ...\n"
        "class Free(Generic[T]): ...\n"
        "one: Frozen[int] = Frozen()\n"
        "two = Free[int]()\n"
        "three = Frozen[int]()\n"
    )
    assert find_calls([tree], find_frozen_generics([tree])) == ["Frozen[int]"]


def test_no_frozen_generic_is_called_with_its_type() -> None:
    trees = list(parse_hub())
    assert "RowGrouping" in find_frozen_generics(trees)
    assert find_calls(trees, find_frozen_generics(trees)) == [], "annotate the variable instead"
