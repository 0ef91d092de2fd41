"""The page about Python: its client is generated, and reads answers of the graph."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.pages import write_files
from tests.fakes.small_records import SITI
from tests.plugins.optional_programs import python_client_tools
from tests.schema.requests import run_for_data

pytestmark = pytest.mark.optional_programs
_READ = """\
import json, sys
from use import Bills, greet, total
bills = Bills.model_validate(json.load(sys.stdin))
print(json.dumps([total(bills), greet(bills), type(bills.me.tax_objects[0].bills[0].year).__name__]))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the page, with the generated client."""
    folder = tmp_path_factory.mktemp("python")
    write_files("python", folder)
    for command in (("strict_schema.py", "schema.graphql", "strict.graphql"), ("-m", "ariadne_codegen")):
        done = run_python(folder, *command)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


def run_python(folder: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run Python with the generator's packages in front of those of the project."""
    binaries = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(python_client_tools()), str(folder))),
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
    }
    command = [sys.executable, *arguments]
    return subprocess.run(  # noqa: S603 - files of the page
        command, cwd=folder, env=environment, input=given, capture_output=True, text=True, check=False
    )


async def test_the_client_reads_an_answer_into_types_without_needless_nulls(project: Path) -> None:
    operation = (project / "bills.graphql").read_text()
    answer = await run_for_data(operation, caller="the person")
    bills = [bill for each in answer["me"]["taxObjects"] for bill in each["bills"]]
    assert bills, SITI
    done = run_python(project, "-c", _READ, given=json.dumps(answer))
    assert json.loads(done.stdout or "null") == [
        sum(bill["amount"] for bill in bills),
        answer["me"]["name"],
        "int",
    ], done.stderr


async def test_the_client_refuses_a_null_that_can_only_be_an_error(project: Path) -> None:
    answer = await run_for_data((project / "bills.graphql").read_text(), caller="the person")
    answer["me"]["name"] = None
    answer["me"]["taxObjects"][0]["bills"][0]["dueOn"] = None
    assert run_python(project, "-c", _READ, given=json.dumps(answer)).returncode == 0
    answer["me"]["taxObjects"][0]["bills"][0]["amount"] = None
    done = run_python(project, "-c", _READ, given=json.dumps(answer))
    assert "me.taxObjects.0.bills.0.amount" in done.stderr
