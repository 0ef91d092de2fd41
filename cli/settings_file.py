"""Loads the settings file that a command uses in place of the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from cli.command_error import CommandError
from workers.settings_file import SettingsFileError, read_settings_file

SettingsFile = Annotated[
    Path | None,
    typer.Option(
        "--settings",
        help="File of SIMPUL_... variables, as systemd's EnvironmentFile; it replaces those of the environment.",
        exists=True,
        dir_okay=False,
    ),
]


def load_settings_file(file: Path) -> None:
    """Replace the environment's SIMPUL_... variables with the file's. Raises `CommandError` if it cannot be read."""
    try:
        variables = read_settings_file(file)
    except SettingsFileError as problem:
        raise CommandError(str(problem)) from None
    for name in [each for each in os.environ if each.upper().startswith("SIMPUL_")]:
        del os.environ[name]
    os.environ.update(variables)


def use_settings_file(command: str | None, file: Path | None) -> None:
    """Let any command use a settings file: `simpul --settings FILE ledger verify`. Raises `CommandError`."""
    if file is None:
        return
    if command == "hub":
        raise CommandError(f"the hub rereads its file at each reload: write `simpul hub --settings {file}`")
    load_settings_file(file)
