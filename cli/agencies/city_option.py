"""Loads the city folder that a command names, or that of the hub's settings."""

from __future__ import annotations

import os
from pathlib import Path

from cli.command_error import CommandError
from settings.city.folder import DEFAULT_CITY, CityFolder, load_city
from settings.city.problems import ManifestError


def load_city_folder(path: Path | None) -> CityFolder:
    """The city, without the values of its references: no other setting is needed. Raises `CommandError`."""
    try:
        return load_city(path or Path(os.environ.get("SIMPUL_CITY") or DEFAULT_CITY))
    except ManifestError as problem:
        raise CommandError(str(problem)) from None
