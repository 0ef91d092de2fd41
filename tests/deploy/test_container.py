"""The image contains only the hub, and its build steps create a hub that runs as an unprivileged user."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.fakes.waiting import block_until
from tests.journeys.hub_process import HubProcess
from tests.sandbox_agencies import HOST, ROOT

FOLDER = ROOT / "deploy" / "container"
CONTAINERFILE = (FOLDER / "Containerfile").read_text(encoding="utf-8")
_USER = 65532


def parse_steps() -> Sequence[tuple[str, str]]:
    """Each instruction with its arguments, in order; continued lines are joined."""
    text = re.sub(r"\\\n\s*", "", CONTAINERFILE)
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines)]


def parse_last_stage() -> dict[str, str]:
    """The instructions of the final stage."""
    found = parse_steps()
    begin = max(number for number, (name, _) in enumerate(found) if name == "FROM")
    return dict(found[begin:])


def parse_lock(path: Path) -> dict[str, tuple[str, frozenset[str]]]:
    """Version and hashes of each package of a lock."""
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for block in re.split(r"\n(?=\w)", path.read_text(encoding="utf-8")):
        named = re.match(r"([\w.-]+)==(\S+)", block)
        if named is not None:
            found[named[1]] = (named[2], frozenset(re.findall(r"--hash=(sha256:\w+)", block)))
    return found


def test_it_runs_as_a_numeric_user_other_than_root_and_stops_at_sigterm() -> None:
    stage = parse_last_stage()
    assert stage["USER"] == "65532:65532"
    assert stage["STOPSIGNAL"] == "SIGTERM"
    assert "RUN" not in stage
    assert "HEALTHCHECK" not in stage


def test_the_image_contains_only_the_result_of_the_first_stage() -> None:
    assert [rest for name, rest in parse_steps() if name == "COPY" and rest.startswith("--from")] == [
        "--from=build /opt/simpul /opt/simpul"
    ]


def test_every_layer_of_the_hub_is_copied_and_no_test() -> None:
    copied = {
        word for name, rest in parse_steps() if name == "COPY" and "--from" not in rest for word in rest.split()[:-1]
    }
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = {
        name if (ROOT / name).is_dir() else f"{name}.py" for name in pyproject["tool"]["importlinter"]["root_packages"]
    }
    assert layers <= copied
    assert copied - layers <= {
        "cities",
        "data",
        "workers",
        "scripts/simpul.py",
        "scripts/generation.py",
        "deploy/requirements.lock",
    }
    ignored = (ROOT / ".containerignore").read_text(encoding="utf-8").splitlines()
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == copied


def test_its_packages_are_those_of_the_lock_without_tests_and_sandbox() -> None:
    whole, own = parse_lock(ROOT / "requirements.lock"), parse_lock(ROOT / "deploy" / "requirements.lock")
    assert {name: whole.get(name) for name in own} == own
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = {re.split(r"[\[>;=]", each)[0] for each in pyproject["project"]["dependencies"]}
    assert wanted <= set(own)
    for group in ("sandbox", "dev"):
        left_out = {re.split(r"[\[>;=]", each)[0] for each in pyproject["dependency-groups"][group]}
        assert not left_out & set(own)


@pytest.fixture(scope="module")
def image_folder() -> Iterator[Path]:
    """The result of the first stage's steps, in a folder instead of /opt/simpul."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        build = parse_steps()
        last = max(number for number, (instruction, _) in enumerate(build) if instruction == "FROM")
        for instruction, rest in build[:last]:
            if instruction == "COPY":
                *sources, target = rest.split()
                for source in sources:
                    _copy(source, folder / target)
            elif instruction == "RUN":
                command = rest.replace("/opt/simpul", str(folder)).replace("python3 ", f"{sys.executable} ")
                subprocess.run(["/bin/sh", "-ec", command], cwd=folder, check=True, timeout=900)  # noqa: S603 - the Containerfile's steps
        yield folder


def _copy(source: str, target: Path) -> None:
    path = ROOT / source
    if path.is_dir():
        shutil.copytree(path, target, ignore=lambda _, names: fnmatch.filter(names, "__pycache__"))
    else:
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)


def _start_as_nobody(command: Sequence[str | Path], environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start the result, as an unprivileged user if possible."""
    with log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603 - the image's program
            command,
            cwd="/",
            env={"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"} | environment,
            stdout=output,
            stderr=output,
            user=_USER if os.geteuid() == 0 else None,
            group=_USER if os.geteuid() == 0 else None,
            extra_groups=() if os.geteuid() == 0 else None,
        )


def _copy_private_key(private_key: str, folder: Path) -> Path:
    """A copy that only the user of the hub can read: the hub refuses a key that every user can read."""
    copied = Path(shutil.copy(private_key, folder / "private_key.pem"))
    copied.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(copied, _USER, _USER)
    return copied


@pytest.mark.long
def test_the_built_hub_serves_as_an_unprivileged_user_and_stops_at_sigterm(image_folder: Path) -> None:
    assert not list(image_folder.glob(".venv/lib/python*/site-packages/pytest*"))
    assert not list(image_folder.glob(".venv/lib/python*/site-packages/pip"))
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        hub = HubProcess(folder)
        environment = {key: value for key, value in hub.environment.items() if key.startswith("SIMPUL_")}
        for each in (folder / "keys.json", folder / "issuers.json"):
            each.chmod(0o644)
        environment["SIMPUL_PEMBAYARAN_PRIVATE_KEY"] = str(
            _copy_private_key(environment["SIMPUL_PEMBAYARAN_PRIVATE_KEY"], folder)
        )
        del environment["SIMPUL_STATE"]
        environment |= {
            "SIMPUL_LISTEN": f"127.0.0.1:{hub.port}",
            "SIMPUL_WORKERS": "2",
        }
        hub.postgres.start()
        command: list[str | Path] = [
            image_folder / ".venv" / "bin" / "python",
            "-P",
            image_folder / "scripts" / "simpul.py",
            "hub",
        ]
        running = _start_as_nobody(command, environment, folder / "log")
        try:
            block_until(lambda: running.poll() is not None or is_answering(hub.port), "the hub")
            assert running.poll() is None, (folder / "log").read_text()
            running.terminate()
            assert running.wait(60) == 0, (folder / "log").read_text()
        finally:
            running.kill()
            hub.postgres.stop()


def is_answering(port: int) -> bool:
    """Whether the hub answers its liveness probe."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/health/live", timeout=5) as answer:
            return bool(json.load(answer) == {"status": "live"})
    except OSError:
        return False
