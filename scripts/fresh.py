"""Tests the README: its two commands, in an empty folder, without and with all optional programs.

The work tree is cloned with its uncommitted changes. `PYTEST_ARGS` selects tests.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
SERVE_TIMEOUT_S = 900.0
STOP_TIMEOUT_S = 60.0
TEST_TIMEOUT_S = 3600.0
README_DAY = "2026-11-01"
"""The sandbox's day of the README's answer; by default its data moves to the day of the first start."""


class FreshError(Exception):
    """A command of the README did not behave as the README says; the text says which and how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallVariant:
    """One run of the two commands: its title, and the excluded programs."""

    title: str
    without: str


VARIANTS = (
    InstallVariant(title="without optional programs", without="all"),
    InstallVariant(title="with all programs", without=""),
)


def main() -> int:
    """Run both variants; the exit code is 1 if one of them failed."""
    outcomes: list[str] = []
    for variant in VARIANTS:
        folder = _clone()
        try:
            outcomes += [_run("make serve", _serve, folder, variant), _run("make test", _test, folder, variant)]
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    _say("\n".join(("== In an empty folder", *outcomes)))
    return 1 if any("FAILED" in each for each in outcomes) else 0


def _run(title: str, step: Callable[[Path, dict[str, str]], None], folder: Path, variant: InstallVariant) -> str:
    """Run one command; returns its title, outcome and time."""
    _say(f"== {title}, {variant.title}")
    began, outcome = time.monotonic(), "ok"
    try:
        step(folder, _environment(variant))
    except FreshError as problem:
        outcome = f"FAILED ({problem})"
    line = f"{title}, {variant.title}: {outcome}, {time.monotonic() - began:.0f} s"
    _say(line)
    return line


def _clone() -> Path:
    """Copy the work tree into a temporary folder: files that git tracks or does not ignore, as they are now."""
    folder = Path(tempfile.mkdtemp(prefix="simpul-fresh-"))
    folder.chmod(0o755)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - git from the PATH
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in sorted(set(listed.stdout.split("\0")) - {""}):
        source, target = ROOT / name, folder / name
        if source.is_file():  # git still lists removed files that are not committed
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target, follow_symlinks=False)
    # Some tests ask git which files belong to the project.
    for command in (["init", "--quiet"], ["add", "--all"]):
        subprocess.run(["git", *command], cwd=folder, check=True)  # noqa: S603, S607 - git from the PATH
    return folder


def _environment(variant: InstallVariant) -> dict[str, str]:
    """The caller's environment, without the hub's settings and make's variables."""
    theirs = {"PORT", "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "PYTEST_ARGS"}
    own = {name: value for name, value in os.environ.items() if not name.startswith("SIMPUL_") and name not in theirs}
    return {**own, "SIMPUL_WITHOUT": variant.without}


def _serve(folder: Path, environment: dict[str, str]) -> None:
    """Run `make serve` until it is ready, send the README's query, and stop it by Ctrl-C."""
    port = _find_free_port()
    process = subprocess.Popen(
        ["make", "serve"],  # noqa: S607 - make from the PATH
        cwd=folder,
        env={**environment, "PORT": str(port), "SANDBOX_TODAY": README_DAY},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_until_ready(process, port)
        _say(f"The hub is ready on port {port}; asking the README's query")
        _ask(folder, environment, port)
        os.killpg(process.pid, signal.SIGINT)
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise FreshError(f"it did not end within {STOP_TIMEOUT_S:.0f} s of Ctrl-C") from None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + SERVE_TIMEOUT_S
    while not _is_ready(port):
        if process.poll() is not None:
            raise FreshError(f"it ended with {process.returncode} before it served")
        if time.monotonic() > until:
            raise FreshError(f"it did not serve within {SERVE_TIMEOUT_S:.0f} s")
        time.sleep(0.2)


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/health/ready", timeout=5) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004 - of HTTP
    except OSError:
        return False


def _ask(folder: Path, environment: dict[str, str], port: int) -> None:
    """Send the README's query, by GET as Siti, and compare the answer with the README's."""
    token = subprocess.run(  # noqa: S603 - what make made
        [str(folder / ".venv" / "bin" / "simpul"), "token", "siti"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    query = urllib.parse.urlencode({"query": (folder / "docs" / "frontend" / "first.graphql").read_text()})
    request = urllib.request.Request(
        f"http://{HOST}:{port}/graphql?{query}", headers={"Authorization": f"Bearer {token}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own hub
            answered = json.load(answer)
    except OSError as problem:
        raise FreshError(f"the README's query was not answered: {problem}") from None
    shown = re.findall(r"```json\n(.*?)```", (folder / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    if answered != json.loads(shown[0]):
        raise FreshError(f"the README's query got another answer: {json.dumps(answered)[:400]}")


def _test(folder: Path, environment: dict[str, str]) -> None:
    """Run `make test` with its output shown."""
    chosen = os.environ.get("PYTEST_ARGS")
    command = ["make", "test", *([f"PYTEST_ARGS={chosen}"] if chosen else [])]
    try:
        done = subprocess.run(command, cwd=folder, env=environment, check=False, timeout=TEST_TIMEOUT_S)  # noqa: S603 - make from the PATH
    except subprocess.TimeoutExpired:
        raise FreshError(f"no end within {TEST_TIMEOUT_S:.0f} s") from None
    if done.returncode != 0:
        raise FreshError(f"it ended with {done.returncode}")


def _find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
