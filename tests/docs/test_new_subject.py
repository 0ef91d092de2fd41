"""The tutorial for a new subject, followed in a copy of the project: its files, commands, query and answer."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command_line import ServeProcess, build_environment, temporary_state_folder
from tests.docs.pages import NOT_OURS, ROOT, read_pages
from tests.fakes.waiting import block_until
from tests.sandbox_agencies import HOST

PAGE = read_pages("docs/maintainers/new-subject.md")
FILES: Mapping[str, str] = dict(re.findall(r"^### (\S+)\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
QUERIES = "docs/frontend/queries.md"
GENERATED = {
    "cities/manifest.schema.json",
    "docs/agencies/domains.md",
    "docs/frontend/decision-table.md",
    "docs/frontend/field-access.md",
    "schema/schema.graphql",
}
MAX_FILES = 12
CACHES = {".hypothesis", ".mypy_cache", ".ruff_cache", "__pycache__"}


def read_files(project: Path) -> Mapping[str, bytes]:
    """The contents of all files of a project, by their paths; without logs, such as that of `make test > test.log`."""
    paths = (path for path in project.rglob("*") if path.is_file() and path.suffix != ".log")
    named = ((path, path.relative_to(project)) for path in paths)
    return {str(name): path.read_bytes() for path, name in named if not (NOT_OURS | CACHES) & set(name.parts)}


def run(project: Path, state: Path, *command: str) -> str:
    """The output of a Python program in the project, which must succeed."""
    done = subprocess.run(  # noqa: S603 - our own programs
        [sys.executable, *command],
        cwd=project,
        env=build_environment(state),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the project in which the page was followed up to its commands."""
    copy = tmp_path_factory.mktemp("new-subject") / "project"
    left_out = (NOT_OURS | CACHES) - {"__pycache__"}  # which spares the commands the compilation of all code
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*left_out), symlinks=True)
    for name, text in FILES.items():
        if name != QUERIES:
            (copy / name).parent.mkdir(exist_ok=True)
            assert not (copy / name).exists(), f"{name} is no new file"
            (copy / name).write_text(text, encoding="utf-8")
    queries = (copy / QUERIES).read_text(encoding="utf-8")
    (copy / QUERIES).write_text(queries.replace("| `region(", f"{FILES[QUERIES]}| `region(", 1), encoding="utf-8")
    for command in re.findall(r"^\.venv/bin/simpul (.+)$", PAGE, re.MULTILINE):
        run(copy, copy / "state", "-P", "scripts/simpul.py", *command.split())
    yield copy
    shutil.rmtree(copy)


def test_a_new_subject_is_twelve_files_of_which_three_are_python(project: Path) -> None:
    before, after = read_files(ROOT), read_files(project)
    changed = {name for name, content in after.items() if before.get(name) != content}
    assert changed == {*FILES, *GENERATED}
    assert len(changed) <= MAX_FILES
    assert len([name for name in changed if name.endswith(".py")]) == 3


def test_the_code_of_the_page_has_the_form_of_the_project(project: Path) -> None:
    code = [name for name in FILES if name.endswith(".py")]
    run(project, project / "state", "-m", "ruff", "check", "--quiet", *code)
    run(project, project / "state", "-m", "ruff", "format", "--quiet", "--check", *code)


def test_the_agency_gives_the_expected_answers_of_the_page(project: Path) -> None:
    tests = ("-m", "pytest", "tests/connectors/agencies/test_answers.py", "-k", "dispusip", "-q", "-n", "0")
    assert re.search(r"^4 passed", run(project, project / "state", *tests), re.MULTILINE)


def test_a_hub_with_the_subject_answers_the_query_of_the_page(project: Path) -> None:
    [body] = re.findall(r"^curl .*?\\\n +-d '(.+?)'$", PAGE, re.MULTILINE)
    [answer] = re.findall(r"^curl.*?^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for path in (project / "cities" / "jakarta" / "agencies").iterdir():
        if path.stem != "dispusip":  # a city of this agency starts in a few seconds
            path.unlink()
    with temporary_state_folder() as state:
        serve = ServeProcess(state, project=project)
        try:
            serve.wait_until_ready()
            block_until(lambda: ask(serve.port, body)["data"]["libraries"] is not None, "the list is loaded")
            found = ask(serve.port, body)
            assert [each["reason"] for each in found.pop("extensions")["freshness"]] == ["copy"]
            assert found == json.loads(answer)
        finally:
            serve.stop()


def ask(port: int, body: str) -> Any:  # noqa: ANN401 - JSON
    request = urllib.request.Request(
        f"http://{HOST}:{port}/graphql", body.encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310 - a loopback address
        return json.load(response)
