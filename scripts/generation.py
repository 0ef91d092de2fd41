"""Puts the project root on the path and becomes a generation of workers; started by `simpul hub`."""

import gc
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

gc.disable()  # until all is imported: nothing of it is garbage, and to look for some takes an eighth of the start

from workers.worker_pool import run_generation  # noqa: E402 - while nothing is collected

sys.exit(run_generation(sys.argv[1:]))
