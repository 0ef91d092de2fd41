"""Finds optional programs; `SIMPUL_WITHOUT` excludes some of them.

`SIMPUL_WITHOUT=mariadb,npm` (or `all`) behaves as if these programs were not installed, and stops apt from installing
them. A machine that has them can thus show the behaviour of one that does not.
"""

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

WITHOUT_VARIABLE = "SIMPUL_WITHOUT"
ALL = "all"

_SERVER_FOLDERS = ("/usr/sbin", "/usr/libexec", "/usr/local/sbin", "/usr/local/libexec")
"""Folders of server programs that are often not on the PATH."""


class UnknownProgramError(ValueError):
    """`SIMPUL_WITHOUT` names a program that is not optional; the text is one line for a person."""


@dataclass(frozen=True, slots=True)
class OptionalProgram:
    """A program that the project uses if it is installed."""

    commands: Mapping[str, tuple[str, ...]]
    """Each command of the program, with its possible file names, the usual one first."""
    package: str
    """The Debian package of the program."""


def _to_commands(*commands: str) -> Mapping[str, tuple[str, ...]]:
    return {command: (command,) for command in commands}


PROGRAMS: Mapping[str, OptionalProgram] = {
    "mariadb": OptionalProgram(_to_commands("mariadbd", "mariadb-install-db"), "mariadb-server"),
    "nginx": OptionalProgram(_to_commands("nginx"), "nginx"),
    "wrk": OptionalProgram(_to_commands("wrk"), "wrk"),
    "chromium": OptionalProgram({"chromium": ("chromium", "chromium-browser", "google-chrome")}, "chromium"),
    "promtool": OptionalProgram(_to_commands("promtool"), "promtool"),
    "npm": OptionalProgram(_to_commands("npm", "node"), "npm"),
}


def find_program(command: str) -> Path | None:
    """An optional program's command, on the PATH or among server programs; None if missing or excluded.

    Raises `UnknownProgramError` if `SIMPUL_WITHOUT` is invalid, KeyError for a command of no optional program.
    """
    name = find_program_of(command)
    if name in read_left_out():
        return None
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_SERVER_FOLDERS))
    found = (shutil.which(each, path=path) for each in PROGRAMS[name].commands[command])
    return next((Path(each) for each in found if each), None)


def is_installed(name: str) -> bool:
    """Whether all commands of an optional program are found."""
    return all(find_program(command) for command in PROGRAMS[name].commands)


def read_left_out() -> frozenset[str]:
    """The programs that `SIMPUL_WITHOUT` names. Raises `UnknownProgramError`."""
    names = set(re.split(r"[\s,]+", os.environ.get(WITHOUT_VARIABLE, ""))) - {""}
    if unknown := sorted(names - {*PROGRAMS, ALL}):
        raise UnknownProgramError(
            f"{WITHOUT_VARIABLE} names {unknown[0]!r}, which is not an optional program: choose among "
            f"{', '.join(sorted(PROGRAMS))}, or {ALL}."
        )
    return frozenset(PROGRAMS if ALL in names else names)


def find_program_of(command: str) -> str:
    """The optional program that brings a command. Raises KeyError where none does."""
    for name, program in PROGRAMS.items():
        if command in program.commands:
            return name
    raise KeyError(f"{command} belongs to no optional program")
