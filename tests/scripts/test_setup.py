"""scripts/setup finds a Python that works, makes .venv with it, and does nothing when all is current.

Each project here is a folder with our scripts, an empty lock (nothing is downloaded) and a command line that tells
what it was run with. The PATH holds only what the test put there.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("sh", "bash", "sort", "cut", "dirname", "readlink", "ln", "rm", "env")
BASE = str(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info[1]}")
COMMAND_LINE = "import os, sys\ndef main():\n    print(os.getcwd(), sys.prefix, *sys.argv[1:])\n"


@pytest.fixture(scope="module")
def box() -> Iterator[Path]:
    """Folders for a PATH: a shim that fails, a Python that cannot make environments, and a working one."""
    with TemporaryDirectory(prefix="simpul scripts ") as folder:
        box = Path(folder).resolve()
        write_program(box / "shim", "python3.13", 'echo "pyenv: python3.13: command not found" >&2; exit 127')
        no_venv = 'case "$*" in *"-m venv"*) echo "ensurepip is not available" >&2; exit 1;; esac'
        write_program(box / "crippled", "python3", f'{no_venv}; exec -a "$0" {BASE} "$@"')
        write_program(box / "good", "python3", f'echo used >> "{box}/good.log"; exec {BASE} "$@"')
        yield box


@pytest.fixture(scope="module")
def tools(box: Path) -> Path:
    folder = box / "tools"
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None
        (folder / tool).symlink_to(found)
    return folder


def write_program(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!{shutil.which('bash')}\n{text}\n")
    path.chmod(0o755)
    return folder


def copy_project(folder: Path) -> Path:
    (folder / "scripts").mkdir(parents=True)
    for name in ("setup", "environment.py", "simpul.py"):
        shutil.copy(ROOT / "scripts" / name, folder / "scripts" / name)
    for name in ("sandbox/__init__.py", "sandbox/programs.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    (folder / "requirements.lock").write_text("# nothing\n")
    (folder / "cli").mkdir()
    (folder / "cli" / "__init__.py").touch()
    (folder / "cli" / "main.py").write_text(COMMAND_LINE)
    return folder


def run(where: Path, *path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.pathsep.join(map(str, path)), "HOME": str(where), **variables}
    command = [str(shutil.which("sh")), str(where / "scripts" / "setup")]
    return subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, check=False, timeout=120)  # noqa: S603 - our own script


@pytest.fixture(scope="module")
def prepared_project(box: Path, tools: Path) -> Path:
    """A project that was set up in spite of a failing shim and a Python without venv."""
    where = copy_project(box / "a project")
    outcome = run(where, box / "shim", box / "crippled", box / "good", tools)
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stderr == ""
    version = ".".join(map(str, sys.version_info[:3]))
    first, *between, last = outcome.stdout.splitlines()
    assert first == f"Making .venv with Python {version} ..."
    assert f"Installing packages for Python {version} ..." in between
    assert last.startswith(f"Made .venv with Python {version} in ")
    return where


def test_a_broken_shim_and_a_python_without_venv_are_skipped(prepared_project: Path, box: Path) -> None:
    assert (box / "good.log").read_text().startswith("used\n")
    ran = subprocess.run([prepared_project / ".venv" / "bin" / "python", "-c", ""], check=False)  # noqa: S603 - just made
    assert ran.returncode == 0


def test_a_second_run_prints_and_does_nothing(prepared_project: Path, tools: Path) -> None:
    stamp = prepared_project / ".venv" / "simpul.stamp"
    before = stamp.stat().st_mtime_ns
    outcome = run(prepared_project, tools)
    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (0, "", "")
    assert stamp.stat().st_mtime_ns == before


def test_the_command_runs_from_any_folder_and_through_a_link_with_its_arguments(
    prepared_project: Path, box: Path
) -> None:
    link = box / "link to simpul"
    link.symlink_to(prepared_project / ".venv" / "bin" / "simpul")
    for command in (prepared_project / ".venv" / "bin" / "simpul", link):
        outcome = subprocess.run([command, "token", "a b"], cwd=box, capture_output=True, text=True, check=True)  # noqa: S603 - just made
        assert outcome.stdout == f"{box} {prepared_project / '.venv'} token a b\n"


def test_a_changed_lock_and_a_moved_folder_recreate_it(prepared_project: Path, tools: Path, box: Path) -> None:
    good = box / "good"
    moved = box / "moved project"
    shutil.copytree(prepared_project, moved, symlinks=True)
    (moved / "requirements.lock").write_text("# nothing, moved\n")
    outcome = run(moved, good, tools)
    assert outcome.returncode == 0
    assert "Made .venv" in outcome.stdout
    assert f"at {moved / '.venv'}\n" in (moved / ".venv" / "simpul.stamp").read_text()
    assert str(prepared_project) not in (moved / ".venv" / "pyvenv.cfg").read_text()


def test_without_a_working_python_the_error_says_what_to_install(box: Path, tools: Path) -> None:
    outcome = run(copy_project(box / "none"), box / "shim", tools)
    assert outcome.returncode == 1
    assert outcome.stderr == (
        "No working Python of 3.11 to 3.14 found on the PATH. Install one, on Debian and Ubuntu: "
        "apt install python3 python3-venv, elsewhere from python.org; or name one: make PYTHON=/path/to/python\n"
    )


def test_with_only_pythons_without_venv_the_error_says_what_to_install(box: Path, tools: Path) -> None:
    outcome = run(copy_project(box / "crippled only"), box / "crippled", tools)
    assert outcome.returncode == 1
    assert outcome.stderr.startswith(
        f"No Python here can make a virtual environment (tried: {box}/crippled/python3). Install one with venv and pip,"
    )
    assert not (box / "crippled only" / ".venv").exists()


def test_a_python_of_the_wrong_version_is_named_and_refused(box: Path, tools: Path) -> None:
    old = write_program(box / "old", "python3", "echo")
    outcome = run(copy_project(box / "named"), tools, PYTHON=str(old / "python3"))
    assert outcome.returncode == 1
    assert outcome.stderr == (
        f"PYTHON={old}/python3 is not a working Python of 3.11 to 3.14: name one, or leave PYTHON out\n"
    )


def test_packages_that_cannot_be_installed_are_named_and_no_stamp_is_written(box: Path, tools: Path) -> None:
    where = copy_project(box / "unhashed")
    (where / "requirements.lock").write_text("./nowhere-at-all\n")
    outcome = run(where, box / "good", tools)
    assert outcome.returncode == 1
    assert outcome.stderr.startswith("the packages cannot be installed: ")
    assert not (where / ".venv" / "simpul.stamp").exists()


def test_serving_fetches_only_the_packages_of_the_page_by_their_hash() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: each for name, each in lock["packages"].items() if name}
    assert set(packages) == {"node_modules/graphiql", "node_modules/react", "node_modules/react-dom"}
    for each in packages.values():
        assert each["integrity"].startswith("sha512-")
        assert not {"dependencies", "peerDependencies"} & set(each), "trimmed by hand, see package.json"
    assert lock["packages"][""]["dependencies"] == json.loads((ROOT / "package.json").read_text())["dependencies"]


def test_a_missing_npm_is_reported_in_one_line_and_stops_nothing(prepared_project: Path, tools: Path) -> None:
    lock = prepared_project / "package-lock.json"
    lock.write_text("{}")
    outcome = run(prepared_project, tools)
    lock.unlink()
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert outcome.stdout == (
        "GraphiQL page: npm is not installed, the page will say so, everything else works. Install Node to have it.\n"
    )


def test_a_failing_npm_is_reported_and_retried_and_stops_nothing(
    prepared_project: Path, box: Path, tools: Path
) -> None:
    npm = write_program(box / "npm", "npm", f'echo "$@" >> "{box}/npm.log"; echo "npm error network" >&2; exit 1')
    lock = prepared_project / "package-lock.json"
    lock.write_text("{}")
    outcomes = [run(prepared_project, npm, tools) for _ in range(2)]
    lock.unlink()
    for outcome in outcomes:
        assert (outcome.returncode, outcome.stderr) == (0, "")
        assert outcome.stdout == (
            "GraphiQL page: fetching from npm ...\n"
            "GraphiQL page: npm failed (npm error network), the page will say so, everything else works.\n"
        )
    assert (box / "npm.log").read_text() == "ci --ignore-scripts --no-audit --no-fund\n" * 2
