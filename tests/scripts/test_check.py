"""`make check` runs every check, and the import rules detect violations."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = (
    "cli",
    "workers",
    "settings",
    "wiring",
    "web",
    "schema",
    "services",
    "resolvers",
    "engine",
    "connectors",
    "cache",
    "auth",
    "store",
    "telemetry",
    "records",
    "sandbox",
    "scripts",
)


def run(*command: str | Path, where: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=where, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - ours


@pytest.fixture
def copied_layers(tmp_path: Path) -> Path:
    """A copy of the project's layers, in which tests plant imports."""
    for layer in LAYERS:
        shutil.copytree(ROOT / layer, tmp_path / layer, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("server.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def run_import_rules(where: Path) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, "-P", where / "scripts" / "import_rules.py", "--no-logo", "--no-cache", where=Path("/"))


def test_the_import_rules_are_kept(copied_layers: Path) -> None:
    outcome = run_import_rules(copied_layers)
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert " 0 broken." in outcome.stdout


WRONG_IMPORTS = (
    ("records/planted.py", "import connectors.tax"),
    ("records/planted_too.py", "import settings"),
    ("engine/planted.py", "from auth import caller"),
    ("resolvers/planted.py", "import server"),
    ("web/planted.py", "from cli.main import main"),
)


def test_wrong_imports_are_named_and_fail(copied_layers: Path) -> None:
    for where, line in WRONG_IMPORTS:
        (copied_layers / where).write_text(f"{line}\n")
    outcome = run_import_rules(copied_layers)
    assert outcome.returncode == 1
    planted = {where.removesuffix(".py").replace("/", ".") for where, _ in WRONG_IMPORTS}
    assert {each for each in planted if f"{each} -> " in outcome.stdout} == planted


def test_every_check_runs_and_is_reported_even_if_the_first_fails(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "check", tmp_path / "scripts" / "check")
    fake = tmp_path / ".venv" / "bin" / "python"
    fake.parent.mkdir(parents=True)
    fake.write_text('#!/bin/sh\ncase "$*" in "-m ruff check ."|"-m mypy .") exit 1;; esac\n')
    fake.chmod(0o755)
    outcome = run(str(shutil.which("sh")), tmp_path / "scripts" / "check", where=Path("/"))
    assert outcome.returncode == 1
    assert outcome.stdout.splitlines() == [
        "== lint (ruff check)",
        "== formatting (ruff format)",
        "== types (mypy --strict)",
        "== import rules (import-linter)",
    ]
    assert outcome.stderr == "Failed: lint (ruff check), types (mypy --strict)\n"
