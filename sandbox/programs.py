"""Optional programs: the one place that looks for them, and `SIMPUL_WITHOUT`, which leaves some of them out.

`SIMPUL_WITHOUT=mariadb,npm` (or `all`) behaves as if these programs were not installed, and keeps apt from
installing them. So a machine that has them can show what happens on one that does not.
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
    """A program the project uses where it is installed, and does without elsewhere."""

    commands: Mapping[str, tuple[str, ...]]
    """Each command it brings, with the file names it goes by, the usual one first."""
    package: str
    """The Debian package that brings them."""


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
    """An optional program's command on the PATH or among server programs; None where missing or left out.

    Raises `UnknownProgramError` when `SIMPUL_WITHOUT` is wrong, KeyError for a command of no optional program.
    """
    name = find_program_of(command)
    if name in read_left_out():
        return None
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_SERVER_FOLDERS))
    found = (shutil.which(each, path=path) for each in PROGRAMS[name].commands[command])
    return next((Path(each) for each in found if each), None)


def is_installed(name: str) -> bool:
    """Whether every command of an optional program is found."""
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
