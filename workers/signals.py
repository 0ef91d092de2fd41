"""By which signals supervisor, generations and workers tell each other to end."""

from __future__ import annotations

import signal

END = signal.SIGTERM
"""Finish what runs; another time: at once."""
RETIRE = signal.SIGUSR1
"""Finish what runs, however long it takes: others serve on."""
