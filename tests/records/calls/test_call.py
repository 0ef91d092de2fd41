"""The context of a call to an agency."""

from time import monotonic
from typing import Any

import pytest

from records.calls.call import Call


def test_the_remaining_time_is_never_negative() -> None:
    assert Call(deadline=monotonic() - 5, request_id="r").remaining() == 0.0
    assert 4.0 < Call(deadline=monotonic() + 5, request_id="r").remaining() <= 5.0


def test_a_call_does_not_change() -> None:
    call: Any = Call(deadline=1.0, request_id="r")
    with pytest.raises(AttributeError):
        call.deadline = 2.0
