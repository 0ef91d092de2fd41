"""Whether a call that failed is made once more, and when.

What may be repeated is for the driver to say; what is worth it is said here. Only failures that came before the
agency's deadline: one that is too slow is not helped by being asked twice.
"""

from __future__ import annotations

from collections.abc import Callable
from random import random
from typing import Final

from records.calls.failures import AgencyFailure, AgencyRefused, AgencyUnavailable

_FIRST_WAIT: Final = 0.1
_MAX_WAIT: Final = 2.0
_MAX_SAVED: Final = 10.0


class RetryBudget:
    """What an agency is asked again at most: `share` of its calls, and a few for a start.

    So retries add a tenth to the load of a failing agency, say, and never double it.
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._saved = 1.0

    def __repr__(self) -> str:
        return f"<RetryBudget {self._saved:.1f}>"

    def record_call(self) -> None:
        """A call was made for the first time."""
        if self._saved < _MAX_SAVED:
            self._saved = min(_MAX_SAVED, self._saved + self._share)

    def spend(self) -> bool:
        """Take one retry, where there is one."""
        if self._saved < 1.0:
            return False
        self._saved -= 1.0
        return True


def compute_retry_wait(
    retry: int, failure: AgencyFailure, *, remaining: float, random_source: Callable[[], float] = random
) -> float | None:
    """Seconds to wait before the retry of this number (from 1); None where it is not worth trying.

    `remaining` is how long the caller still waits, in seconds. The wait is drawn between nothing and a limit that
    doubles (full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), so that callers
    who failed together do not come back together. Where the agency says when it wants to be asked again, not before
    that.
    """
    asked = failure.retry_after
    if isinstance(failure, AgencyRefused):
        # A no is a no, unless the agency says until when.
        if asked is None:
            return None
    elif not isinstance(failure, AgencyUnavailable):
        return None
    wait = random_source() * min(_MAX_WAIT, _FIRST_WAIT * 2 ** (retry - 1)) + (asked or 0.0)
    return wait if wait < remaining else None
