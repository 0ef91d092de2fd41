"""Naming rules that a tool can check: the project passes each rule, and each rule refuses a planted offence."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = (
    *("auth", "benchmarks", "cache", "cli", "connectors", "deploy", "docs", "engine", "records", "resolvers"),
    *("sandbox", "schema", "scripts", "server.py", "services", "settings", "store", "telemetry", "tests", "web"),
    *("wiring", "workers"),
)
MAX_PARAMETERS = 6
MAX_RESULTS = 2
MAX_FILES = 16
ONE_FILE_A_DOMAIN = {
    *("records", "resolvers", "schema/types", "tests/resolvers", "tests/schema/types"),
    "store/migrations/versions",
}
"""Folders that grow with the domains, each in one file of the same name, and that of migrations."""

SHARED_CLASS_NAMES = {
    "benchmarks/gateways/plain_strawberry.py": "a peer's schema: GraphQL names its types as the classes are called",
}
"""Files whose classes may be called like others."""

MANY_PARAMETERS = {
    **dict.fromkeys(
        (
            *("engine/batch.py:batch", "engine/batch.py:forward"),
            *("schema/declarations/fields.py:edge", "schema/declarations/fields.py:root"),
        ),
        "a declaration: its parameters are the fields of what is declared",
    ),
    "schema/declarations/publishing.py:publishes": "same",
    "cli/breach/commands.py:open_breach": "the options of a command, as Typer reads them",
    "cli/breach/commands.py:report_breach": "same",
    "cli/agencies/onboarding/commands.py:propose_agency": "same",
    "cli/agencies/record_command.py:record_read": "same",
    "cli/agencies/trial_command.py:try_read": "same",
}
"""Functions with more parameters."""


class SourceFile(NamedTuple):
    """One file of the project."""

    path: str
    tree: ast.Module
    functions: Sequence[ast.FunctionDef | ast.AsyncFunctionDef]
    imports: Sequence[ast.Import | ast.ImportFrom]


Rule = Callable[[Sequence[SourceFile]], Iterator[str]]


def read_project(root: Path) -> list[SourceFile]:
    paths = [
        each for name in FOLDERS for each in ([root / name] if name.endswith(".py") else (root / name).rglob("*.py"))
    ]
    return [read_source(each, root) for each in paths if each.is_file()]


def read_source(path: Path, root: Path) -> SourceFile:
    """A file, walked once: the project has more than a million nodes."""
    tree = ast.parse(path.read_bytes())
    functions: list[ast.FunctionDef | ast.AsyncFunctionDef] = []
    imports: list[ast.Import | ast.ImportFrom] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            functions.append(node)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            imports.append(node)
    return SourceFile(str(path.relative_to(root)), tree, functions, imports)


def find_shared_class_names(files: Sequence[SourceFile]) -> Iterator[str]:
    """Classes of a module or of a class; those inside a function are its own."""
    places: defaultdict[str, list[str]] = defaultdict(list)

    def visit(node: ast.AST, path: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef):
                places[child.name].append(path)
            if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                visit(child, path)

    for each in files:
        if each.path not in SHARED_CLASS_NAMES:
            visit(each.tree, each.path)
    for name, paths in places.items():
        if len(paths) > 1:
            yield f"{name}: {', '.join(paths)}"


def list_functions(files: Sequence[SourceFile]) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for each in files:
        for function in each.functions:
            yield each.path, function


def find_long_parameter_lists(files: Sequence[SourceFile]) -> Iterator[str]:
    for path, function in list_functions(files):
        arguments = function.args
        names = [each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        count = len(names) - (names[:1] in (["self"], ["cls"]))
        if count > MAX_PARAMETERS and not is_parametrized(path, function):
            yield f"{path}:{function.name}"


def is_parametrized(path: str, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """A test's parameters are the columns of its table and its fixtures: pytest gives them."""
    return path.startswith("tests/") and function.name.startswith("test_")


def find_long_results(files: Sequence[SourceFile]) -> Iterator[str]:
    """Results of product functions with more than two members; a test's own function may compare one row."""
    for path, function in list_functions(files):
        if function.returns is not None and not path.startswith("tests/"):
            returns = function.returns
            if isinstance(returns, ast.Constant) and isinstance(returns.value, str):
                returns = ast.parse(returns.value, mode="eval").body
            if any(map(is_long_tuple, ast.walk(returns))):
                yield f"{path}:{function.name}"


def is_long_tuple(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Subscript)
        and ast.unparse(node.value) in {"tuple", "Tuple"}
        and isinstance(node.slice, ast.Tuple)
        and len(node.slice.elts) > MAX_RESULTS
    )


def find_imports_from_tests(files: Sequence[SourceFile]) -> Iterator[str]:
    for file in files:
        for node in file.imports:
            names = [each.name for each in node.names]
            if isinstance(node, ast.ImportFrom):
                names = [node.module or "", *(f"{node.module}.{each}" for each in names)]
            if any(map(is_test_module, names)):
                yield f"{file.path}:{node.lineno}"


def is_test_module(name: str) -> bool:
    *_, last = name.split(".")
    return last.startswith("test_") and (ROOT / f"{name.replace('.', '/')}.py").exists()


def find_full_folders(files: Sequence[SourceFile]) -> Iterator[str]:
    """Folders with too many files; `__init__.py` only says that a folder is a package."""
    counts: defaultdict[str, int] = defaultdict(int)
    for each in files:
        folder, _, name = each.path.rpartition("/")
        counts[folder] += name != "__init__.py"
    for folder, count in counts.items():
        if count > MAX_FILES and folder not in ONE_FILE_A_DOMAIN:
            yield f"{folder}: {count}"


@pytest.fixture(scope="module")
def project() -> list[SourceFile]:
    return read_project(ROOT)


def test_no_two_classes_share_a_name(project: list[SourceFile]) -> None:
    assert list(find_shared_class_names(project)) == []


def test_a_function_has_at_most_six_parameters(project: list[SourceFile]) -> None:
    assert set(find_long_parameter_lists(project)) == set(MANY_PARAMETERS)


def test_no_result_is_a_tuple_over_two(project: list[SourceFile]) -> None:
    assert list(find_long_results(project)) == []


def test_nothing_is_imported_from_a_file_of_tests(project: list[SourceFile]) -> None:
    assert list(find_imports_from_tests(project)) == []


def test_a_folder_holds_at_most_sixteen_files(project: list[SourceFile]) -> None:
    assert list(find_full_folders(project)) == []


def test_files_that_may_share_class_names_exist() -> None:
    assert [each for each in SHARED_CLASS_NAMES if not (ROOT / each).is_file()] == []


PLANTED: list[tuple[Rule, dict[str, str], list[str]]] = [
    (
        find_shared_class_names,
        {
            "engine/a.py": "class Gate: ...\nclass Own: ...\n",
            "web/b.py": "class Outer:\n    class Gate: ...\n",
            "tests/c.py": "def f():\n    class Own: ...\n",
        },
        ["Gate: engine/a.py, web/b.py"],
    ),
    (
        find_long_parameter_lists,
        {
            "engine/a.py": "class A:\n    def six(self, a, b, c, *, d, e, f): ...\n"
            "    async def seven(self, a, b, c, *, d, e, f, g): ...\n",
            "server.py": "def seven(a, b, c, d, e, f, /, g): ...\n",
            "tests/test_a.py": "def test_a(a, b, c, d, e, f, g): ...\ndef build(a, b, c, d, e, f, g): ...\n",
        },
        ["engine/a.py:seven", "server.py:seven", "tests/test_a.py:build"],
    ),
    (
        find_long_results,
        {
            "engine/a.py": "def two() -> tuple[int, str]: ...\ndef same() -> tuple[int, ...]: ...\n"
            "def three() -> Iterator[tuple[int, str, bool]]: ...\n"
            "def quoted() -> 'tuple[int, str, bool] | None': ...\n",
            "tests/test_a.py": "def row() -> tuple[int, str, bool]: ...\n",
        },
        ["engine/a.py:three", "engine/a.py:quoted"],
    ),
    (
        find_imports_from_tests,
        {
            "tests/a.py": "import pytest\nfrom tests.test_names import ROOT\nfrom tests import test_names\n",
            "benchmarks/b.py": "import tests.test_names\nfrom tests import family_cards\n",
            "tests/c.py": "from tests.family_cards import test_card\n",
        },
        ["benchmarks/b.py:1", "tests/a.py:2", "tests/a.py:3"],
    ),
    (
        find_full_folders,
        {**{f"web/full/file_{n}.py": "" for n in range(17)}, **{f"web/most/file_{n}.py": "" for n in range(16)}}
        | {"web/most/__init__.py": "", "web/most/room/file.py": ""},
        ["web/full: 17"],
    ),
]


@pytest.mark.parametrize(("rule", "planted", "found"), PLANTED, ids=[rule.__name__ for rule, _, _ in PLANTED])
def test_a_planted_offence_is_found(tmp_path: Path, rule: Rule, planted: dict[str, str], found: list[str]) -> None:
    for path, text in planted.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert sorted(rule(read_project(tmp_path))) == sorted(found)
