"""The page about TypeScript compiles, with types that say which values can be null."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.clients.pages import write_files
from tests.plugins.optional_programs import node_packages, program_or_skip

pytestmark = pytest.mark.optional_programs


def run_node(folder: Path, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of a Node package."""
    program = [str(program_or_skip("node")), str(folder / "node_modules" / ".bin" / command), *arguments]
    return subprocess.run(program, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - of the tests' packages


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the page, with the generated types."""
    folder = tmp_path_factory.mktemp("typescript")
    (folder / "node_modules").symlink_to(node_packages())
    write_files("typescript", folder)
    (folder / "package.json").write_text(json.dumps({"type": "module"}))
    for command, arguments in (
        ("semantic-to-strict", ("--input", "schema.graphql", "--output", "strict.graphql")),
        ("gql.tada", ("generate-output",)),
    ):
        done = run_node(folder, command, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


WRONG = """\
import { type ResultOf } from 'gql.tada';
import { type Bills } from './bills';
declare const data: ResultOf<typeof Bills>;
const bill = data.me.taxObjects[0]!.bills[0]!;
export const amount: number = bill.amount;
export const due: string = bill.dueOn;
export const tax: number = bill.tax;
"""


def test_the_page_compiles_and_the_compiler_refuses_values_that_can_be_null_and_unknown_fields(project: Path) -> None:
    (project / "wrong.ts").write_text(WRONG)
    found = run_node(project, "tsc", "--pretty", "false").stdout
    places = [line.partition(":")[0] for line in found.splitlines() if not line.startswith(" ")]
    assert places == ["wrong.ts(6,14)", "wrong.ts(7,33)"], found
