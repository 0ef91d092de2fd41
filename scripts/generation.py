"""Puts the project root on the path and runs a generation of workers; started by `simpul hub`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from workers.worker_pool import run_generation

sys.exit(run_generation(sys.argv[1:]))
