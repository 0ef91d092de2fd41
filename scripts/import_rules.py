"""Checks the import rules of pyproject.toml, from the project root and without an installed script."""

import os
import sys
from pathlib import Path

from importlinter.cli import lint_imports_command

ROOT = Path(__file__).resolve().parent.parent

os.chdir(ROOT)
sys.path.insert(0, str(ROOT))
lint_imports_command()
