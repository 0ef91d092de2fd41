"""Checks for every failure of every agency."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable
from typing import TypeVar

import pytest

from records.calls.call import Call
from records.calls.failures import AgencyFailure

F = TypeVar("F", bound=AgencyFailure)

_LONG_NUMBER = re.compile(r"\d{10,}")


def make_call(seconds: float = 10) -> Call:
    """A call with a deadline in this number of seconds."""
    return Call(deadline=time.monotonic() + seconds, request_id="test")


async def expect_failure(ask: Awaitable[object], kind: type[F], agency: str, *, secrets: tuple[str, ...] = ()) -> F:
    """Returns the failure of a call, which must be of this kind and reveal no number, host or secret."""
    with pytest.raises(AgencyFailure) as raised:
        await ask
    assert isinstance(raised.value, kind), f"{raised.value!r}: {raised.value.detail}"
    assert raised.value.agency == agency
    assert_reveals_nothing(raised.value, *secrets)
    return raised.value


def assert_reveals_nothing(failure: AgencyFailure, *secrets: str) -> None:
    """Checks that a failure reveals no identity number, host or secret."""
    told = f"{failure} {failure!r} {failure.detail}"
    assert not _LONG_NUMBER.search(told)
    assert not [secret for secret in ("127.0.0.1", "localhost", "rahasia", *secrets) if secret in told]
