"""Every migration only adds, so that workers of the previous release keep serving during and after it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import AsyncEngine

from store import migration
from store.database import MIGRATIONS, migrate

VERSIONS = sorted((MIGRATIONS / "versions").glob("[0-9]*.py"))
REASON = "TAKES_AWAY"
"""The constant in which a migration that removes something explains why no running release misses it."""
_ONLY_ADDS = {"create_table", "create_index", "add_column", "f"}
_TAKES_AWAY = re.compile(r"\b(DROP|ALTER|RENAME|DELETE|TRUNCATE|UPDATE)\b", re.IGNORECASE)
_ADDS = re.compile(r"\s*(CREATE|INSERT|COMMENT|GRANT)\b", re.IGNORECASE)


def takes_away(source: str) -> list[str]:
    """What `upgrade` of a migration does beyond adding; nothing if the migration explains it."""
    module = ast.parse(source)
    if any(isinstance(each, ast.Assign) and _named(each.targets[0]) == REASON for each in module.body):
        return []
    upgrade = next(each for each in module.body if isinstance(each, ast.FunctionDef) and each.name == "upgrade")
    called = {_named(each.func): each for each in ast.walk(upgrade) if isinstance(each, ast.Call)}
    helpers = [each for each in module.body if isinstance(each, ast.FunctionDef) and each.name in called]
    created = {_text(call.args[0]) for call in _operations([upgrade, *helpers]) if _operation(call) == "create_table"}
    return [fault for call in _operations([upgrade, *helpers]) for fault in _faults(call, created)]


def _operations(functions: list[ast.FunctionDef]) -> Iterator[ast.Call]:
    for function in functions:
        for each in ast.walk(function):
            if isinstance(each, ast.Call) and _operation(each):
                yield each


def _operation(call: ast.Call) -> str:
    """The name of an Alembic operation."""
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) and _named(function.value) == "op" else ""


def _faults(call: ast.Call, created: set[str]) -> Iterator[str]:
    name = _operation(call)
    where = f"line {call.lineno}: op.{name}"
    if name == "execute":
        statement = _text(call.args[0])
        if _TAKES_AWAY.search(statement) or not _ADDS.match(statement):
            yield where
    elif name not in _ONLY_ADDS:
        yield where
    elif name == "add_column" and _is_demanded(call.args[1]):
        yield f"{where} of a column that older workers do not fill: let it be null, or give it a server_default"
    elif name == "create_index" and _text(call.args[1]) not in created and _argument(call, "unique"):
        yield f"{where} that is unique: older workers may write what it refuses"


def _is_demanded(column: ast.expr) -> bool:
    if not isinstance(column, ast.Call):
        return True
    nullable = _argument(column, "nullable")
    refused = isinstance(nullable, ast.Constant) and nullable.value is False
    return refused and _argument(column, "server_default") is None


def _argument(call: ast.Call, name: str) -> ast.expr | None:
    return next((each.value for each in call.keywords if each.arg == name), None)


def _named(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
def test_a_migration_only_adds(path: Path) -> None:
    assert takes_away(path.read_text()) == []


@pytest.mark.parametrize(
    "operation",
    [
        'op.drop_table("consents")',
        'op.drop_column("consents", "person")',
        'op.rename_table("consents", "grants")',
        'op.alter_column("consents", "person", nullable=False)',
        'op.create_unique_constraint("uq", "consents", ["person"])',
        'op.add_column("consents", sa.Column("more", sa.Text, nullable=False))',
        'op.create_index("ix", "consents", ["person"], unique=True)',
        'op.execute("ALTER TABLE consents DROP COLUMN person")',
        'op.execute("UPDATE consents SET person = NULL")',
        'op.execute(f"CREATE TABLE {name} (id int)")',
    ],
)
def test_a_removal_that_the_previous_release_would_miss_is_detected(operation: str) -> None:
    assert len(takes_away(f"def upgrade():\n    {operation}\n")) == 1
    assert takes_away(f'{REASON} = "no release that runs reads it"\ndef upgrade():\n    {operation}\n') == []


@pytest.mark.parametrize(
    "operation",
    [
        'op.create_table("later", sa.Column("id", sa.Integer, nullable=False))',
        'op.add_column("consents", sa.Column("more", sa.Text))',
        'op.add_column("consents", sa.Column("more", sa.Text, nullable=False, server_default=""))',
        'op.create_index("ix", "consents", ["person"])',
        'op.execute("CREATE INDEX ix ON consents (person)")',
    ],
)
def test_a_migration_that_only_adds_passes(operation: str) -> None:
    assert takes_away(f"def upgrade():\n    {operation}\n") == []


def test_migrations_run_in_the_order_of_their_numbers() -> None:
    scripts = ScriptDirectory(str(MIGRATIONS))
    run = [each.revision for each in scripts.walk_revisions()]
    assert run[::-1] == [path.name[:4] for path in VERSIONS]


def test_the_name_of_each_migration_begins_with_its_revision() -> None:
    known = ScriptDirectory(str(MIGRATIONS)).walk_revisions()
    assert sorted(each.revision for each in known) == [each.name[:4] for each in VERSIONS]


async def test_only_a_database_of_another_revision_is_migrated(
    migrated: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrades: list[object] = []
    monkeypatch.setattr(migration, "upgrade", upgrades.append)
    await migrate(migrated)
    assert upgrades == []
    try:
        await set_revision(migrated, "0001")
        await migrate(migrated)
    finally:
        await set_revision(migrated, VERSIONS[-1].name[:4])
    assert len(upgrades) == 1


async def set_revision(engine: AsyncEngine, revision: str) -> None:
    async with engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = $1", (revision,))
