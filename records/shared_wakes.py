"""When the repeated work of a process wakes it: at common moments, so that one wake serves all that is due.

A wake of a process at rest takes several times the processor time of the work in it, because the caches hold nothing
of it any more. With a timer for each, eight repeated works of a worker woke it 260 times a minute.
"""

from __future__ import annotations

import asyncio
import os

_EARLY = 0.01
"""A timer may fire a little early. So close to a common moment, a pause ends at the next one."""


def compute_pause(interval: float) -> float:
    """Seconds until the next common moment of works with this interval: at most the interval, or one percent more.

    Processes of a machine have different moments: they would otherwise all ask the database in the same one.
    """
    since = (asyncio.get_running_loop().time() + os.getpid() % 50 / 10) % interval
    left = interval - since
    return left if left > interval * _EARLY else left + interval
