"""Puts the project root on the path and runs the command line; started by .venv/bin/simpul."""

import gc
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

gc.disable()  # nothing of what is imported is garbage, and to look for some takes an eighth of the start

from cli.main import main  # noqa: E402 - while nothing is collected

gc.enable()

main()
