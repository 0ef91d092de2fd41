"""Reads an operator's configuration file."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any, Final

MAX_FILE_BYTES: Final = 1024 * 1024
"""Maximum size of a file, so that a wrong path does not fill the memory."""


def read_bounded(path: Path) -> bytes:
    """The bytes of a file. Raises `OSError`, and `ValueError` if it is larger than `MAX_FILE_BYTES`."""
    with path.open("rb") as file:
        raw = file.read(MAX_FILE_BYTES + 1)
    if len(raw) > MAX_FILE_BYTES:
        raise ValueError(f"larger than {MAX_FILE_BYTES} bytes")
    return raw


def read_config_file(path: Path, what: str) -> Any:  # noqa: ANN401 - any TOML or JSON
    """Parses a TOML file, or JSON if its name ends with `.json`; `what` names the kind of file in errors.

    Raises `ValueError` if the file cannot be read, is larger than `MAX_FILE_BYTES`, or is invalid.
    """
    try:
        raw = read_bounded(path)
    except OSError as error:
        raise ValueError(f"{what} '{path}' cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"{what} '{path}': {error}") from None
    is_json = path.suffix == ".json"
    try:
        text = raw.decode("utf-8")
        return json.loads(text) if is_json else tomllib.loads(text)
    except ValueError as error:
        raise ValueError(f"{what} '{path}': invalid {'JSON' if is_json else 'TOML'}: {error}") from None
