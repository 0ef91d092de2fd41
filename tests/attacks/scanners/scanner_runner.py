"""Third-party scanners, installed once into their own environment and run against a hub."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import subprocess
import sys
import venv
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.sandbox_agencies import ROOT

_REQUIREMENTS = Path(__file__).with_name("scanners.txt")
_HOME = ROOT / ".simpul" / "scanners"
_FETCH_TIMEOUT = 240
_PRELOADED = Path(__file__).with_name("preloaded_schemathesis.py")
_ENVIRONMENT = {"NO_COLOR": "1", "COLUMNS": "200", "PYTHONWARNINGS": "ignore"}


@dataclass(frozen=True, slots=True)
class ScanResult:
    """The exit status and the output of a scanner."""

    code: int
    output: str


@cache
def fetch_scanners() -> Path:
    """The folder with the scanners' programs; skips the test if they cannot be downloaded."""
    _HOME.mkdir(parents=True, exist_ok=True)
    with (_HOME / "lock").open("w") as lock:  # concurrent test runs wait for each other
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = _HOME / "fetched"
        wanted = f"{sys.version_info[:2]}\n{_REQUIREMENTS.read_text(encoding='utf-8')}"
        if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
            _fetch(_HOME / "venv")
            stamp.write_text(wanted, encoding="utf-8")
    return _HOME / "venv" / "bin"


def _fetch(folder: Path) -> None:
    venv.create(folder, clear=True)  # without pip, whose installation takes longer than that of the scanners
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "--disable-pip-version-check"]
    try:
        done = subprocess.run(  # noqa: S603 - the names of the packages stand in our own file
            [*pip, "install", "--quiet", "--no-compile", "--requirement", str(_REQUIREMENTS)],
            capture_output=True,
            text=True,
            timeout=_FETCH_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"the scanners were not fetched within {_FETCH_TIMEOUT} s")
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["it printed nothing"]
        pytest.skip(f"the scanners cannot be fetched: {lines[-1]}")


async def scan(
    program: str,
    *arguments: str,
    timeout: float,
    folder: Path,
    environment: Mapping[str, str] | None = None,
) -> ScanResult:
    """Run a scanner in a folder to its end."""
    process = await asyncio.create_subprocess_exec(
        str((await asyncio.to_thread(fetch_scanners)) / program),
        *arguments,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **_ENVIRONMENT, **(environment or {})},
    )
    try:
        async with asyncio.timeout(timeout):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    return ScanResult(process.returncode, output.decode(errors="replace"))


class Schemathesis:
    """A process that has imported schemathesis, and forks a run of it each time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def scan(self, *arguments: str, timeout: float, folder: Path) -> ScanResult:
        """Run it in a folder to its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        output = folder / "schemathesis.out"
        run = {"arguments": arguments, "folder": str(folder), "output": str(output)}
        self._process.stdin.write(f"{json.dumps(run)}\n".encode())
        try:
            async with asyncio.timeout(timeout):
                code = await self._process.stdout.readline()
        except TimeoutError:
            self.kill()
            raise
        return ScanResult(int(code), output.read_text(errors="replace"))

    def kill(self) -> None:
        """Kill it and its run."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


@asynccontextmanager
async def preload_schemathesis() -> AsyncIterator[Schemathesis]:
    """Starts the process, and ends it with the block."""
    process = await asyncio.create_subprocess_exec(
        str((await asyncio.to_thread(fetch_scanners)) / "python"),
        str(_PRELOADED),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | _ENVIRONMENT,
        start_new_session=True,
    )
    running = Schemathesis(process)
    try:
        yield running
    finally:
        running.kill()
        await process.communicate()
