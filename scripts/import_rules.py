"""Checks the import rules of pyproject.toml, from the project root and without an installed script.

import-linter reads packages only. `server.py` is a layer of one file, so it is presented as a package of one file,
through a link in a temporary folder.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from importlinter.cli import lint_imports_command

ROOT = Path(__file__).resolve().parent.parent
ONE_FILE_LAYER = "server"

with TemporaryDirectory(prefix="simpul-imports-") as folder:
    (Path(folder) / ONE_FILE_LAYER).mkdir()
    (Path(folder) / ONE_FILE_LAYER / "__init__.py").symlink_to(ROOT / f"{ONE_FILE_LAYER}.py")
    os.chdir(folder)  # import-linter searches there first
    sys.path.insert(0, str(ROOT))
    lint_imports_command(["--config", str(ROOT / "pyproject.toml"), *sys.argv[1:]])
