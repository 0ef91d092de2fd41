"""Where the project stands and where it keeps its state."""

from __future__ import annotations

import os
from pathlib import Path

from sandbox.state_folder import StateFolder

ROOT = Path(__file__).resolve().parent.parent


def find_state_folder() -> StateFolder:
    """The folder that `SIMPUL_STATE` names, else `.simpul` in the project."""
    named = os.environ.get("SIMPUL_STATE")
    return StateFolder(Path(named) if named else ROOT / ".simpul")
