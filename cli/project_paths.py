"""Paths of the project and of its state folder."""

from __future__ import annotations

import os
from pathlib import Path

from sandbox.state_folder import StateFolder

ROOT = Path(__file__).resolve().parent.parent


def find_state_folder() -> StateFolder:
    """The folder in `SIMPUL_STATE`; default: `.simpul` in the project."""
    named = os.environ.get("SIMPUL_STATE")
    return StateFolder(Path(named) if named else ROOT / ".simpul")
