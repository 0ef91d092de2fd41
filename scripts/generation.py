"""Puts the project root on the path and runs a generation of workers; started by `simpul hub`."""

import gc
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

gc.disable()  # until the end of the imports: they create no garbage, and collecting takes an eighth of the start

from workers.worker_pool import run_generation  # noqa: E402 - with garbage collection off

sys.exit(run_generation(sys.argv[1:]))
