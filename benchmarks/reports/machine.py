"""The environment of a run: the machine, and the versions of all programs."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import orjson

from benchmarks.comparison.targets import Target
from benchmarks.layout import NPM, ROOT
from sandbox.programs import find_program

_UNKNOWN = "unknown"
_LIBRARIES = ("uvicorn", "uvloop", "httptools", "aiohttp", "orjson", "graphql-core", "strawberry-graphql", "joserfc")
_PACKAGES = ("graphql", "dataloader", "undici", "jose", "fastify")


def read_facts() -> dict[str, str | int | float]:
    """Processor, cores, memory, kernel and system."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": _find_in_file("/proc/cpuinfo", r"^model name\s*:\s*(.+)$") or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory / 2**30, 1),
        "kernel": platform.release(),
        "system": _find_in_file("/etc/os-release", r'^PRETTY_NAME="(.+)"$') or platform.system(),
    }


def read_versions(targets: Iterable[Target]) -> dict[str, str]:
    """Versions of the relevant programs and libraries, and of each target by its name."""
    found = {
        "Python": platform.python_version(),
        "node": _read_program_version(["node", "--version"]),
        "wrk": _read_program_version(["wrk", "--version"]),
        "nginx": _read_program_version(["nginx", "-v"]),
    }
    found |= {name: find_version(f"pypi:{name}") for name in _LIBRARIES}
    found |= {name: find_version(f"npm:{name}") for name in _PACKAGES}
    return found | build_labels(targets)


def build_labels(targets: Iterable[Target]) -> dict[str, str]:
    """The version of each target, for charts and tables."""
    return {target.name: find_version(target.package) for target in targets}


def find_version(package: str) -> str:
    """The version of `npm:...`, `pypi:...` or `here:` (this project), or `unknown`; empty without a name."""
    registry, _, name = package.partition(":")
    if not registry:
        return ""
    if registry == "here":
        return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])
    if registry == "pypi":
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            return _UNKNOWN
    try:
        described = orjson.loads((NPM / "node_modules" / name / "package.json").read_bytes())
        return str(described["version"]).removeprefix("v")
    except (OSError, ValueError, KeyError):
        return _UNKNOWN


def _find_in_file(file: str, pattern: str) -> str | None:
    try:
        found = re.search(pattern, Path(file).read_text(), re.MULTILINE)
    except OSError:
        return None
    return found[1].strip() if found else None


def _read_program_version(command: list[str]) -> str:
    """The first version number in a program's output."""
    program = find_program(command[0])
    if program is None:
        return _UNKNOWN
    try:
        done = subprocess.run([str(program), *command[1:]], capture_output=True, text=True, check=False, timeout=10)  # noqa: S603 - fixed
    except OSError:
        return _UNKNOWN
    found = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return found[0] if found else _UNKNOWN
