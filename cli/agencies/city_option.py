"""The city folder that a command names, or that of the hub's settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.command_error import CommandError
from sandbox.stand_ins.sources import find_city

if TYPE_CHECKING:
    from settings.city.folder import CityFolder

CityOption = Annotated[
    Path | None, typer.Option("--city", help="A city folder; default: that of the hub's settings.", exists=True)
]


def find_city_path(named: Path | None) -> Path:
    """The folder that a command names, or that of the hub's settings."""
    return named or find_city()


def load_city_folder(named: Path | None) -> CityFolder:
    """The city, without the values of its references: no other setting is needed. Raises `CommandError`."""
    from settings.city.folder import load_city  # noqa: PLC0415 - the hub, which other commands need not wait for
    from settings.city.problems import ManifestError  # noqa: PLC0415 - same

    try:
        return load_city(find_city_path(named))
    except ManifestError as problem:
        raise CommandError(str(problem)) from None
