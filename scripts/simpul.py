"""Puts the project root on the path and runs the command line; started by .venv/bin/simpul."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cli.main import main

main()
