"""Signals by which supervisor, generations and workers end each other."""

from __future__ import annotations

import signal

STOP = signal.SIGTERM
"""Finish running requests; a second one ends immediately."""
DRAIN = signal.SIGUSR1
"""Finish running requests, however long they take, because other workers serve new ones."""
