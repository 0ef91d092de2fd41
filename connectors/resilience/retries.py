"""Decides whether and when a failed call is retried.

The driver decides what may be repeated; this module decides what is worth it: only failures before the agency's
deadline, because a retry does not help a slow agency.
"""

from __future__ import annotations

from collections.abc import Callable
from random import random
from typing import Final

from records.calls.failures import AgencyFailure, AgencyRefused, AgencyUnavailable

_FIRST_LIMIT: Final = 0.1
_MAX_WAIT: Final = 2.0
_MAX_SAVED: Final = 10.0


class RetryBudget:
    """Limits the retries to `share` of an agency's calls, plus a few initial ones.

    So retries add a tenth, for example, to the load of a failing agency, and never double it.
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._saved = 1.0

    def __repr__(self) -> str:
        return f"<RetryBudget {self._saved:.1f}>"

    def record_call(self) -> None:
        """Count a first attempt."""
        if self._saved < _MAX_SAVED:
            self._saved = min(_MAX_SAVED, self._saved + self._share)

    def spend(self) -> bool:
        """Take one retry from the budget, if there is one."""
        if self._saved < 1.0:
            return False
        self._saved -= 1.0
        return True


def compute_retry_wait(
    retry: int, failure: AgencyFailure, *, remaining: float, random_source: Callable[[], float] = random
) -> float | None:
    """Compute the wait in seconds before the retry with this number (from 1); None if it is not worth a retry.

    `remaining` is the caller's remaining time in seconds. The first retry follows immediately: it is for a connection
    that broke or one instance that failed, and the budget bounds it. Later waits are random between 0 and a limit that
    doubles (full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), so that callers
    that failed together do not retry together. So are waits after the agency's `Retry-After`, which none undercuts.
    """
    asked = failure.retry_after
    if isinstance(failure, AgencyRefused):
        # A refusal is final, unless the agency says until when.
        if asked is None:
            return None
    elif not isinstance(failure, AgencyUnavailable):
        return None
    limit = 0.0 if retry == 1 and not asked else min(_MAX_WAIT, _FIRST_LIMIT * 2.0 ** max(0, retry - 2))
    wait = random_source() * limit + (asked or 0.0)
    return wait if wait < remaining else None
