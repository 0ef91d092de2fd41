"""Checks the import rules of pyproject.toml, from the project root and without an installed script.

import-linter reads packages alone. `server.py` and `settings.py` are layers of one file, so they are shown to it as
packages of one file, through links in a folder that lives as long as the check.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from importlinter.cli import lint_imports_command

ROOT = Path(__file__).resolve().parent.parent
ONE_FILE_LAYERS = ("server", "settings")

with TemporaryDirectory(prefix="simpul-imports-") as folder:
    for layer in ONE_FILE_LAYERS:
        (Path(folder) / layer).mkdir()
        (Path(folder) / layer / "__init__.py").symlink_to(ROOT / f"{layer}.py")
    os.chdir(folder)  # import-linter looks there first
    sys.path.insert(0, str(ROOT))
    lint_imports_command(["--config", str(ROOT / "pyproject.toml"), *sys.argv[1:]])
